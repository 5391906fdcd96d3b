#include "services/store/redis/traffic.h"

#include <algorithm>
#include <limits>

namespace ringgate {

void RedisTraffic::answered(std::uint64_t took_us) noexcept {
  const auto bound = std::ranges::lower_bound(kBoundsUs, took_us);
  took_[static_cast<std::size_t>(bound - kBoundsUs.begin())].add(1);
  took_us_.add(took_us);
}

void RedisTraffic::collect(MetricsSnapshot& metrics, const std::string& service) const {
  const MetricsSnapshot::Labels labels = {{"service_id", service}, {"store", "sessions"}};
  const auto get = [](const Cell& cell) { return static_cast<double>(cell.get()); };
  MetricsSnapshot::Histogram took;
  for (std::size_t i = 0; i < took_.size(); ++i) {
    took.counts.push_back(get(took_[i]));
    took.bounds.push_back(i < kBoundsUs.size() ? static_cast<double>(kBoundsUs[i]) / 1e6
                                               : std::numeric_limits<double>::infinity());
  }
  took.sum = get(took_us_) / 1e6;
  metrics.histogram("ringgate_redis_command_seconds",
                    "from sending a command to Redis to its answer", labels, took);
  metrics.counter("ringgate_redis_connections_total",
                  "connections that Redis let us in on: those after the first are reconnects, or "
                  "of further servers",
                  labels, get(connections_));
  metrics.counter("ringgate_redis_redirects_total",
                  "commands that a cluster's server sent on to another one", labels,
                  get(redirects_));
}

}  // namespace ringgate
