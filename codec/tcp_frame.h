// TCP frames: `u8 opcode, u32 length, payload[length]`.
//
// Pure functions over bytes: no sockets, no memory of their own, any thread. A payload handed out
// is a part of the input and stays valid exactly as long as the input does.
#pragma once

#include <cstddef>
#include <cstdint>

#include "codec/bytes.h"

namespace ringgate {

// The same numbers as RFC 6455, section 5.2.
enum class Opcode : std::uint8_t {
  kContinuation = 0x0,
  kText = 0x1,
  kBinary = 0x2,
  kClose = 0x8,
  kPing = 0x9,
  kPong = 0xA,
};

inline constexpr std::size_t kTcpFrameHeadBytes = 5;

enum class FrameStatus : std::uint8_t {
  kFrame,      // `frame` is complete; go on after `consumed` bytes
  kNeedMore,   // `need` bytes in all, counted from the start of the input, complete what is known
  kBadOpcode,  // not one of Opcode
  kTooLong,    // the declared length is above the bound: decided from the head alone
};

struct Frame {
  Opcode opcode = Opcode::kContinuation;
  ByteView payload;
};

struct FrameStep {
  FrameStatus status = FrameStatus::kNeedMore;
  Frame frame;
  std::size_t consumed = 0;
  std::size_t need = 0;
};

// Looks at the start of `input`. An opcode is judged as soon as its byte is there and a length as
// soon as its four bytes are, so that nothing is ever collected for a frame that will be refused.
// On kNeedMore, `need` is kTcpFrameHeadBytes while the head is incomplete, afterwards the size of
// the whole frame (head and payload).
[[nodiscard]] FrameStep next_tcp_frame(ByteView input, std::size_t max_payload_bytes) noexcept;

// Writes the five bytes of a frame's head.
void write_tcp_frame_head(std::uint8_t* to, Opcode opcode, std::uint32_t payload_bytes) noexcept;

}  // namespace ringgate
