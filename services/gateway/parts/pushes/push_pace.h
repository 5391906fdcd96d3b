// How much of a shard's turn pushes to several channels take, and when those that are worked off in
// slices go on.
//
// One per shard, on its thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringgate {

class PushPace {
 public:
  // Beyond it in one turn, pushes to several channels wait for slices. Of the channels: each takes
  // 0.1 to 0.3 us; of the sends to them, one of each, however many of the pushes it carries: each
  // takes 3 to 20 us.
  static constexpr std::uint32_t kMostReceivers = 1024;
  static constexpr std::size_t kMostSends = 128;
  // Of slices, that the socket has not taken whole: who takes on some of one has the rest sent by
  // the kernel within the shard's next waits, some 50 us each, before it hands over what came from
  // others meanwhile. Beyond it no slice begins for so long; later one does, as some of the
  // receivers take nothing. What was under way before a slice, when the last one was long ago, is
  // of others.
  static constexpr std::uint32_t kMostSendsUnderWay = 64;
  static constexpr std::uint32_t kPatienceMs = 10;
  static constexpr std::uint32_t kForgottenMs = 100;

  void begin_turn() noexcept {
    receivers_ = 0;
    sends_ = 0;
  }
  void spend(std::uint32_t receivers, std::size_t sends) noexcept {
    receivers_ += receivers;
    sends_ += sends;
  }
  [[nodiscard]] bool turn_is_spent() const noexcept {
    return receivers_ >= kMostReceivers || sends_ >= kMostSends;
  }

  // So long the next slice waits at most, for sends to end, of which so many are under way on the
  // shard; 0: it begins.
  [[nodiscard]] std::uint32_t wait_ms(std::uint32_t sends_under_way, std::uint32_t now_ms) noexcept;
  // Whether the slice waits that wait_ms() was last asked for.
  [[nodiscard]] bool waits() const noexcept { return waits_; }

 private:
  std::uint32_t receivers_ = 0;
  std::size_t sends_ = 0;
  std::uint32_t not_ours_ = 0;  // sends that no slice waits for: of others, or under way for long
  std::uint32_t began_ms_ = 0;  // the slice before
  bool waits_ = false;
};

// What one turn does of the pushes that wait: well under a millisecond, most of it sending.
class Slice {
 public:
  static constexpr std::size_t kSends = 32;
  static constexpr std::uint32_t kReceivers = 512;
  static constexpr std::size_t kBytes = 256 * 1024;

  // So many sends are due at the end of the turn.
  explicit Slice(std::size_t sends_due) noexcept : sends_before_(sends_due) {}
  [[nodiscard]] bool has_room(std::size_t sends_due) const noexcept {
    return sends_due < sends_before_ + kSends && receivers_ < kReceivers && bytes_ < kBytes;
  }
  void add(std::size_t bytes) noexcept {
    ++receivers_;
    bytes_ += bytes;
  }

 private:
  std::size_t sends_before_;
  std::uint32_t receivers_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace ringgate
