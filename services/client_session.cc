#include "services/client_session.h"

#include <fmt/format.h>

#include <utility>

#include "codec/packet.h"
#include "codec/pkt.pb.h"

namespace ringgate {
namespace {

constexpr std::size_t kMaxPayloadBytes = 16 * 1024 * 1024;
constexpr std::size_t kMaxHeaderBytes = 1024 * 1024;
constexpr std::string_view kNotAGateway =
    "what answers there does not speak the gateway's TCP protocol: check the port";

}  // namespace

ClientSession::ClientSession(std::string account, Printer print)
    : account_(std::move(account)), print_(std::move(print)) {}

void ClientSession::start(std::string_view token, std::int64_t now_ns) {
  pkt::LoginReq login;
  login.set_token(token.data(), token.size());
  send_request({Request::Kind::kLogin, {}}, "login.signin", {}, login.SerializeAsString(), now_ns);
  due_ns_ = now_ns + kLoginAnswerNs;
}

bool ClientSession::wants_input() const noexcept {
  return state_ == State::kReady && outstanding() < kMaxOutstanding &&
         unsent_.size() < kMaxUnsentBytes;
}

void ClientSession::run(const ClientCommand& command, std::int64_t now_ns) {
  switch (command.kind) {
    case ClientCommand::Kind::kNothing:
      return;
    case ClientCommand::Kind::kPing:
      return send_ping(false, now_ns);
    case ClientCommand::Kind::kTalk: {
      pkt::MessageReq message;
      message.set_type(1);
      message.set_body(command.text);
      return send_request({Request::Kind::kTalk, command.to}, "chat.user.talk", command.to,
                          message.SerializeAsString(), now_ns);
    }
    case ClientCommand::Kind::kEcho:
      return send_request({Request::Kind::kEcho, {}}, "echo.text", {}, command.text, now_ns);
    case ClientCommand::Kind::kQuit:
      return quit(now_ns);
    case ClientCommand::Kind::kHelp:
      return output(client_help());
    case ClientCommand::Kind::kInvalid:
      return problem(command.text);
  }
}

void ClientSession::quit(std::int64_t now_ns) {
  if (state_ != State::kReady && state_ != State::kLoggingIn) return;
  state_ = State::kQuitting;
  due_ns_ = now_ns + kQuitWaitNs;
  close_when_answered(now_ns);
}

void ClientSession::disconnected(std::string_view how) {
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

void ClientSession::tick(std::int64_t now_ns) {
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

void ClientSession::send_request(Request request, std::string_view command, std::string_view dest,
                                 std::string_view body, std::int64_t now_ns) {
  const OutgoingHeader header{.command = command, .sequence = next_sequence_++, .dest = dest};
  const std::size_t begin = unsent_.size();
  unsent_.resize(begin + framed_packet_bytes(header, body.size()));
  write_framed_packet(reinterpret_cast<std::uint8_t*>(unsent_.data() + begin), header,
                      as_bytes(body));
  if (request.kind == Request::Kind::kAck) ++acks_;
  requests_.emplace(header.sequence, std::move(request));
  if (state_ == State::kReady) due_ns_ = now_ns + kHeartbeatNs;
}

void ClientSession::send_ping(bool heartbeat, std::int64_t now_ns) {
  unsent_.append(as_text(kTcpPing));
  pings_.push_back({now_ns, heartbeat});
  due_ns_ = now_ns + kHeartbeatNs;
}

void ClientSession::begin_close(std::int64_t now_ns) {
  std::array<std::uint8_t, kTcpFrameHeadBytes> head{};
  write_tcp_frame_head(head.data(), Opcode::kClose, 0);
  unsent_.append(as_text(head));
  state_ = State::kClosing;
  due_ns_ = now_ns + kCloseWaitNs;
}

void ClientSession::close_when_answered(std::int64_t now_ns) {
  if (state_ == State::kQuitting && outstanding() == 0) begin_close(now_ns);
}

std::size_t ClientSession::outstanding() const noexcept {
  std::size_t count = requests_.size() - acks_;
  for (const Ping& ping : pings_) count += ping.heartbeat ? 0 : 1;
  return count;
}

void ClientSession::receive(ByteView bytes, std::int64_t now_ns) {
  received_.append(as_text(bytes));
  std::size_t done = 0;
  while (!ended()) {
    const FrameStep step = next_tcp_frame(as_bytes(received_).subspan(done), kMaxPayloadBytes);
    if (step.status == FrameStatus::kNeedMore) break;
    if (step.status != FrameStatus::kFrame) return fail(kNotAGateway);
    take_frame(step.frame, now_ns);
    done += step.consumed;
  }
  received_.erase(0, done);
  close_when_answered(now_ns);
}

void ClientSession::take_frame(const Frame& frame, std::int64_t now_ns) {
  switch (frame.opcode) {
    case Opcode::kBinary:
      return take_packet(frame.payload, now_ns);
    case Opcode::kClose:
      return take_close(as_text(frame.payload));
    case Opcode::kPong:
      return;
    case Opcode::kPing: {
      std::array<std::uint8_t, kTcpFrameHeadBytes> head{};
      write_tcp_frame_head(head.data(), Opcode::kPong,
                           static_cast<std::uint32_t>(frame.payload.size()));
      unsent_.append(as_text(head)).append(as_text(frame.payload));
      return;
    }
    case Opcode::kContinuation:
    case Opcode::kText:
      return fail(kNotAGateway);
  }
}

void ClientSession::take_packet(ByteView payload, std::int64_t now_ns) {
  const Packet packet = parse_packet(payload, kMaxHeaderBytes);
  if (packet.status == PacketStatus::kBasic) {
    if (packet.code == kBasicPong) take_pong(now_ns);
    if (packet.code == kBasicPing) unsent_.append(as_text(kTcpPong));
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

void ClientSession::take_pong(std::int64_t now_ns) {
  if (pings_.empty()) return;
  const Ping ping = pings_.front();
  pings_.pop_front();
  if (ping.heartbeat) return;
  output(fmt::format("pong {:.2f} ms", static_cast<double>(now_ns - ping.sent_ns) / 1e6));
}

void ClientSession::take_close(std::string_view reason) {
  if (state_ == State::kClosing) {
    state_ = State::kEnded;
  } else if (reason.empty()) {
    disconnected({});
  } else {
    fail(fmt::format("the gateway closed the connection: {}", printable(reason)));
  }
}

void ClientSession::problem(std::string_view line) {
  exit_code_ = 1;
  print_(Line::kProblem, line);
}

void ClientSession::fail(std::string_view line) {
  problem(line);
  state_ = State::kEnded;
}

}  // namespace ringgate
