#include "benchmarks/ringbench/client_codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "codec/message_body.h"
#include "codec/packet.h"
#include "codec/pkt.pb.h"
#include "codec/ws_frame.h"

namespace ringgate::bench {
namespace {

constexpr std::size_t kMaxFrameBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxHeaderBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxUpgradeAnswerBytes = 8192;
constexpr std::uint32_t kMaxMetas = 1024;
constexpr std::string_view kSignIn = "login.signin";

// RFC 6455, section 10.3 wants keys that nobody can foresee, to protect what is between: here is
// nothing but the target. One that is not zero, so that it has work to do.
constexpr WsMaskKey kMaskKey = {0x37, 0xfa, 0x21, 0x3d};

// The example of RFC 6455, section 1.3, with its answer.
constexpr std::string_view kUpgradeKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view kUpgradeAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

constexpr std::size_t kWsKeyBytes = 4;

std::size_t head_bytes(Transport transport, std::size_t payload_bytes) noexcept {
  return transport == Transport::kTcp ? kTcpFrameHeadBytes
                                      : ws_frame_head_bytes(payload_bytes) + kWsKeyBytes;
}

std::uint8_t* write_head(std::uint8_t* to, Transport transport, Opcode opcode,
                         std::size_t payload_bytes) noexcept {
  if (transport == Transport::kWebSocket) {
    return write_ws_client_head(to, opcode, payload_bytes, kMaskKey);
  }
  write_tcp_frame_head(to, opcode, static_cast<std::uint32_t>(payload_bytes));
  return to + kTcpFrameHeadBytes;
}

void mask(Transport transport, std::uint8_t* payload, std::size_t bytes) noexcept {
  if (transport == Transport::kWebSocket) unmask({payload, bytes}, kMaskKey);
}

std::array<std::uint8_t, 14> make_ws_ping() noexcept {
  std::array<std::uint8_t, 14> frame{};
  std::uint8_t* const payload =
      write_head(frame.data(), Transport::kWebSocket, Opcode::kBinary, kBasicHeadBytes);
  std::memcpy(payload, kTcpPing.data() + kTcpFrameHeadBytes, kBasicHeadBytes);
  mask(Transport::kWebSocket, payload, kBasicHeadBytes);
  return frame;
}

constexpr std::uint8_t kEchoFill = 'x';
using EchoStamp = std::array<std::uint8_t, kEchoStampBytes>;

EchoStamp echo_stamp(std::uint32_t sequence, std::size_t bytes) noexcept {
  EchoStamp stamp{};
  write_hex(MutableBytes(stamp).first(kEchoStampBytes / 2), sequence);
  write_hex(MutableBytes(stamp).subspan(kEchoStampBytes / 2), bytes);
  return stamp;
}

bool is_fill(ByteView bytes) noexcept {
  if (bytes.empty()) return true;
  return bytes.front() == kEchoFill &&
         std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

IncomingKind kind_of(const HeaderScan& scan) noexcept {
  if (scan.flag == static_cast<std::uint32_t>(Flag::kResponse)) return IncomingKind::kAnswer;
  if (scan.flag != static_cast<std::uint32_t>(Flag::kPush)) return IncomingKind::kOther;
  return scan.command == kSignIn ? IncomingKind::kKickOut : IncomingKind::kPush;
}

}  // namespace

ByteView ping_frame(Transport transport) noexcept {
  static const std::array<std::uint8_t, 14> ws_ping = make_ws_ping();
  return transport == Transport::kTcp ? ByteView(kTcpPing) : ByteView(ws_ping);
}

std::size_t request_bytes(Transport transport, const OutgoingHeader& header,
                          std::size_t body_bytes) noexcept {
  const std::size_t payload = packet_bytes(header, body_bytes);
  return head_bytes(transport, payload) + payload;
}

std::uint8_t* write_request(std::uint8_t* to, Transport transport, const OutgoingHeader& header,
                            ByteView body) noexcept {
  const std::size_t bytes = packet_bytes(header, body.size());
  std::uint8_t* const payload = write_head(to, transport, Opcode::kBinary, bytes);
  std::uint8_t* const end = write_packet(payload, header, body);
  mask(transport, payload, bytes);
  return end;
}

std::size_t control_bytes(Transport transport, std::size_t payload_bytes) noexcept {
  return head_bytes(transport, payload_bytes) + payload_bytes;
}

std::uint8_t* write_control(std::uint8_t* to, Transport transport, Opcode opcode,
                            ByteView payload) noexcept {
  std::uint8_t* const begin = write_head(to, transport, opcode, payload.size());
  if (!payload.empty()) std::memcpy(begin, payload.data(), payload.size());
  mask(transport, begin, payload.size());
  return begin + payload.size();
}

std::string login_body(std::string_view token) {
  pkt::LoginReq request;
  request.set_token(std::string(token));
  return request.SerializeAsString();
}

void write_echo_body(MutableBytes to, std::uint32_t sequence) noexcept {
  const EchoStamp stamp = echo_stamp(sequence, to.size());
  const std::size_t stamped = std::min(to.size(), stamp.size());
  std::copy_n(stamp.begin(), stamped, to.begin());
  std::fill(to.begin() + static_cast<std::ptrdiff_t>(stamped), to.end(), kEchoFill);
}

bool is_echo_body(ByteView body, std::uint32_t sequence) noexcept {
  const EchoStamp stamp = echo_stamp(sequence, body.size());
  const std::size_t stamped = std::min(body.size(), stamp.size());
  return std::equal(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(stamped),
                    stamp.begin()) &&
         is_fill(body.subspan(stamped));
}

std::uint8_t* write_talk_body(std::uint8_t* to, std::size_t text_bytes, const PushStamp& stamp,
                              std::uint32_t receiver) noexcept {
  to = write_text_message_head(to, text_bytes);
  write_talk_text({to, text_bytes}, stamp, receiver);
  return to + text_bytes;
}

std::string upgrade_request(const Target& target) {
  return fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n\r\n",
      target.path, target.host, kUpgradeKey);
}

UpgradeResult read_upgrade_answer(ByteView input) noexcept {
  constexpr std::string_view kEnd = "\r\n\r\n";
  const std::string_view text = as_text(input);
  const std::string_view line = text.substr(0, std::min(text.find("\r\n"), text.size()));
  const std::size_t end = text.find(kEnd);
  if (end == std::string_view::npos) {
    if (text.size() < kMaxUpgradeAnswerBytes) return {};
    return {UpgradeAnswer::kRefused, 0, line.substr(0, 80), {}};
  }
  const bool accepted = line.starts_with("HTTP/1.1 101") &&
                        text.substr(0, end).find(kUpgradeAccept) != std::string_view::npos;
  if (!accepted) {
    const std::string_view body = text.substr(end + kEnd.size());
    return {UpgradeAnswer::kRefused, 0, line.substr(0, 80),
            body.substr(0, std::min<std::size_t>(body.find_first_of("\r\n"), 120))};
  }
  return {UpgradeAnswer::kAccepted, end + kEnd.size(), line, {}};
}

Incoming IncomingReader::next(ByteView input, std::uint32_t stream) {
  if (transport_ == Transport::kWebSocket) return next_ws(input, stream);
  const FrameStep step = next_tcp_frame(input, kMaxFrameBytes);
  if (step.status == FrameStatus::kNeedMore) return {};
  if (step.status != FrameStatus::kFrame) return {.kind = IncomingKind::kMalformed};
  Incoming incoming = frame(step.frame.opcode, step.frame.payload);
  incoming.consumed = step.consumed;
  return incoming;
}

Incoming IncomingReader::next_ws(ByteView input, std::uint32_t stream) {
  const bool in_message = !parts_.empty() && parts_.contains(stream);
  const WsFrameStep step = next_ws_frame(
      input, {.max_data_bytes = kMaxFrameBytes, .from_client = false, .in_message = in_message});
  if (step.status == WsFrameStatus::kNeedMore) return {};
  if (step.status != WsFrameStatus::kFrame) return {.kind = IncomingKind::kMalformed};
  const ByteView payload = input.subspan(step.head.head_bytes, step.head.payload_bytes);
  const bool whole = step.head.is_control() || (step.head.fin && !in_message);
  Incoming incoming = whole ? frame(step.head.opcode, payload) : part(stream, step.head, payload);
  incoming.consumed = step.consumed;
  return incoming;
}

// RFC 6455, section 5.4: next_ws_frame has seen that it may come now.
Incoming IncomingReader::part(std::uint32_t stream, const WsFrameHead& head, ByteView payload) {
  Parts& parts = parts_[stream];
  if (head.opcode != Opcode::kContinuation) parts.opcode = head.opcode;
  if (parts.bytes.size() + payload.size() > kMaxFrameBytes) {
    return {.kind = IncomingKind::kMalformed};
  }
  parts.bytes.insert(parts.bytes.end(), payload.begin(), payload.end());
  if (!head.fin) return {.kind = IncomingKind::kPart};
  const Opcode opcode = parts.opcode;
  whole_ = std::move(parts.bytes);
  parts_.erase(stream);
  return frame(opcode, whole_);
}

Incoming IncomingReader::frame(Opcode opcode, ByteView payload) {
  switch (opcode) {
    case Opcode::kBinary:
      return packet(payload);
    case Opcode::kPing:
      return {.kind = IncomingKind::kPingFrame, .body = payload};
    case Opcode::kClose:
      return {.kind = IncomingKind::kClose, .body = payload};
    default:
      return {.kind = IncomingKind::kOther};
  }
}

Incoming IncomingReader::packet(ByteView payload) {
  const Packet packet = parse_packet(payload, kMaxHeaderBytes);
  if (packet.status == PacketStatus::kBasic) {
    return {.kind = packet.code == kBasicPong ? IncomingKind::kPong : IncomingKind::kOther,
            .body = packet.body};
  }
  if (packet.status != PacketStatus::kLogic) return {.kind = IncomingKind::kMalformed};
  HeaderScan scan;
  if (scan_header(packet.header, kMaxMetas, scan) != ScanStatus::kCanonical) {
    scan = HeaderScan{};
    if (!slow_path_.parse(packet.header, scan)) return {.kind = IncomingKind::kMalformed};
  }
  return {.kind = kind_of(scan),
          .sequence = scan.sequence,
          .status = scan.status,
          .command = scan.command,
          .body = packet.body};
}

}  // namespace ringgate::bench
