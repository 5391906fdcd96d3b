#include "tests/integration/packets.h"

#include <ctime>
#include <ostream>
#include <stdexcept>

#include "codec/packet.h"
#include "codec/retry_hint.h"
#include "services/auth/token.h"

namespace ringgate::test {
namespace {

constexpr std::size_t kMaxFrame = 128 * 1024 * 1024;

void append_u32(std::string& to, std::size_t value) {
  std::uint8_t bytes[4];
  store_be(bytes, static_cast<std::uint32_t>(value));
  to.append(reinterpret_cast<const char*>(bytes), sizeof bytes);
}

}  // namespace

std::string frame(Opcode opcode, std::string_view payload) {
  std::string bytes(kTcpFrameHeadBytes, '\0');
  write_tcp_frame_head(reinterpret_cast<std::uint8_t*>(bytes.data()), opcode,
                       static_cast<std::uint32_t>(payload.size()));
  return bytes.append(payload);
}

std::string ping() {
  return std::string(as_text(kTcpPing));
}

std::string pong() {
  return std::string(as_text(kTcpPong));
}

std::string raw_packet(std::string_view header, std::string_view body) {
  std::string payload("\xc3\x11\xa3\x65", 4);
  append_u32(payload, header.size());
  payload.append(header);
  append_u32(payload, body.size());
  payload.append(body);
  return frame(Opcode::kBinary, payload);
}

std::string packet(const pkt::Header& header, std::string_view body) {
  return raw_packet(header.SerializeAsString(), body);
}

pkt::Header header(std::string_view command, std::uint32_t sequence, std::string_view dest) {
  pkt::Header made;
  made.set_command(std::string(command));
  made.set_sequence(sequence);
  made.set_dest(std::string(dest));
  return made;
}

void add_meta(pkt::Header& to, std::string_view key, std::string_view value, pkt::MetaType type) {
  pkt::Meta* const meta = to.add_meta();
  meta->set_key(std::string(key));
  meta->set_value(std::string(value));
  meta->set_type(type);
}

std::string token(std::string_view account, const TokenClaim& claim) {
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  return sign_token({std::string(account), claim.app, now + claim.expires_in_s}, claim.secret);
}

std::string login(std::string_view token, std::uint32_t sequence) {
  pkt::LoginReq request;
  request.set_token(std::string(token));
  return packet(header("login.signin", sequence), request.SerializeAsString());
}

std::string talk(std::string_view to, std::string_view text, std::uint32_t sequence) {
  pkt::MessageReq message;
  message.set_type(1);
  message.set_body(std::string(text));
  return packet(header("chat.user.talk", sequence, to), message.SerializeAsString());
}

bool Event::is_answer(std::uint32_t sequence, pkt::Status status) const {
  return kind == Kind::kLogic && header.flag() == pkt::Response && header.sequence() == sequence &&
         header.status() == status;
}

bool sends_away(const Event& event) {
  return event.kind == Event::Kind::kClose && event.payload.starts_with("draining; ") &&
         parse_retry_hint(event.payload);
}

std::string Event::meta(std::string_view key) const {
  for (const pkt::Meta& meta : header.meta()) {
    if (meta.key() == key) return meta.value();
  }
  return {};
}

int Event::count_meta(std::string_view key) const {
  int count = 0;
  for (const pkt::Meta& meta : header.meta()) count += meta.key() == key;
  return count;
}

std::ostream& operator<<(std::ostream& to, const Event& event) {
  constexpr const char* kNames[] = {"logic", "pong", "ping", "close", "frame", "end"};
  to << kNames[static_cast<int>(event.kind)];
  if (event.kind == Event::Kind::kLogic)
    return to << " {" << event.header.ShortDebugString() << "}";
  return to << " \"" << event.payload << '"';
}

Event read_packet(std::string_view payload) {
  Event event;
  event.kind = Event::Kind::kFrame;
  const Packet parsed = parse_packet(as_bytes(payload), kMaxFrame);
  if (parsed.status == PacketStatus::kBasic) {
    if (parsed.code == kBasicPing) event.kind = Event::Kind::kPing;
    if (parsed.code == kBasicPong) event.kind = Event::Kind::kPong;
    event.body = as_text(parsed.body);
  }
  if (parsed.status == PacketStatus::kLogic) {
    event.kind = Event::Kind::kLogic;
    event.body = as_text(parsed.body);
    if (!event.header.ParseFromArray(parsed.header.data(),
                                     static_cast<int>(parsed.header.size()))) {
      throw std::runtime_error("a header that does not parse");
    }
  }
  return event;
}

Event FrameSocket::next(std::chrono::milliseconds patience) {
  for (;;) {
    const FrameStep step = next_tcp_frame(as_bytes(input_), kMaxFrame);
    if (step.status == FrameStatus::kFrame) {
      const std::string payload(as_text(step.frame.payload));
      const Opcode opcode = step.frame.opcode;
      input_.erase(0, step.consumed);
      Event event;
      if (opcode == Opcode::kBinary) event = read_packet(payload);
      if (opcode != Opcode::kBinary) event.kind = Event::Kind::kFrame;
      if (opcode == Opcode::kClose) event.kind = Event::Kind::kClose;
      event.opcode = opcode;
      event.payload = payload;
      return event;
    }
    if (step.status != FrameStatus::kNeedMore) throw std::runtime_error("bytes that are no frame");
    if (!socket_.read_some(input_, patience)) {
      if (!input_.empty()) throw std::runtime_error("the stream ended within a frame");
      return {};
    }
  }
}

Event FrameSocket::next_logic() {
  for (;;) {
    Event event = next();
    if (event.kind == Event::Kind::kLogic || event.kind == Event::Kind::kEnd) return event;
  }
}

bool FrameSocket::has_next(std::chrono::milliseconds patience) {
  return !input_.empty() || socket_.readable(patience);
}

}  // namespace ringgate::test
