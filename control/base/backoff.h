// Pauses between attempts that fail: each is twice the one before, between two bounds, less a
// random part of up to a half, so that processes that lost the same peer do not come back in step.
//
// Plain value, owned by one thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace ringgate {

class Backoff {
 public:
  using Duration = std::chrono::milliseconds;

  // 0 < min <= max. Each may differ in each call, as a reload may have it.
  [[nodiscard]] Duration next(Duration min, Duration max, std::minstd_rand& random) {
    pause_ = std::clamp(pause_ * 2, min, max);
    std::uniform_real_distribution<double> share(0.5, 1.0);
    return std::chrono::ceil<Duration>(pause_ * share(random));
  }
  // The next pause is the shortest again.
  void reset() noexcept { pause_ = Duration(0); }

 private:
  Duration pause_{0};
};

}  // namespace ringgate
