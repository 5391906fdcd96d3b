// When the messages of an open loop are meant to be sent: evenly spaced, whatever the target does.
// Plain value of one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace ringgate::bench {

class Schedule {
 public:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  // `per_second` messages from `begin_ns` on, the first one `phase` (0 to 1) of a period later: so
  // that the schedules of several threads do not beat together. 0 per second: none ever.
  void start(std::uint64_t begin_ns, double per_second, double phase) noexcept {
    begin_ns_ = begin_ns;
    period_ns_ = per_second > 0 ? 1e9 / per_second : 0;
    phase_ = phase;
    sent_ = 0;
  }

  // The intended time of the next one. Counted from the beginning, so that no error adds up.
  [[nodiscard]] std::uint64_t next_ns() const noexcept {
    if (period_ns_ == 0) return kNever;
    return begin_ns_ +
           static_cast<std::uint64_t>((static_cast<double>(sent_) + phase_) * period_ns_);
  }
  void advance() noexcept { ++sent_; }

 private:
  std::uint64_t begin_ns_ = 0;
  double period_ns_ = 0;
  double phase_ = 0;
  std::uint64_t sent_ = 0;
};

}  // namespace ringgate::bench
