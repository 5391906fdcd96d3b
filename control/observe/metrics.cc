#include "control/observe/metrics.h"

#include <utility>

namespace ringgate {
namespace {

// Of no two series the same: neither names nor values have a zero in them.
std::string key_of(std::string_view name, const MetricsSnapshot::Labels& labels) {
  std::string key(name);
  for (const auto& [label, value] : labels) {
    key.append(1, '\0').append(label).append(1, '\0').append(value);
  }
  return key;
}

}  // namespace

MetricsSnapshot& MetricsSnapshot::counter(std::string_view name, std::string_view help,
                                          const Labels& labels, double value) {
  series(name, help, prometheus::MetricType::Counter, labels).counter.value += value;
  return *this;
}

MetricsSnapshot& MetricsSnapshot::gauge(std::string_view name, std::string_view help,
                                        const Labels& labels, double value) {
  series(name, help, prometheus::MetricType::Gauge, labels).gauge.value += value;
  return *this;
}

MetricsSnapshot& MetricsSnapshot::histogram(std::string_view name, std::string_view help,
                                            const Labels& labels, const Histogram& value) {
  prometheus::ClientMetric::Histogram& into =
      series(name, help, prometheus::MetricType::Histogram, labels).histogram;
  into.bucket.resize(value.bounds.size());
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < value.bounds.size(); ++i) {
    so_far += static_cast<std::uint64_t>(value.counts[i]);
    into.bucket[i].upper_bound = value.bounds[i];
    into.bucket[i].cumulative_count += so_far;
  }
  into.sample_count += so_far;
  into.sample_sum += value.sum;
  return *this;
}

std::vector<prometheus::MetricFamily> MetricsSnapshot::take() {
  family_of_.clear();
  series_of_.clear();
  return std::exchange(families_, {});
}

prometheus::ClientMetric& MetricsSnapshot::series(std::string_view name, std::string_view help,
                                                  prometheus::MetricType type,
                                                  const Labels& labels) {
  const auto [same, is_new] = series_of_.try_emplace(key_of(name, labels));
  if (!is_new) return families_[same->second.family].metric[same->second.metric];
  const auto known = family_of_.find(name);
  const std::size_t index = known == family_of_.end() ? families_.size() : known->second;
  if (index == families_.size()) {
    family_of_.emplace(name, index);
    families_.push_back({std::string(name), std::string(help), type, {}});
  }
  auto& metrics = families_[index].metric;
  same->second = {index, metrics.size()};
  prometheus::ClientMetric& metric = metrics.emplace_back();
  for (const auto& [key, value] : labels) metric.label.push_back({key, value});
  return metric;
}

}  // namespace ringgate
