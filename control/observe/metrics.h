// Builds the metric families of one scrape. For the thread of the scrape only; whoever implements
// prometheus::Collectable fills one from its counters and returns take().
//
// Label values must come from a bounded set: never pass what a client sent.
#pragma once

#include <prometheus/metric_family.h>

#include <cstddef>
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

  // The first call of a name sets its help and type; later ones add series to the family. The same
  // labels once more add up for a counter, and replace the value of a gauge.
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
  // The same labels once more replace it.
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

  std::vector<prometheus::MetricFamily> families_;
  std::map<std::string, std::size_t, std::less<>> family_of_;
  std::unordered_map<std::string, Place> series_of_;  // by name and labels
};

}  // namespace ringgate
