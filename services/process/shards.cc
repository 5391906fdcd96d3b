#include "services/process/shards.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "control/base/local_address.h"
#include "dataplane/ring_size.h"
#include "services/process/cpus.h"
#include "services/process/ring.h"
#include "services/process/tls.h"

namespace ringgate {
namespace {

constexpr std::uint64_t kStuckMs = 3000;
// The slab is reserved at start: a limit of a million files is no wish for a million slots.
constexpr std::size_t kMostByDefault = 65'536;
// A part of the table is looked at every sweep, all of it once in kSweepParts sweeps.
constexpr std::uint32_t kSweepParts = 10;

std::size_t file_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

// Each shard's ring has a table of its own of up to so many. Over epoll clients are descriptors of
// the process, which shares what there are with the rest of it.
std::size_t most_of_a_shard(const ShardGroupOptions& options) {
  constexpr std::size_t kOthers = 256;  // links, listeners, files
  const std::size_t limit = file_limit();
  if (options.shard.ring.kind != RingKind::kEpoll) return limit;
  return std::max<std::size_t>((limit - std::min(limit / 2, kOthers)) / options.shards, 1);
}

Result<std::size_t> max_connections(const Config& config, const ShardGroupOptions& options,
                                    std::size_t most) {
  const std::size_t limit = most_of_a_shard(options);
  if (config.shard.max_clients == 0) {
    return std::min({limit, kMostByDefault, most});
  }
  if (config.shard.max_clients > limit && options.shard.ring.kind == RingKind::kEpoll) {
    return usage_error(
        "MaxConnections is {} per shard, but the open-file limit leaves {} for each of {} shards "
        "over epoll; raise the limit (ulimit -n)",
        config.shard.max_clients, limit, options.shards);
  }
  if (config.shard.max_clients > limit) {
    return usage_error(
        "MaxConnections is {} per shard, but the open-file limit is {}, and a ring's table holds "
        "no "
        "more; raise the limit (ulimit -n) or use more Shards",
        config.shard.max_clients, limit);
  }
  if (config.shard.max_clients > most) {
    return usage_error("MaxConnections is {} per shard, but {} is the most; use more Shards",
                       config.shard.max_clients, most);
  }
  return config.shard.max_clients;
}

// Often enough that the shortest time is kept to about an eighth of it.
std::uint32_t sweep_ms(const Config& config) {
  const GatewayLimits& gateway = config.gateway;
  const std::uint32_t shortest =
      std::min({gateway.login_wait_ms, gateway.login_answer_timeout_ms, gateway.answer_timeout_ms,
                gateway.heartbeat_ms, config.client_limits().read_timeout_ms,
                config.shard.write_timeout_ms});
  return std::clamp<std::uint32_t>(shortest / (8 * kSweepParts), 1, 100);
}

// Empty: a free port, or a name that stands for no address.
std::string address_of(const ListenSpec& spec) {
  if (!spec.socket.empty()) return "unix:" + spec.socket;
  if (spec.endpoint.port == 0) return {};
  return ListenerSet::print({spec.endpoint.host, spec.endpoint.port}).value_or("");
}

// Who has asked for it is told, once, where it has no effect.
void tell_of_latency_budget(const Config& config, RingKind kind) {
  if (config.shard.latency_budget_us == 0 || !config.given.contains("LatencyBudget")) return;
  if (config.ring == RingKind::kEpoll) return;  // a notice of the configuration says so
  static std::atomic_flag told;
  if (ring_gathers(kind) || told.test_and_set()) return;
  spdlog::warn("LatencyBudget has no effect: it needs io_uring of Linux 6.12 or newer");
}

}  // namespace

Result<ShardGroupOptions> shard_group_options(const Config& config, std::size_t max_clients) {
  Result<CpuBudget> cpus = usable_cpus();
  if (!cpus) return std::unexpected(cpus.error());
  ShardGroupOptions options;
  options.shards = static_cast<std::uint32_t>(config.shards != 0 ? config.shards : cpus->count);
  if (config.pin_shards) options.cpus = cpus->cpus;
  options.mailbox_bytes = config.mailbox_bytes;
  ShardOptions& shard = options.shard;
  shard = config.shard;
  shard.ring.kind = ring_of_process(config.ring);
  tell_of_latency_budget(config, shard.ring.kind);
  if (max_clients != 0) {
    const Result<std::size_t> most = max_connections(config, options, max_clients);
    if (!most) return std::unexpected(most.error());
    shard.max_clients = static_cast<std::uint32_t>(*most);
  } else {
    shard.max_clients = 0;
    shard.max_clients_per_address = 0;
    shard.ring.client_buffers = 1;
  }
  size_queues(shard.ring, shard.max_clients);
  shard.sweep_ms = sweep_ms(config);
  shard.sweep_parts = kSweepParts;
  return options;
}

WsUpgradeOptions upgrade_options(const Config& config, const ListenSpec& listen) {
  WsUpgradeOptions options = config.upgrade;
  options.path = listen.path;
  return options;
}

namespace {

Result<ListenerSet> open_one(const ListenSpec& spec, std::uint32_t shards, handover::Taker* taker) {
  const ListenAddress address{spec.endpoint.host, spec.endpoint.port};
  std::vector<int> given;
  if (taker != nullptr) given = taker->take(address_of(spec));
  if (!spec.socket.empty()) {
    return given.empty() ? ListenerSet::open_unix(spec.socket, shards, false)
                         : ListenerSet::adopt_unix(spec.socket, shards, std::move(given));
  }
  return given.empty() ? ListenerSet::open(address, shards, false)
                       : ListenerSet::adopt(address, shards, std::move(given));
}

}  // namespace

Result<std::vector<Listener>> open_listeners(const Config& config, std::uint32_t shards,
                                             handover::Taker* taker,
                                             std::span<const TlsContext> tls) {
  std::vector<Listener> listeners;
  for (const ListenSpec& spec : config.listen) {
    Result<ListenerSet> sockets = open_one(spec, shards, taker);
    if (!sockets) return std::unexpected(sockets.error());
    listeners.push_back({std::move(*sockets), spec.transport, upgrade_options(config, spec),
                         has_proxy_header(config, spec),
                         tls.empty() ? TlsContext() : tls[listeners.size()]});
  }
  return listeners;
}

std::vector<std::string> addresses_of(const Config& config) {
  std::vector<std::string> all;
  for (const ListenSpec& spec : config.listen) {
    if (std::string address = address_of(spec); !address.empty()) all.push_back(std::move(address));
  }
  return all;
}

// Differs at each start, and stays what it is while we run: existing gateways dial a service again
// when its entry has changed, also one that was killed and is back on the same port.
const std::string& process_started() {
  static const std::string started =
      std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count());
  return started;
}

