// Packets, the payload of a binary frame: basic (ping, pong) and logic (protobuf header, opaque
// body).
//
//   logic: c3 11 a3 65, u32 header_length, header, u32 body_length, body
//   basic: c3 15 a7 65, u16 code, u16 length, body
//
// Pure functions over bytes, any thread. Views are parts of the input.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "codec/bytes.h"

namespace ringgate {

inline constexpr std::uint32_t kLogicMagic = 0xc311a365;
inline constexpr std::uint32_t kBasicMagic = 0xc315a765;
inline constexpr std::size_t kLogicOverheadBytes = 12;  // magic and the two lengths
inline constexpr std::size_t kBasicHeadBytes = 8;

inline constexpr std::uint16_t kBasicPing = 1;
inline constexpr std::uint16_t kBasicPong = 2;

// A basic ping and its answer, each in a TCP frame.
inline constexpr std::array<std::uint8_t, 13> kTcpPing = {0x02, 0,    0, 0, 8, 0xc3, 0x15,
                                                          0xa7, 0x65, 0, 1, 0, 0};
inline constexpr std::array<std::uint8_t, 13> kTcpPong = {0x02, 0,    0, 0, 8, 0xc3, 0x15,
                                                          0xa7, 0x65, 0, 2, 0, 0};

enum class PacketStatus : std::uint8_t {
  kBasic,
  kLogic,
  kBadMagic,       // neither of the two, or fewer than four bytes
  kBadLength,      // the lengths inside do not add up to the size of the payload
  kHeaderTooLong,  // header_length is above the bound
};

struct Packet {
  PacketStatus status = PacketStatus::kBadMagic;
  std::uint16_t code = 0;  // basic: kBasicPing, kBasicPong or anything else
  ByteView header;         // logic: the encoded Header, not yet looked into
  ByteView body;           // both kinds
  ByteView tail;           // logic: body_length and body, as they follow the header on the wire
};

// Splits the payload of one binary frame. The lengths must add up exactly: bytes left over are
// kBadLength, since they could only be what a confused or hostile peer put there.
[[nodiscard]] Packet parse_packet(ByteView payload, std::size_t max_header_bytes) noexcept;

// A tail is the length of a body, then the body.
inline constexpr std::size_t kBodyLengthBytes = sizeof(std::uint32_t);
[[nodiscard]] inline ByteView body_of_tail(ByteView tail) noexcept {
  return tail.subspan(kBodyLengthBytes);
}
// Where the body stands already, kBodyLengthBytes behind `tail`.
inline void write_body_length(std::uint8_t* tail, std::size_t body_bytes) noexcept {
  store_be(tail, static_cast<std::uint32_t>(body_bytes));
}

// A basic packet, written to where there is room for kBasicHeadBytes and the body, which is at most
// 65,535 bytes. Returns the end of it.
std::uint8_t* write_basic_packet(std::uint8_t* to, std::uint16_t code, ByteView body) noexcept;

}  // namespace ringgate
