// Builds the metric families of one scrape. For the thread of the scrape only; whoever
// has counters fills it.
//
// Label values must come from a bounded set: never pass what a client sent.
#pragma once

#include <prometheus/metric_family.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ringgate {

class MetricsSnapshot {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;

  // kPerShard: what shards count is wanted of each by itself, under the label `shard`; else only
  // the sums of all. Whoever collects from shards asks for it.
  enum class Detail : std::uint8_t { kSums, kPerShard };
  explicit MetricsSnapshot(Detail detail = Detail::kSums) : detail_(detail) {}
  [[nodiscard]] bool per_shard() const noexcept { return detail_ == Detail::kPerShard; }

  // The first call of a name sets its help and type; later ones add series to the family. The same
  // labels once more add up.
  MetricsSnapshot& counter(std::string_view name, std::string_view help, const Labels& labels,
                           double value);
  MetricsSnapshot& gauge(std::string_view name, std::string_view help, const Labels& labels,
                         double value);

  // What lay between the bound before and this one; the last bound is infinity.
  struct Histogram {
    std::vector<double> bounds;
    std::vector<double> counts;
    double sum = 0;
  };
  MetricsSnapshot& histogram(std::string_view name, std::string_view help, const Labels& labels,
                             const Histogram& value);

  // In the order of first mention; leaves the snapshot empty.
  std::vector<prometheus::MetricFamily> take();

 private:
  prometheus::ClientMetric& series(std::string_view name, std::string_view help,
                                   prometheus::MetricType type, const Labels& labels);

  struct Place {
    std::size_t family = 0;
    std::size_t metric = 0;  // of the family
  };

  Detail detail_;
  std::vector<prometheus::MetricFamily> families_;
  std::map<std::string, std::size_t, std::less<>> family_of_;
  std::unordered_map<std::string, Place> series_of_;  // by name and labels
};

}  // namespace ringgate
