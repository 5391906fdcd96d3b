#include "services/client/loop.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "services/client/session.h"

namespace ringgate::client {
namespace {

constexpr std::size_t kMaxLineBytes = 1024 * 1024;
constexpr std::int64_t kComeAgainNs = 10 * kNsPerS;
constexpr std::int64_t kComeAgainPauseNs = kNsPerS / 2;

std::int64_t now_ns() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// All of `text` and a line end, or false: whoever read it is gone.
bool write_line(int fd, std::string_view line) {
  std::string text(line);
  text.push_back('\n');
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t written = write(fd, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd waiting{fd, POLLOUT, 0};
      if (poll(&waiting, 1, -1) < 0 && errno != EINTR) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

class ClientLoop {
 public:
  ClientLoop(const Descriptors& descriptors, const std::string& account, const std::string& token)
      : fds_(descriptors), account_(account), token_(token) {}

  // Until this session ends.
  void run(Stream& stream, std::unique_ptr<Transport> transport) {
    stream_ = &stream;
    session_ = std::make_unique<Session>(
        account_, std::move(transport), [this](Session::Line kind, std::string_view line) {
          const bool output = kind == Session::Line::kOutput;
          if (!write_line(output ? fds_.output : fds_.problems, line) && output) {
            lose_output();
          }
        });
    session_->start(token_, now_ns());
    session_->receive({}, now_ns());
    while (!session_->ended() && !broken_ && signal_ == 0) {
      send_bytes();
      run_lines();
      session_->tick(now_ns());
      if (!session_->ended() && !broken_) wait();
    }
    send_bytes();  // a close frame, as far as there is room for it: nobody waits for it any more
    stream_->close();
    failed_ = failed_ || session_->exit_code() != 0;
  }

  int exit_code() const {
    if (signal_ != 0) return 128 + signal_;
    return broken_ || failed_ ? 1 : 0;
  }

  // Waits for as long as the gateway said, and a little longer where nobody listens yet. Nothing:
  // it is over.
  std::optional<Dialled> come_again(const DialAgain& dial) {
    const std::optional<Session::ComeAgain>& again = session_->come_again();
    if (broken_ || !again) return std::nullopt;
    pause(again->in_ns);
    const std::int64_t give_up_ns = now_ns() + kComeAgainNs;
    while (signal_ == 0) {
      Result<Dialled> dialled = dial(again->at);
      if (dialled) return std::move(*dialled);
      if (now_ns() >= give_up_ns) {
        write_line(fds_.problems, dialled.error().message);
        failed_ = true;
        return std::nullopt;
      }
      pause(kComeAgainPauseNs);
    }
    return std::nullopt;
  }

 private:
  // A signal ends it.
  void pause(std::int64_t time_ns) {
    const std::int64_t end_ns = now_ns() + time_ns;
    while (signal_ == 0) {
      const std::int64_t left_ns = end_ns - now_ns();
      if (left_ns <= 0) return;
      pollfd waiting{fds_.signals, POLLIN, 0};
      const auto left_ms = std::clamp<std::int64_t>(left_ns / 1'000'000 + 1, 0, INT_MAX);
      if (poll(&waiting, 1, static_cast<int>(left_ms)) > 0) read_signal();
    }
  }

  void lose_output() {
    const int error = errno;
    if (!std::exchange(broken_, true)) {
      write_line(fds_.problems,
                 std::string("the output cannot be written: ") + std::strerror(error));
    }
  }

  void wait() {
    const bool reads_input = session_->wants_input() && !input_ended_;
    const bool sends = !session_->unsent().empty() || stream_->wants_to_send();
    std::array<pollfd, 3> waiting = {
        pollfd{stream_->fd(), static_cast<short>(sends ? POLLIN | POLLOUT : POLLIN), 0},
        pollfd{reads_input ? fds_.input : -1, POLLIN, 0}, pollfd{fds_.signals, POLLIN, 0}};
    if (poll(waiting.data(), waiting.size(), wait_ms()) < 0) {
      if (errno != EINTR) session_->disconnected(std::strerror(errno));
      return;
    }
    if (waiting[2].revents != 0) read_signal();
    if ((waiting[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) receive_bytes();
    if (waiting[1].revents != 0 && session_->wants_input()) read_input();
  }

  // Until the session has something to do.
  int wait_ms() const {
    const std::int64_t left_ns = session_->next_due_ns() - now_ns();
    return static_cast<int>(std::clamp<std::int64_t>(left_ns / 1'000'000 + 1, 0, INT_MAX));
  }

  void send_bytes() {
    stream_->flush();
    while (!session_->unsent().empty()) {
      const std::string_view bytes = session_->unsent();
      const Stream::Step step = stream_->send(as_bytes(bytes));
      if (step.status != Stream::Status::kDone) {
        // What the gateway sent before it went away says why, and is still to be read.
        if (step.status == Stream::Status::kEnd) session_->sent(bytes.size());
        return;
      }
      session_->sent(step.bytes);
    }
  }

  void receive_bytes() {
    const Stream::Step step =
        stream_->receive([this](ByteView bytes) { session_->receive(bytes, now_ns()); });
    if (step.status == Stream::Status::kEnd) session_->disconnected({});
    if (step.status == Stream::Status::kFailed) session_->disconnected(step.problem);
  }

  // Reads only after poll() said that there is something, so that it need not make the descriptor
  // non-blocking: a terminal's is shared with the shell, and with our own output.
  void read_input() {
    std::array<char, 16 * 1024> buffer;
    const ssize_t bytes = read(fds_.input, buffer.data(), buffer.size());
    if (bytes > 0) {
      input_.append(buffer.data(), static_cast<std::size_t>(bytes));
    } else if (bytes == 0 || (errno != EAGAIN && errno != EINTR)) {
      input_ended_ = true;
    }
    if (input_.size() > kMaxLineBytes && !has_line()) {
      write_line(fds_.problems, "a line of the input is longer than 1 MiB");
      broken_ = true;
    }
  }

  bool has_line() const { return input_.find('\n') != std::string::npos; }

  void run_lines() {
    std::size_t done = 0;
    while (session_->wants_input()) {
      const std::size_t end = input_.find('\n', done);
      if (end == std::string::npos) break;
      session_->run(parse_command(std::string_view(input_).substr(done, end - done)), now_ns());
      done = end + 1;
    }
    input_.erase(0, done);
    if (input_ended_ && !has_line() && session_->wants_input()) end_input();
    send_bytes();
  }

  // The last line need not have a line end.
  void end_input() {
    session_->run(parse_command(input_), now_ns());
    input_.clear();
    session_->quit(now_ns());
  }

  void read_signal() {
    signalfd_siginfo info{};
    if (read(fds_.signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      signal_ = static_cast<int>(info.ssi_signo);
    }
  }

  Descriptors fds_;
  const std::string account_;
  const std::string token_;
  Stream* stream_ = nullptr;
  std::unique_ptr<Session> session_;
  bool failed_ = false;
  std::string input_;
  bool input_ended_ = false;
  bool broken_ = false;  // an output is gone
  int signal_ = 0;
};

}  // namespace

int run(const Descriptors& descriptors, Dialled connection, const DialAgain& again,
        const std::string& account, const std::string& token) {
  ClientLoop loop(descriptors, account, token);
  std::optional<Dialled> next = std::move(connection);
  while (next) {
    Dialled here = std::move(*next);
    loop.run(here.stream, std::move(here.transport));
    next = loop.come_again(again);
  }
  return loop.exit_code();
}

}  // namespace ringgate::client
