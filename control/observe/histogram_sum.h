// Histograms of shards and stores as a scrape has them. So all times have the same bounds, and what
// docs/observability.md says of them is true of each.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "control/observe/metrics.h"
#include "dataplane/histogram.h"
#include "dataplane/names.h"

namespace ringgate {

// Of one series, summed: add() that of each thread. For the thread of the scrape.
class HistogramSum {
 public:
  void add(const Histogram& histogram) noexcept;
  void collect(std::string_view name, std::string_view help, HistogramUnit unit,
               const MetricsSnapshot::Labels& labels, MetricsSnapshot& metrics) const;

 private:
  std::array<std::uint64_t, Histogram::kBuckets> counts_{};
  std::uint64_t sum_ = 0;
};

}  // namespace ringgate
