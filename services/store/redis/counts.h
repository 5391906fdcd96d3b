// What is counted of the sessions in Redis. The store's thread writes; the rest is for any thread.
#pragma once

#include <cstdint>
#include <string>

#include "control/observe/metrics.h"
#include "dataplane/counters.h"
#include "services/store/redis/traffic.h"

namespace ringgate {

struct RedisCounts {
  RedisTraffic traffic;
  Cell owed;            // removals that wait for the store
  Cell owed_dropped;    // those for which there was no place
  Cell made_forgotten;  // those made that were too many to remember for the case of a failover
  Cell roll_calls;      // times that gateways were asked to call the roll again

  void collect(MetricsSnapshot& metrics, const std::string& service) const;
};

}  // namespace ringgate
