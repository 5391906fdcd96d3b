#include "control/observe/histogram_sum.h"

#include <limits>
#include <utility>

namespace ringgate {
namespace {

// What is shorter or larger than anybody asks for is one bucket each.
constexpr std::uint32_t kShortestTimeUs = 10;
constexpr std::uint32_t kLargestNumber = 100'000;

}  // namespace

void HistogramSum::add(const Histogram& histogram) noexcept {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += histogram.count(i);
  sum_ += histogram.sum();
}

void HistogramSum::collect(std::string_view name, std::string_view help, HistogramUnit unit,
                           const MetricsSnapshot::Labels& labels, MetricsSnapshot& metrics) const {
  const bool is_time = unit == HistogramUnit::kSeconds;
  const double scale = is_time ? 1e6 : 1;
  MetricsSnapshot::Histogram told;
  double so_far = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    so_far += static_cast<double>(counts_[i]);
    const bool is_last = i == Histogram::kBounds.size();
    if (!is_last) {
      const std::uint32_t bound = Histogram::kBounds[i];
      if (is_time ? bound < kShortestTimeUs : bound > kLargestNumber) continue;
    }
    told.bounds.push_back(is_last ? std::numeric_limits<double>::infinity()
                                  : Histogram::kBounds[i] / scale);
    told.counts.push_back(std::exchange(so_far, 0));
  }
  told.sum = static_cast<double>(sum_) / scale;
  metrics.histogram(name, help, labels, told);
}

}  // namespace ringgate
