#include "services/store/redis/traffic.h"

#include <algorithm>
#include <limits>

#include "control/observe/histogram_sum.h"

namespace ringgate {

void RedisTraffic::answered(std::uint64_t took_us) noexcept {
  took_.record(static_cast<std::uint32_t>(
      std::min<std::uint64_t>(took_us, std::numeric_limits<std::uint32_t>::max())));
}

void RedisTraffic::collect(MetricsSnapshot& metrics, const std::string& service) const {
  const MetricsSnapshot::Labels labels = {{"service_id", service}, {"store", "sessions"}};
  const auto get = [](const Cell& cell) { return static_cast<double>(cell.get()); };
  HistogramSum took;
  took.add(took_);
  took.collect("ringgate_redis_command_seconds", "from sending a command to Redis to its answer",
               HistogramUnit::kSeconds, labels, metrics);
  metrics.counter("ringgate_redis_connections_total",
                  "connections that Redis let us in on: those after the first are reconnects, or "
                  "of further servers",
                  labels, get(connections_));
  metrics.counter("ringgate_redis_redirects_total",
                  "commands that a cluster's server sent on to another one", labels,
                  get(redirects_));
}

}  // namespace ringgate
