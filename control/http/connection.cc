// One connection of an Server: its request is read, answered, written, and the client gets a
// moment to take the end in before the socket goes.
#include <array>
#include <optional>
#include <utility>

#include "control/http/server.h"

namespace ringgate::http {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;
// A socket that is closed with input unread resets, and the client may lose the answer.
constexpr std::chrono::milliseconds kLingerTime{1000};
constexpr std::size_t kMaxLingerBytes = 256 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

void Server::on_ready(std::uint64_t id) {
  const auto at = connections_.find(id);
  if (at == connections_.end()) return;
  Connection& connection = at->second;
  if (!connection.stream.flush()) return close(connection);
  switch (connection.state) {
    case State::kReading:
      return read_some(connection);
    case State::kWriting:
      return send_some(connection);
    case State::kLingering:
      return discard_some(connection);
    case State::kAnswering:
      return;
  }
}

void Server::on_time(std::uint64_t id) {
  const auto at = connections_.find(id);
  if (at == connections_.end()) return;
  Connection& connection = at->second;
  connection.timer = 0;
  switch (connection.state) {
    case State::kReading:
      count(Dropped::kRequestTime);
      // Browsers open connections in advance; nobody waits for an answer on those.
      if (!connection.reader.has_begun()) return close(connection);
      return answer(connection, {408, "the request took too long\n"});
    case State::kAnswering:
      count(Dropped::kAnswerTime);
      return answer(connection, {503, "this takes too long; it may still happen\n"});
    case State::kWriting:
      return drop(connection, Dropped::kTakeTime);
    case State::kLingering:
      return close(connection);
  }
}

void Server::wait_until(Connection& connection, ControlLoop::Until until) {
  loop_->watch(connection.stream.fd(), until, [this, id = connection.id] { on_ready(id); });
}

void Server::expect_within(Connection& connection, std::chrono::milliseconds time) {
  if (connection.timer != 0) loop_->cancel(connection.timer);
  connection.timer = loop_->after(time, [this, id = connection.id] { on_time(id); });
}

void Server::read_some(Connection& connection) {
  std::array<std::uint8_t, kReadBytes> buffer;
  for (;;) {
    const std::optional<ssize_t> got = connection.stream.read(buffer);
    if (!got || *got == 0) return close(connection);
    if (*got < 0) return wait_for_more(connection);
    HttpRequestReader& reader = connection.reader;
    switch (reader.feed(ByteView(buffer.data(), static_cast<std::size_t>(*got)))) {
      case HttpReadStatus::kNeedMore:
        break;
      case HttpReadStatus::kNeedContinue:
        // Nothing was sent yet, so the kernel has room for it.
        if (!connection.stream.write(kContinue)) return close(connection);
        break;
      case HttpReadStatus::kRefused:
        return answer(connection, {reader.http_status(), std::string(reader.problem()) + "\n"});
      case HttpReadStatus::kDone:
        return take_request(connection);
    }
  }
}

// Where a part of a handshake could not be sent, for room, too.
void Server::wait_for_more(Connection& connection) {
  const bool is_full = connection.stream.has_output();
  if (is_full == connection.waits_for_room) return;
  connection.waits_for_room = is_full;
  wait_until(connection, is_full ? ControlLoop::Until::kEither : ControlLoop::Until::kReadable);
}

void Server::take_request(Connection& connection) {
  ReceivedRequest request = connection.reader.request();
  request.peer = connection.peer_text;
  connection.state = State::kAnswering;
  connection.head_only = request.method == "HEAD";
  connection.reader = HttpRequestReader();
  // Its end or a reset would be reported again and again.
  loop_->unwatch(connection.stream.fd());
  expect_within(connection, bounds_.answer_time);
  handler_(request, [this, id = connection.id](Reply reply) {
    loop_->post([this, id, reply = std::move(reply)] {
      const auto at = connections_.find(id);
      if (at != connections_.end() && at->second.state == State::kAnswering) {
        answer(at->second, reply);
      }
    });
  });
}

void Server::answer(Connection& connection, const Reply& reply) {
  const auto status = static_cast<std::size_t>(reply.status);
  if (status < answers_.size()) answers_[status].fetch_add(1, std::memory_order_relaxed);
  connection.state = State::kWriting;
  connection.output = response(reply, !connection.head_only);
  answer_bytes_ += connection.output.size();
  expect_within(connection, bounds_.take_time);
  wait_until(connection, ControlLoop::Until::kWritable);
  make_room_for_answers(connection);
  send_some(connection);
}

void Server::send_some(Connection& connection) {
  const std::string_view rest = std::string_view(connection.output).substr(connection.sent);
  const std::optional<ssize_t> sent = connection.stream.write(rest);
  if (!sent) return close(connection);
  if (*sent > 0) connection.sent += static_cast<std::size_t>(*sent);
  if (connection.sent == connection.output.size() && !connection.stream.has_output()) {
    linger(connection);
  }
}

void Server::linger(Connection& connection) {
  connection.stream.end();
  if (ending_) return close(connection);
  connection.state = State::kLingering;
  answer_bytes_ -= connection.output.size();
  connection.output = {};
  expect_within(connection, kLingerTime);
  wait_until(connection, ControlLoop::Until::kReadable);
}

void Server::discard_some(Connection& connection) {
  std::array<std::uint8_t, kReadBytes> buffer;
  const std::optional<ssize_t> got = connection.stream.read_raw(buffer);
  if (got == -1) return;
  if (!got || *got == 0) return close(connection);
  connection.discarded += static_cast<std::size_t>(*got);
  if (connection.discarded > kMaxLingerBytes) close(connection);
}

// Ended for the sake of others or of itself, and told so where there is a moment for it.
void Server::drop(Connection& connection, Dropped why) {
  count(why);
  if (connection.state == State::kReading && connection.reader.has_begun()) {
    answers_[503].fetch_add(1, std::memory_order_relaxed);
    static_cast<void>(
        connection.stream.write(response({503, "there are too many connections\n"}, true)));
  }
  close(connection);
}

void Server::close(Connection& connection) {
  if (connection.timer != 0) loop_->cancel(connection.timer);
  loop_->unwatch(connection.stream.fd());
  answer_bytes_ -= connection.output.size();
  listener_.give_back(connection.stream.release());
  const std::uint64_t id = connection.id;
  connections_.erase(id);
  open_.store(connections_.size(), std::memory_order_relaxed);
  end_if_empty();
}

void Server::count(Dropped why) {
  dropped_[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed);
}

}  // namespace ringgate::http
