// What is counted of the commands that go to Redis. One thread writes; collect() is for any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "control/observe/metrics.h"
#include "dataplane/counters.h"

namespace ringgate {

class RedisTraffic {
 public:
  void answered(std::uint64_t took_us) noexcept;
  void connected() noexcept { connections_.add(1); }
  void redirected() noexcept { redirects_.add(1); }
  void collect(MetricsSnapshot& metrics, const std::string& service) const;

 private:
  static constexpr std::array<std::uint32_t, 7> kBoundsUs{200,     1'000,   5'000,    20'000,
                                                          100'000, 500'000, 2'000'000};

  std::array<Cell, kBoundsUs.size() + 1> took_;
  Cell took_us_;
  Cell connections_;
  Cell redirects_;
};

}  // namespace ringgate
