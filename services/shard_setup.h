// From a configuration to the shards of a service, and what is read off them while they run.
#pragma once

#include <optional>
#include <string>

#include "control/config.h"
#include "control/metrics.h"
#include "control/service.h"
#include "dataplane/shard_group.h"

namespace ringgate {

// Threads, bounds and times as configured. `clients`: the shards accept clients as direct
// descriptors, of which a ring takes no more than RLIMIT_NOFILE.
[[nodiscard]] Result<ShardGroupOptions> shard_group_options(const Config& config, bool clients);

// Where the service listens. One address for now.
[[nodiscard]] Result<ListenAddress> listen_address(const Config& config);

// What is registered for a listener on `port`.
[[nodiscard]] Service registration(const Config& config, std::uint16_t port);

// Nothing when every shard's loop has turned lately. Any thread.
[[nodiscard]] std::optional<std::string> stuck_shard(const ShardGroup& shards);

// Every counter of every shard, labelled with `service` and the shard. Any thread.
void collect_shards(const ShardGroup& shards, const std::string& service, MetricsSnapshot& metrics);

}  // namespace ringgate
