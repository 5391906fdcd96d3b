// How often a process was told to end. Wrappers and terminals send a signal twice, or SIGTERM and
// SIGINT together: what comes within a second of the first is the same wish. Plain value, one
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace ringgate {

enum class EndSignal : std::uint8_t { kFirst, kSame, kSecond };

class EndSignals {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds kSameFor{1000};

  EndSignal take(Time now) noexcept {
    if (!first_) {
      first_ = now;
      return EndSignal::kFirst;
    }
    return now - *first_ < kSameFor ? EndSignal::kSame : EndSignal::kSecond;
  }

 private:
  std::optional<Time> first_;
};

}  // namespace ringgate
