// What a scripted gateway sends to a client under test, and how it reads what the client sent.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/pkt.pb.h"
#include "codec/rewrite.h"
#include "codec/tcp_frame.h"

namespace ringgate {

// A frame with a logic packet.
std::string packet(const OutgoingHeader& header, const std::string& body);
std::string response(std::uint32_t sequence, const std::string& body,
                     Status status = Status::kSuccess);
// Alice's login, with channel id g1_alice_7.
std::string login_answer(std::uint32_t sequence = 1);
// Message id 12345, sent 2026-01-02T03:04:05.678Z.
std::string talk_answer(std::uint32_t sequence);
// From bob, message id 99.
std::string talk_push(const std::string& text);
std::string frame(Opcode opcode, const std::string& payload);
std::string pong();

// One frame from a client.
struct Sent {
  Opcode opcode = Opcode::kContinuation;
  bool ping = false;   // a basic one
  pkt::Header header;  // of a logic packet
  std::string body;    // of a packet, or the payload of another frame
};

// The whole frames in `bytes`.
std::vector<Sent> parse_sent(std::string_view bytes);

}  // namespace ringgate
