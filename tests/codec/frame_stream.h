// A byte stream cut into TCP frames, in one piece or chunk by chunk, as a connection does it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "codec/tcp_frame.h"
#include "tests/codec/hex.h"

namespace ringgate {

struct DecodedFrame {
  Opcode opcode = Opcode::kContinuation;
  Bytes payload;

  bool operator==(const DecodedFrame&) const = default;
};

struct DecodedStream {
  std::vector<DecodedFrame> frames;
  FrameStatus status = FrameStatus::kNeedMore;  // how it ended: never kFrame
  std::size_t frame_bytes = 0;                  // bytes in complete frames
  std::string broken_rule;                      // what next_tcp_frame did against its contract

  bool operator==(const DecodedStream&) const = default;
};

[[nodiscard]] DecodedStream decode_whole(ByteView stream, std::size_t max_payload_bytes);

// `next_chunk` gives the size of each next chunk; 0 counts as 1. Bytes of a half frame are carried
// over until `need` of them are there.
[[nodiscard]] DecodedStream decode_in_chunks(ByteView stream, std::size_t max_payload_bytes,
                                             const std::function<std::size_t()>& next_chunk);

}  // namespace ringgate
