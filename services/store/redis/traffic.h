// What is counted of the commands that go to Redis. One thread writes; collect() is for any thread.
#pragma once

#include <cstdint>
#include <string>

#include "control/observe/metrics.h"
#include "dataplane/cell.h"
#include "dataplane/histogram.h"

namespace ringgate {

class RedisTraffic {
 public:
  void answered(std::uint64_t took_us) noexcept;
  void connected() noexcept { connections_.add(1); }
  void redirected() noexcept { redirects_.add(1); }
  void collect(MetricsSnapshot& metrics, const std::string& service) const;

 private:
  Histogram took_;
  Cell connections_;
  Cell redirects_;
};

}  // namespace ringgate
