#include "tests/services/client/gateway_packets.h"

#include "codec/packet.h"

namespace ringgate {

std::string packet(const OutgoingHeader& header, const std::string& body) {
  std::string bytes(framed_packet_bytes(header, body.size()), '\0');
  write_framed_packet(reinterpret_cast<std::uint8_t*>(bytes.data()), header, as_bytes(body));
  return bytes;
}

std::string response(std::uint32_t sequence, const std::string& body, Status status) {
  return packet({.command = "any", .sequence = sequence, .flag = Flag::kResponse, .status = status},
                body);
}

std::string login_answer(std::uint32_t sequence) {
  pkt::LoginResp login;
  login.set_channelid("g1_alice_7");
  login.set_account("alice");
  return response(sequence, login.SerializeAsString());
}

std::string talk_answer(std::uint32_t sequence) {
  pkt::MessageResp sent;
  sent.set_messageid(12'345);
  sent.set_sendtime(1'767'323'045'678'901'234);
  return response(sequence, sent.SerializeAsString());
}

std::string talk_push(const std::string& text) {
  pkt::MessagePush message;
  message.set_messageid(99);
  message.set_sender("bob");
  message.set_body(text);
  return packet({.command = "chat.user.talk", .flag = Flag::kPush}, message.SerializeAsString());
}

std::string frame(Opcode opcode, const std::string& payload) {
  std::string bytes(kTcpFrameHeadBytes, '\0');
  write_tcp_frame_head(reinterpret_cast<std::uint8_t*>(bytes.data()), opcode,
                       static_cast<std::uint32_t>(payload.size()));
  return bytes + payload;
}

std::string pong() {
  return std::string(as_text(kTcpPong));
}

std::vector<Sent> parse_sent(std::string_view bytes) {
  std::vector<Sent> all;
  while (!bytes.empty()) {
    const FrameStep step = next_tcp_frame(as_bytes(bytes), 1 << 20);
    if (step.status != FrameStatus::kFrame) break;
    Sent& one = all.emplace_back();
    one.opcode = step.frame.opcode;
    if (one.opcode == Opcode::kBinary) {
      const Packet parsed = parse_packet(step.frame.payload, 4096);
      one.ping = parsed.status == PacketStatus::kBasic && parsed.code == kBasicPing;
      one.header.ParseFromArray(parsed.header.data(), static_cast<int>(parsed.header.size()));
      one.body = as_text(parsed.body);
    } else {
      one.body = as_text(step.frame.payload);
    }
    bytes.remove_prefix(step.consumed);
  }
  return all;
}

}  // namespace ringgate
