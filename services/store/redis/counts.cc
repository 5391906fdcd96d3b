#include "services/store/redis/counts.h"

namespace ringgate {

void RedisCounts::collect(MetricsSnapshot& metrics, const std::string& service) const {
  traffic.collect(metrics, service);
  const MetricsSnapshot::Labels labels = {{"service_id", service}, {"store", "sessions"}};
  metrics.gauge("ringgate_store_owed_removals", "sign-outs that wait until the store takes them",
                labels, static_cast<double>(owed.get()));
  metrics.counter("ringgate_store_owed_dropped_total",
                  "sign-outs that the store did not take, and for which there was no place to wait",
                  labels, static_cast<double>(owed_dropped.get()));
  metrics.counter("ringgate_store_made_forgotten_total",
                  "sign-outs that would not be made again after a failover, as newer ones were too "
                  "many",
                  labels, static_cast<double>(made_forgotten.get()));
  metrics.counter("ringgate_roll_calls_asked_total",
                  "times that gateways were asked to call the roll: the store was dialled anew, or "
                  "has lost data",
                  labels, static_cast<double>(roll_calls.get()));
}

}  // namespace ringgate
