// What a worker's operations carry to their completions, and the constants that its files share.
#pragma once

#include <cstdint>

namespace ringgate::bench {

enum class WorkerOp : std::uint8_t {
  kConnect,
  kRecv,
  kSend,
  kShutdown,
  kClose
};  // kShutdown: cancels too

// The generation tells a completion of an earlier connection of the slot.
struct WorkerTag {
  WorkerOp kind;
  std::uint16_t generation;
  std::uint32_t index;

  [[nodiscard]] std::uint64_t pack() const noexcept {
    return (std::uint64_t{index} << 32) | (std::uint64_t{generation} << 8) |
           static_cast<std::uint8_t>(kind);
  }
  [[nodiscard]] static WorkerTag unpack(std::uint64_t value) noexcept {
    return {static_cast<WorkerOp>(value & 0xff), static_cast<std::uint16_t>(value >> 8),
            static_cast<std::uint32_t>(value >> 32)};
  }
};

// In place of a step: a ping that only keeps a connection alive, which nothing follows.
inline constexpr std::uint8_t kKeepAliveStep = 0xff;

}  // namespace ringgate::bench
