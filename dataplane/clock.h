// The time of a shard: read once per iteration, in milliseconds since the shard was made, without
// those in which the shard was stopped. It wraps after 49 days, so times are compared by difference
// only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <ctime>

namespace ringgate {

class Clock {
 public:
  // Where milliseconds come from: the system, or a test's own time.
  using Source = std::uint64_t (*)();

  explicit Clock(Source source) : source_(source), start_ms_(source()), read_ms_(start_ms_) {}

  // True: more than `stall_ms` (0: never) have passed since the last update, that is, nobody ran.
  // Of that only kStallCountsMs count: a little, so that no time-out becomes endless.
  bool update(std::uint32_t stall_ms = 0) noexcept {
    const std::uint64_t read_ms = source_();
    const std::uint64_t passed_ms = read_ms - read_ms_;
    const bool stalled = stall_ms != 0 && passed_ms > stall_ms;
    if (stalled) start_ms_ += passed_ms - std::min<std::uint64_t>(stall_ms, kStallCountsMs);
    read_ms_ = read_ms;
    now_ms_ = static_cast<std::uint32_t>(read_ms - start_ms_) + 1;
    return stalled;
  }
  // Never 0 before it wraps: 0 stands for "no deadline".
  [[nodiscard]] std::uint32_t now_ms() const noexcept { return now_ms_; }

  // CLOCK_MONOTONIC_COARSE: a few ms of grain, no system call.
  static std::uint64_t monotonic_ms() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
  }

  // CLOCK_MONOTONIC, for what is shorter than that.
  static std::uint64_t monotonic_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec);
  }

  // The same in microseconds, of which only the low 32 bits are told: for differences.
  static std::uint32_t monotonic_us() noexcept {
    return static_cast<std::uint32_t>(monotonic_ns() / 1'000);
  }

  static bool passed(std::uint32_t now_ms, std::uint32_t deadline_ms) noexcept {
    return static_cast<std::int32_t>(now_ms - deadline_ms) >= 0;
  }
  static std::uint32_t deadline(std::uint32_t now_ms, std::uint32_t after_ms) noexcept {
    const std::uint32_t at = now_ms + after_ms;
    return at == 0 ? 1 : at;
  }

 private:
  static constexpr std::uint32_t kStallCountsMs = 100;

  Source source_;
  std::uint64_t start_ms_;  // later by what did not count
  std::uint64_t read_ms_;
  std::uint32_t now_ms_ = 1;
};

}  // namespace ringgate
