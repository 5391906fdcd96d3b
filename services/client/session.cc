#include "services/client/session.h"

#include <fmt/format.h>

#include <utility>

#include "codec/message_body.h"
#include "codec/packet.h"
#include "codec/pkt.pb.h"
#include "codec/retry_hint.h"
#include "codec/rewrite.h"
#include "control/base/text.h"

namespace ringgate::client {
namespace {

constexpr std::size_t kMaxHeaderBytes = 1024 * 1024;

// Without the frames around them, which are the transport's.
constexpr ByteView kPing = ByteView(kTcpPing).subspan(kTcpFrameHeadBytes);
constexpr ByteView kPong = ByteView(kTcpPong).subspan(kTcpFrameHeadBytes);

}  // namespace

Session::Session(std::string account, std::unique_ptr<Transport> transport, Printer print)
    : account_(std::move(account)), transport_(std::move(transport)), print_(std::move(print)) {}

void Session::start(std::string_view token, std::int64_t now_ns) {
  pkt::LoginReq login;
  login.set_token(token.data(), token.size());
  send_request({Request::Kind::kLogin, {}}, "login.signin", {}, login.SerializeAsString(), now_ns);
  due_ns_ = now_ns + kLoginAnswerNs;
}

bool Session::wants_input() const noexcept {
  return state_ == State::kReady && requests_.size() + pings_.size() < kMaxOutstanding &&
         unsent().size() < kMaxUnsentBytes;
}

void Session::run(const Command& command, std::int64_t now_ns) {
  switch (command.kind) {
    case Command::Kind::kNothing:
      return;
    case Command::Kind::kPing:
      return send_ping(false, now_ns);
    case Command::Kind::kTalk: {
      pkt::MessageReq message;
      message.set_type(kTextMessage);
      message.set_body(command.text);
      return send_request({Request::Kind::kTalk, command.to}, "chat.user.talk", command.to,
                          message.SerializeAsString(), now_ns);
    }
    case Command::Kind::kEcho:
      return send_request({Request::Kind::kEcho, {}}, "echo.text", {}, command.text, now_ns);
    case Command::Kind::kQuit:
      return quit(now_ns);
    case Command::Kind::kHelp:
      return output(help());
    case Command::Kind::kInvalid:
      return problem(command.text);
  }
}

void Session::quit(std::int64_t now_ns) {
  if (state_ != State::kReady && state_ != State::kLoggingIn) return;
  state_ = State::kQuitting;
  due_ns_ = now_ns + kQuitWaitNs;
  close_when_answered(now_ns);
}

void Session::disconnected(std::string_view how) {
  if (ended()) return;
  if (state_ == State::kClosing) {
    state_ = State::kEnded;
  } else if (!how.empty()) {
    fail(fmt::format("the connection was lost: {}", how));
  } else if (state_ == State::kLoggingIn) {
    fail("the gateway closed the connection before it answered the login");
  } else {
    fail("the gateway closed the connection");
  }
}

void Session::tick(std::int64_t now_ns) {
  if (now_ns < due_ns_) return;
  switch (state_) {
    case State::kLoggingIn:
      return fail(fmt::format("the gateway did not answer the login within {} s",
                              kLoginAnswerNs / kNsPerS));
    case State::kReady:
      if (!pings_.empty()) return fail("the gateway does not answer any more");
      return send_ping(true, now_ns);
    case State::kQuitting:
      problem(fmt::format("no answer within {} s to {} of what was sent", kQuitWaitNs / kNsPerS,
                          outstanding()));
      return begin_close(now_ns);
    case State::kClosing:
      state_ = State::kEnded;
      return;
    case State::kEnded:
      return;
  }
}

void Session::send_request(Request request, std::string_view command, std::string_view dest,
                           std::string_view body, std::int64_t now_ns) {
  const OutgoingHeader header{.command = command, .sequence = next_sequence_++, .dest = dest};
  std::string packet(packet_bytes(header, body.size()), '\0');
  write_packet(reinterpret_cast<std::uint8_t*>(packet.data()), header, as_bytes(body));
  transport_->send_packet(as_bytes(packet));
  if (request.kind == Request::Kind::kAck) ++acks_;
  requests_.emplace(header.sequence, std::move(request));
  if (state_ == State::kReady) due_ns_ = now_ns + kHeartbeatNs;
}

void Session::send_ping(bool heartbeat, std::int64_t now_ns) {
  transport_->send_packet(kPing);
  pings_.push_back({now_ns, heartbeat});
  due_ns_ = now_ns + kHeartbeatNs;
}

void Session::begin_close(std::int64_t now_ns) {
  transport_->send_close();
  state_ = State::kClosing;
  due_ns_ = now_ns + kCloseWaitNs;
}

void Session::close_when_answered(std::int64_t now_ns) {
  if (state_ == State::kQuitting && outstanding() == 0) begin_close(now_ns);
}

std::size_t Session::outstanding() const noexcept {
  std::size_t count = requests_.size() - acks_;
  for (const Ping& ping : pings_) count += ping.heartbeat ? 0 : 1;
  return count;
}

void Session::receive(ByteView bytes, std::int64_t now_ns) {
  transport_->receive(bytes);
  while (!ended()) {
    const Event event = transport_->next();
    if (event.kind == Event::Kind::kNeedMore) break;
    take_event(event, now_ns);
  }
  close_when_answered(now_ns);
}

void Session::take_event(const Event& event, std::int64_t now_ns) {
  switch (event.kind) {
    case Event::Kind::kNeedMore:
      return;
    case Event::Kind::kPacket:
      return take_packet(event.payload, now_ns);
    case Event::Kind::kClose:
      return take_close(event.text);
    case Event::Kind::kProblem:
      return fail(event.text);
  }
}

void Session::take_packet(ByteView payload, std::int64_t now_ns) {
  const Packet packet = parse_packet(payload, kMaxHeaderBytes);
  if (packet.status == PacketStatus::kBasic) {
    if (packet.code == kBasicPong) take_pong(now_ns);
    if (packet.code == kBasicPing) transport_->send_packet(kPong);
    return;
  }
  pkt::Header header;
  if (packet.status != PacketStatus::kLogic ||
      !header.ParseFromArray(packet.header.data(), static_cast<int>(packet.header.size()))) {
    return fail("the gateway sent a packet that cannot be read");
  }
  if (header.flag() == pkt::Push) return take_push(header, packet.body, now_ns);
  if (header.flag() == pkt::Response) return take_response(header, packet.body, now_ns);
}

void Session::take_pong(std::int64_t now_ns) {
  if (pings_.empty()) return;
  const Ping ping = pings_.front();
  pings_.pop_front();
  if (ping.heartbeat) return;
  output(fmt::format("pong {:.2f} ms", static_cast<double>(now_ns - ping.sent_ns) / 1e6));
}

void Session::take_close(std::string_view reason) {
  const std::optional<RetryHint> hint = parse_retry_hint(reason);
  if (state_ == State::kClosing) {
    state_ = State::kEnded;
  } else if (hint && state_ != State::kQuitting) {
    leave_for_a_while(*hint);
  } else if (reason.empty()) {
    disconnected({});
  } else {
    fail(fmt::format("the gateway closed the connection: {}", printable(reason)));
  }
}

// Told, though it is no problem; what has no answer is one.
void Session::leave_for_a_while(const RetryHint& hint) {
  const std::size_t unanswered = state_ == State::kReady ? outstanding() : 0;
  if (unanswered > 0) {
    problem(fmt::format("no answer to {} of what was sent: the gateway goes away", unanswered));
  }
  print_(Line::kProblem,
         fmt::format("the gateway goes away; logging in again{} in {} ms",
                     hint.at.empty() ? "" : " at " + printable(hint.at), hint.in_ms));
  come_again_ = ComeAgain{std::int64_t{hint.in_ms} * (kNsPerS / 1000), std::string(hint.at)};
  state_ = State::kEnded;
}

void Session::problem(std::string_view line) {
  exit_code_ = 1;
  print_(Line::kProblem, line);
}

void Session::fail(std::string_view line) {
  problem(line);
  transport_->send_close();
  state_ = State::kEnded;
}

}  // namespace ringgate::client