namespace {

// Where operators' commands find the admin port. Of one on all interfaces the host is left out
// where only the registration finds it out: it is that of the service.
std::string admin_url(const Config& config, const std::string& address) {
  std::string host = is_wildcard_host(config.admin_address) ? address : config.admin_address;
  if (is_wildcard_host(host)) host.clear();
  return (has_ports_tls(config) ? "https://" : "http://") +
         format_endpoint({host, config.admin_port});
}

Instance registration(const Config& config, const ListenSpec& spec, std::uint16_t port) {
  Instance service;
  service.id = config.service_id;
  service.name = config.service_name;
  service.protocol = describe(spec.transport);
  service.address = config.public_address.empty() ? spec.endpoint.host : config.public_address;
  // All interfaces: with Consul the registration finds out where the agent is reached from.
  const bool is_open = is_wildcard_host(service.address);
  if (is_open && config.consul.url.empty()) {
    service.address = machine_address(service.address == "0.0.0.0");
  }
  service.port = port;
  service.zone = config.zone;
  service.tags = config.tags;
  if (!config.domain.empty()) service.meta["domain"] = config.domain;
  service.meta[kStartedMeta] = process_started();
  if (spec.tls) service.meta["tls"] = "1";
  if (config.monitor_port != 0) {
    std::string host = service.address;
    if (is_wildcard_host(host)) host.clear();
    const bool is_monitor_elsewhere =
        !is_wildcard_host(config.monitor_address) && !is_loopback_host(config.monitor_address);
    if (host.empty() && is_monitor_elsewhere) host = config.monitor_address;
    service.meta["health_url"] = (has_ports_tls(config) ? "https://" : "http://") +
                                 format_endpoint({host, config.monitor_port}) + "/health";
  }
  if (config.admin_port != 0) service.meta[kAdminMeta] = admin_url(config, service.address);
  return service;
}

}  // namespace

std::vector<Instance> registrations(const Config& config, std::span<const Listener> listeners) {
  std::vector<Instance> services;
  for (const Transport transport : {Transport::kTcp, Transport::kWebSocket}) {
    // Nobody else reaches a socket in the file system.
    const auto spec = std::ranges::find_if(config.listen, [&](const ListenSpec& listen) {
      return listen.transport == transport && listen.socket.empty();
    });
    if (spec == config.listen.end()) continue;
    const auto index = static_cast<std::size_t>(spec - config.listen.begin());
    Instance service = registration(config, *spec, listeners[index].sockets.port());
    if (services.empty()) {
      if (config.public_port != 0) service.port = config.public_port;
    } else {
      service.id += "-ws";
      service.name = gateway_name(transport);
    }
    services.push_back(std::move(service));
  }
  return services;
}

std::optional<std::string> stuck_shard(const ShardGroup& shards) {
  const std::uint64_t now = Clock::monotonic_ms();
  for (std::uint32_t i = 0; i < shards.size(); ++i) {
    const std::uint64_t turned = shards.shard(i).last_turn_ms();
    if (now > turned + kStuckMs) {
      return fmt::format("shard {} has not turned for {} ms", i, now - turned);
    }
  }
  return std::nullopt;
}

void MailBugs::look(const ShardGroup& shards) {
  for (std::uint32_t i = 0; i <= shards.size(); ++i) {
    const bool is_control = i == shards.size();
    const UnknownMail& mail = is_control ? shards.unknown_mail() : shards.shard(i).unknown_mail();
    if (mail.count() == 0 || !told_.insert(i).second) continue;
    spdlog::error("bug: {} got mail of the unknown kind {} from {}; it is ignored",
                  is_control ? "control" : fmt::format("shard {}", i), mail.kind(), mail.from());
  }
}

}  // namespace ringgate
