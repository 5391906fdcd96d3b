#include "codec/tcp_frame.h"

namespace ringgate {
namespace {

bool is_opcode(std::uint8_t byte) noexcept {
  constexpr std::uint32_t kKnown =
      1U << 0x0 | 1U << 0x1 | 1U << 0x2 | 1U << 0x8 | 1U << 0x9 | 1U << 0xA;
  return byte < 32 && (kKnown >> byte & 1U) != 0;
}

}  // namespace

FrameStep next_tcp_frame(ByteView input, std::size_t max_payload_bytes) noexcept {
  FrameStep step;
  step.need = kTcpFrameHeadBytes;
  if (input.empty()) return step;
  if (!is_opcode(input[0])) {
    step.status = FrameStatus::kBadOpcode;
    return step;
  }
  if (input.size() < kTcpFrameHeadBytes) return step;
  const std::size_t payload_bytes = load_be<std::uint32_t>(input.data() + 1);
  if (payload_bytes > max_payload_bytes) {
    step.status = FrameStatus::kTooLong;
    return step;
  }
  step.need = kTcpFrameHeadBytes + payload_bytes;
  if (input.size() < step.need) return step;
  step.status = FrameStatus::kFrame;
  step.frame = {static_cast<Opcode>(input[0]), input.subspan(kTcpFrameHeadBytes, payload_bytes)};
  step.consumed = step.need;
  return step;
}

void write_tcp_frame_head(std::uint8_t* to, Opcode opcode, std::uint32_t payload_bytes) noexcept {
  to[0] = static_cast<std::uint8_t>(opcode);
  store_be(to + 1, payload_bytes);
}

}  // namespace ringgate
