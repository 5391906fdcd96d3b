// Ids of messages: unique over all instances and time-ordered.
//
//   1 bit 0 | 41 bits of ms since 1288834974657 (Unix ms) | 10 bits of node | 12 bits of sequence
//
// That is what existing services have, whose ids clients keep as cursors. Their nodes are below
// 1000; ours are the 24 above, so that ids stay different where both serve. An instance leases its
// node number, so that no two instances have the same one; its shards share the node by taking
// sequences of different residues. A lease says from when until when its ids may be: nobody who has
// the node later goes back below that, whatever the clocks do.
//
// One MessageIds per shard, on its thread.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

namespace ringgate {

// Times are Unix ms, both inclusive.
struct NodeLease {
  std::uint32_t node = 1000;
  std::int64_t from_ms = 0;
  std::int64_t until_ms = std::numeric_limits<std::int64_t>::max();
};

class MessageIds {
 public:
  static constexpr std::uint32_t kFirstNode = 1000;
  static constexpr std::uint32_t kNodes = 24;
  static constexpr std::uint32_t kSequences = 4096;
  static constexpr std::int64_t kEpochMs = 1'288'834'974'657;

  // Shard `shard` of `shards` (at most kSequences) of this instance.
  MessageIds(std::uint32_t shard, std::uint32_t shards) noexcept;

  // A new lease, or the old one for longer.
  void grant(const NodeLease& lease) noexcept;
  // No ids until the next grant().
  void revoke() noexcept { granted_ = false; }

  // Below every id of that time (Unix ms) or later, and above all earlier ones.
  [[nodiscard]] static std::int64_t first_at(std::int64_t unix_ms) noexcept;

  // Nothing without a valid lease. Never goes back, also when the clock does.
  [[nodiscard]] std::optional<std::int64_t> next() noexcept;
  [[nodiscard]] std::optional<std::int64_t> next_at(std::int64_t now_ms) noexcept;

 private:
  std::uint32_t shard_;
  std::uint32_t shards_;
  bool granted_ = false;
  NodeLease lease_;
  std::int64_t last_ms_ = kEpochMs;
  std::uint32_t sequence_ = 0;  // the next one within last_ms_
};

// The precise wall clock in ns of Unix time: what a sendTime is.
[[nodiscard]] std::int64_t wall_clock_ns() noexcept;

}  // namespace ringgate
