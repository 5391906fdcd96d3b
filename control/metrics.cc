#include "control/metrics.h"

#include <algorithm>

namespace ringgate {
namespace {

bool same_labels(const std::vector<prometheus::ClientMetric::Label>& have,
                 const MetricsSnapshot::Labels& wanted) {
  return std::ranges::equal(have, wanted, [](const auto& a, const auto& b) {
    return a.name == b.first && a.value == b.second;
  });
}

}  // namespace

MetricsSnapshot& MetricsSnapshot::counter(std::string_view name, std::string_view help,
                                          const Labels& labels, double value) {
  series(name, help, prometheus::MetricType::Counter, labels).counter.value += value;
  return *this;
}

MetricsSnapshot& MetricsSnapshot::gauge(std::string_view name, std::string_view help,
                                        const Labels& labels, double value) {
  series(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
  return *this;
}

std::vector<prometheus::MetricFamily> MetricsSnapshot::take() {
  family_of_.clear();
  return std::exchange(families_, {});
}

prometheus::ClientMetric& MetricsSnapshot::series(std::string_view name, std::string_view help,
                                                  prometheus::MetricType type,
                                                  const Labels& labels) {
  const auto known = family_of_.find(name);
  const std::size_t index = known == family_of_.end() ? families_.size() : known->second;
  if (index == families_.size()) {
    family_of_.emplace(name, index);
    families_.push_back({std::string(name), std::string(help), type, {}});
  }
  auto& metrics = families_[index].metric;
  const auto same = std::ranges::find_if(
      metrics, [&](const auto& metric) { return same_labels(metric.label, labels); });
  if (same != metrics.end()) return *same;
  prometheus::ClientMetric& metric = metrics.emplace_back();
  for (const auto& [key, value] : labels) metric.label.push_back({key, value});
  return metric;
}

}  // namespace ringgate
