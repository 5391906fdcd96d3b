// What clients and played services say to each other: each body begins with a Mark, by which
// whoever gets it knows whose it is, what it answers, and where it stands among others.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "codec/header_scan.h"
#include "codec/packet.h"
#include "codec/rewrite.h"
#include "tests/simulation/pipe.h"

namespace ringgate::sim {

inline constexpr std::string_view kCommandTalk = "chat.user.talk";
inline constexpr std::string_view kCommandGroupTalk = "chat.group.talk";
inline constexpr std::string_view kCommandGroupJoin = "chat.group.join";
inline constexpr std::string_view kCommandGroupQuit = "chat.group.quit";

struct Mark {
  std::uint32_t client = 0;    // whose it is
  std::uint32_t sequence = 0;  // that it asks or answers
  std::uint32_t epoch = 0;     // of the link that it came on
  std::uint32_t number = 0;    // among all packets on that link
};

// Behind it comes a filler of one byte, which Mark and size give.
inline std::uint8_t filler_of(std::uint32_t client, std::uint32_t sequence) noexcept {
  return static_cast<std::uint8_t>(client * 31 + sequence * 7);
}

inline void make_body(std::vector<std::uint8_t>& body, const Mark& mark, std::size_t filler) {
  body.resize(sizeof mark);
  std::memcpy(body.data(), &mark, sizeof mark);
  body.resize(sizeof mark + filler, filler_of(mark.client, mark.sequence));
}

// False: it is none, or its filler has another byte.
inline bool read_body(ByteView body, Mark& mark) noexcept {
  if (body.size() < sizeof mark) return false;
  std::memcpy(&mark, body.data(), sizeof mark);
  const std::uint8_t filler = filler_of(mark.client, mark.sequence);
  return std::ranges::all_of(body.subspan(sizeof mark),
                             [filler](std::uint8_t byte) { return byte == filler; });
}

// A packet in a TCP frame, behind what is there.
inline void add_packet(Pipe& to, const OutgoingHeader& header, ByteView body) {
  write_framed_packet(to.extend(framed_packet_bytes(header, body.size())), header, body);
}

}  // namespace ringgate::sim
