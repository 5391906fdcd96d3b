// How sessions are kept in Redis. Plain values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "services/store/factory.h"
#include "services/store/redis/net/tls.h"
#include "services/store/redis/url.h"

namespace ringgate {

struct RedisStoreOptions {
  RedisTarget target = redis_at({"127.0.0.1", 6379});
  std::shared_ptr<const RedisTlsContext> tls;  // null: no server of it has TLS
  std::uint32_t timeout_ms = 2'000;            // until an answer, or a connection, is given up
  std::uint32_t reconnect_min_ms = 50;
  std::uint32_t reconnect_max_ms = 2'000;
  std::uint32_t probe_ms = 1'000;  // how often keys of ours are written, to see that it works
  // Commands, and calls of a shard; beyond: StoreError::kFull.
  std::size_t max_in_flight = 64 * 1024;
  std::uint32_t session_ttl_s = 48 * 3600;
  bool leases_node = true;          // without, there are no message ids
  std::uint32_t lease_ms = 30'000;  // of a node number, renewed every third of it
  std::string default_app = "kim";
  std::uint32_t boot_ms = kBootLeaseMs;  // how long a gateway that says nothing is taken for alive
  std::uint32_t boot_check_ms = 2'000;   // how long it is believed that one is alive
  std::size_t max_owed = 64 * 1024;      // removals that wait until the store can do them
  // How long those that were made are remembered, max_owed of them at most, to make them again
  // after a failover: longer than a primary that is cut off takes writes that are lost with it.
  std::uint32_t remember_ms = 120'000;
  std::uint32_t extra_endpoint = 0;  // which of the group's extra endpoints the thread is
};

}  // namespace ringgate
