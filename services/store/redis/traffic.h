// What is counted of the commands that go to Redis. One thread writes; collect() is for any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "control/observe/metrics.h"

namespace ringgate {

class RedisTraffic {
 public:
  void answered(std::uint64_t took_us) noexcept;
  void connected() noexcept { add(connections_, 1); }
  void redirected() noexcept { add(redirects_, 1); }
  void collect(MetricsSnapshot& metrics, const std::string& service) const;

 private:
  using Count = std::atomic<std::uint64_t>;
  static constexpr std::array<std::uint32_t, 7> kBoundsUs{200,     1'000,   5'000,    20'000,
                                                          100'000, 500'000, 2'000'000};
  static void add(Count& count, std::uint64_t more) noexcept {
    count.store(count.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }

  std::array<Count, kBoundsUs.size() + 1> took_{};
  Count took_us_{0};
  Count connections_{0};
  Count redirects_{0};
};

}  // namespace ringgate
