// From a configuration to the shards of a service, and how they are while they run.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/discovery/instance.h"
#include "dataplane/shard_group.h"
#include "services/process/handover/taker.h"

namespace ringgate {

// Threads, bounds and times as configured. `max_clients`: what a shard can number at most; 0 where
// the shards accept no clients. Clients are direct descriptors, of which a ring takes no more than
// RLIMIT_NOFILE.
[[nodiscard]] Result<ShardGroupOptions> shard_group_options(const Config& config,
                                                            std::size_t max_clients);

// Every listener of the configuration, for `shards` shards each. `taker`: with the sockets of those
// that another process gives; may be null. `tls`: of each listener, where some have it.
[[nodiscard]] Result<std::vector<Listener>> open_listeners(const Config& config,
                                                           std::uint32_t shards,
                                                           handover::Taker* taker = nullptr,
                                                           std::span<const TlsContext> tls = {});

// Where that configuration listens, as printed; but for free ports, which nobody knows yet.
[[nodiscard]] std::vector<std::string> addresses_of(const Config& config);

// The rules for upgrades of one listener.
[[nodiscard]] WsUpgradeOptions upgrade_options(const Config& config, const ListenSpec& listen);

// When this process was started, in Unix milliseconds, as what is registered says it. Any thread.
[[nodiscard]] const std::string& process_started();

// What is registered: one service for each kind of listener, the first of it. Where there are both,
// WebSocket's is <ServiceID>-ws, since a registry keeps one registration for an id.
[[nodiscard]] std::vector<Instance> registrations(const Config& config,
                                                  std::span<const Listener> listeners);

// Nothing when every shard's loop has turned lately. Any thread.
[[nodiscard]] std::optional<std::string> stuck_shard(const ShardGroup& shards);

// Says in the log that a shard or control got mail of a kind that it does not know: a bug, once for
// each of them. For the control thread, about every second.
class MailBugs {
 public:
  void look(const ShardGroup& shards);

 private:
  std::set<std::uint32_t> told_;  // endpoints
};

// One line for the log: who serves, which build, with how many shards, room for how many
// connections of its own peers (clients, or of a logic service: links), listening where.
void tell_start(const Config& config, std::span<const Listener> listeners, std::uint32_t shards,
                std::uint64_t room);

}  // namespace ringgate
