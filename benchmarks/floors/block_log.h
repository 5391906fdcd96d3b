// The blocks that bare_push sends: the last kBlocksKept pushes, each in a place of its own until
// the last of its deliveries has been sent.
//
// A block is a TCP frame with a logic packet of flag Push, as a gateway sends it to a client. Its
// body begins with what a receiver may look at: 16 lower-case hex digits of the push's intended
// time (CLOCK_MONOTONIC, ns) and 8 of its number, counted from 0; 'x' fills the rest.
//
// Owned by one shard. A block's bytes stay as they are while it is held.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "codec/bytes.h"

namespace ringgate::bench {

// Bounds how many pushes the slowest receiver may be behind.
inline constexpr std::size_t kBlocksKept = 1024;
inline constexpr std::size_t kTimeDigits = 16;
inline constexpr std::size_t kNumberDigits = 8;
inline constexpr std::size_t kMinBodyBytes = kTimeDigits + kNumberDigits;

class BlockLog {
 public:
  // `body_bytes` is at least kMinBodyBytes.
  explicit BlockLog(std::size_t body_bytes);

  // Whether the next push has a place: everything of the one that had it before has been sent.
  [[nodiscard]] bool has_room() const noexcept { return held_[next_ % kBlocksKept] == 0; }
  // Writes the next push, to be sent `deliveries` times; its number.
  std::uint64_t write(std::uint64_t intended_ns, std::uint32_t deliveries) noexcept;
  // One of its deliveries has been sent, or never will be.
  void release(std::uint64_t push) noexcept {
    if (--held_[push % kBlocksKept] == 0) --in_flight_;
  }

  [[nodiscard]] ByteView block(std::uint64_t push) const noexcept {
    return {blocks_.data() + (push % kBlocksKept) * block_bytes_, block_bytes_};
  }
  [[nodiscard]] std::size_t block_bytes() const noexcept { return block_bytes_; }
  [[nodiscard]] std::uint64_t pushes() const noexcept { return next_; }
  [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_; }
  // Counts from 0 again; only while nothing is in flight.
  void restart() noexcept { next_ = 0; }

 private:
  std::size_t block_bytes_;
  std::size_t body_begin_;  // within a block
  std::vector<std::uint8_t> blocks_;
  std::array<std::uint32_t, kBlocksKept> held_{};  // deliveries not yet sent
  std::uint64_t next_ = 0;
  std::size_t in_flight_ = 0;  // pushes with deliveries not yet sent
};

}  // namespace ringgate::bench
