#include "tests/codec/frame_stream.h"

#include <algorithm>

namespace ringgate {
namespace {

// Takes complete frames off `input` and returns how many bytes they were.
std::size_t take_frames(ByteView input, std::size_t max_payload_bytes, DecodedStream& decoded) {
  std::size_t taken = 0;
  while (true) {
    const ByteView rest = input.subspan(taken);
    const FrameStep step = next_tcp_frame(rest, max_payload_bytes);
    decoded.status = step.status;
    if (step.status == FrameStatus::kNeedMore) {
      if (step.need <= rest.size()) decoded.broken_rule = "needs no more than it has";
      if (step.need > kTcpFrameHeadBytes + max_payload_bytes) {
        decoded.broken_rule = "needs more than the bound";
      }
    }
    if (step.status != FrameStatus::kFrame) return taken;
    const FrameStep again = next_tcp_frame(rest.first(step.consumed), max_payload_bytes);
    if (again.status != FrameStatus::kFrame || again.consumed != step.consumed) {
      decoded.broken_rule = "a frame depends on the bytes after it";
    }
    decoded.frames.push_back(
        {step.frame.opcode, Bytes(step.frame.payload.begin(), step.frame.payload.end())});
    taken += step.consumed;
    decoded.frame_bytes += step.consumed;
  }
}

}  // namespace

DecodedStream decode_whole(ByteView stream, std::size_t max_payload_bytes) {
  DecodedStream decoded;
  take_frames(stream, max_payload_bytes, decoded);
  return decoded;
}

DecodedStream decode_in_chunks(ByteView stream, std::size_t max_payload_bytes,
                               const std::function<std::size_t()>& next_chunk) {
  DecodedStream decoded;
  Bytes carry;
  std::size_t need = 1;
  while (!stream.empty()) {
    const std::size_t size = std::clamp<std::size_t>(next_chunk(), 1, stream.size());
    // A copy of its own: what is read beyond it is a sanitizer's finding.
    carry.insert(carry.end(), stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size));
    stream = stream.subspan(size);
    const bool head_only = need == kTcpFrameHeadBytes || need == 1;
    if (carry.size() < need && !head_only) continue;
    const std::size_t taken = take_frames(carry, max_payload_bytes, decoded);
    carry.erase(carry.begin(), carry.begin() + static_cast<std::ptrdiff_t>(taken));
    if (decoded.status != FrameStatus::kNeedMore) return decoded;
    need = next_tcp_frame(carry, max_payload_bytes).need;
  }
  return decoded;
}

}  // namespace ringgate
