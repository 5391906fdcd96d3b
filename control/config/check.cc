#include "control/config/check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <ranges>
#include <set>
#include <string_view>
#include <system_error>
#include <vector>

#include "control/base/address.h"
#include "control/base/text_file.h"
#include "control/config/keys.h"

namespace ringgate {
namespace {

std::string service_of(const Config& config, const std::string& prefix) {
  const auto route = config.routes.find(prefix);
  return route == config.routes.end() ? prefix : route->second;
}

// What the gateway looks for in the registry.
std::set<std::string> services_looked_for(const Config& config) {
  std::set<std::string> names;
  for (const std::string& name : config.depends) names.insert(service_of(config, name));
  if (!names.empty()) return names;
  for (const char* const name : {"login", "chat", "echo"}) names.insert(service_of(config, name));
  for (const auto& service : config.routes | std::views::values) names.insert(service);
  return names;
}

Result<void> check_services(const Config& config) {
  const std::set<std::string> found = services_looked_for(config);
  for (const auto& [prefix, service] : config.routes) {
    if (found.contains(service)) continue;
    return usage_error("Routes sends {}.* to {}, which Depends leaves out; add {} to Depends",
                       prefix, service, service);
  }
  const std::string login = service_of(config, "login");
  if (!found.contains(login)) {
    return usage_error("Depends leaves out {}, so nobody could log in; add it", login);
  }
  for (const auto& prefix : config.selectors.by_prefix | std::views::keys) {
    const std::string service = service_of(config, prefix);
    if (found.contains(service)) continue;
    if (!config.depends.empty()) {
      return usage_error(
          "Selectors has {}, but Depends leaves out {}; add it, or remove the selector", prefix,
          service);
    }
    return usage_error(
        "Selectors has {}, but no service is looked for by that name; add \"Routes: {{{}: "
        "NAME}}\", "
        "or remove it",
        prefix, prefix);
  }
  return {};
}

// Keys that were set to something and lack what they need.
class Idle {
 public:
  explicit Idle(Config& config) : config_(config) {
    const Config fresh;
    for (const ConfigKey& key : config_keys()) {
      if (!is_same(key, fresh, config)) set_.push_back(&key);
    }
  }

  // `need` is not there, which `why` says.
  void notice(Need need, std::string_view why) {
    std::vector<std::string_view> idle;
    for (const ConfigKey* const key : set_) {
      if (key->use.needs == need && !is_from_file(*key)) idle.push_back(key->name);
    }
    if (idle.empty()) return;
    config_.notices.push_back(fmt::format("{} {} no effect: {}", fmt::join(idle, ", "),
                                          idle.size() == 1 ? "has" : "have", why));
  }

 private:
  [[nodiscard]] bool is_from_file(const ConfigKey& key) const {
    const ConfigKey* const file = file_key_of(key);
    return file != nullptr && std::ranges::find(set_, file) != set_.end();
  }

  Config& config_;
  std::vector<const ConfigKey*> set_;
};

bool has_websocket(const Config& config) {
  return std::ranges::find(config.listen, Transport::kWebSocket, &ListenSpec::transport) !=
         config.listen.end();
}

void notice_gateways_keys(Config& config, Idle& idle) {
  const bool is_proxied = wants_proxy_header(config);
  if (!has_websocket(config)) {
    idle.notice(Need::kWebSocket, "Listen has no ws:// address");
    if (!is_proxied && config.shard.max_clients_per_address == 0) {
      idle.notice(Need::kForwarders,
                  "X-Forwarded-For comes with WebSocket only, and ProxyProtocol is off");
    }
  }
  if (config.link_tls.ca.empty()) idle.notice(Need::kLinkTls, "LinkTlsCA is not set");
  if (!is_proxied) idle.notice(Need::kProxyProtocol, "ProxyProtocol is off");
  if (config.shard.poll_after_ms >= config.client_limits().read_timeout_ms) {
    idle.notice(Need::kLongerIdleTimeout, "it is not below IdleTimeout");
  }
  if (!has_route(config.selectors)) {
    idle.notice(Need::kRouteSelector, "no selector is route; add for example \"Selectors: route\"");
  }
  constexpr std::size_t kLeastMemory = Config::kMiB;
  const std::size_t memory = config.gateway.max_memory_bytes;
  if (memory != 0 && memory < kLeastMemory) {
    config.notices.push_back("MaxMemory is below 1MiB: hardly anybody is let in");
  }
  const std::size_t answers = config.shard.max_answer_bytes;
  if (answers != 0 && answers < config.client_limits().max_queued_bytes) {
    config.notices.push_back("MaxQueuedAnswerBytes has no effect: it is below MaxQueuedBytes");
  }
  const std::vector<std::string>& origins = config.upgrade.allowed_origins;
  if (origins.size() > 1 && std::ranges::find(origins, "*") != origins.end()) {
    config.notices.push_back("AllowedOrigins has *, so its other entries have no effect");
  }
}

// Of TLS 1.3 are those that begin with TLS_.
void notice_old_ciphers(Config& config) {
  if (config.tls.min_version != tls::MinVersion::kTls13) return;
  const auto old = std::ranges::find_if(
      config.tls.ciphers, [](const std::string& name) { return !name.starts_with("TLS_"); });
  if (old == config.tls.ciphers.end()) return;
  config.notices.push_back(
      fmt::format("TlsCiphers: {} has no effect: it is of TLS 1.2, and TlsMin is 1.3", *old));
}

bool asks_for_certificates(const Config& config) {
  return std::ranges::any_of(config.listen, [&config](const ListenSpec& listen) {
    return listen.tls && wants_client_certificate(config, listen);
  });
}

// An option that turns off what is off already may be meant for another listener.
void notice_listeners_options(Config& config) {
  const auto notice = [&config](std::string_view option, std::string_view why) {
    config.notices.push_back(fmt::format("Listen: {} has no effect: {}", option, why));
  };
  const auto has = [&config](std::optional<bool> ListenSpec::* option) {
    return std::ranges::find(config.listen, std::optional(false), option) != config.listen.end();
  };
  if (config.tls.client_ca.empty() && has(&ListenSpec::client_certificate)) {
    notice("?client_cert=off", "TlsClientCA is not set, so no client has to show a certificate");
  }
  if (!config.tls.client_ca.empty() && has_tls(config) && !asks_for_certificates(config)) {
    config.notices.push_back("TlsClientCA has no effect: Listen has ?client_cert=off everywhere");
  }
  if (!config.shard.proxy_protocol && has(&ListenSpec::proxy_header)) {
    notice("?proxy=off", "ProxyProtocol is off");
  }
}

void notice_keys_of_every_role(Config& config, Idle& idle) {
  if (!has_tls(config)) idle.notice(Need::kTls, "Listen has no tls:// and no wss:// address");
  notice_old_ciphers(config);
  notice_listeners_options(config);
  if (config.ring == RingKind::kEpoll && config.given.contains("LatencyBudget") &&
      config.shard.latency_budget_us != 0) {
    config.notices.push_back(
        "LatencyBudget has no effect: it needs io_uring of Linux 6.12 or newer");
  }
  if (config.consul.url.empty()) idle.notice(Need::kConsul, "ConsulURL is not set");
  if (config.admin_port == 0) idle.notice(Need::kAdminPort, "AdminPort is off");
  if (config.monitor_port == 0) idle.notice(Need::kMonitorPort, "MonitorPort is off");
  if (config.monitor_port == 0 && config.admin_port == 0) {
    idle.notice(Need::kHttpPort, "MonitorPort and AdminPort are off");
  }
}

// libcurl opens it at each connection, would wait for a pipe, and says little about the rest.
Result<void> check_authority(const Config& config) {
  constexpr std::size_t kMaxAuthorityBytes = 8 * Config::kMiB;
  const std::string& file = config.consul.ca_file;
  if (file.empty()) return {};
  if (config.consul.url.starts_with("http://")) {
    return usage_error(
        "ConsulCA is set, but ConsulURL is not https://, so nothing is checked by it; write {} for "
        "ConsulURL",
        "https://" + config.consul.url.substr(std::string_view("http://").size()));
  }
  std::error_code failure;
  if (std::filesystem::exists(file, failure) && !std::filesystem::is_regular_file(file, failure)) {
    return usage_error("ConsulCA: {} is not a regular file; name a file of PEM certificates", file);
  }
  const Result<std::string> text = read_text_file(file, kMaxAuthorityBytes);
  if (!text) return usage_error("ConsulCA: {}", text.error().message);
  if (!text->contains("CERTIFICATE-----")) {
    return usage_error("ConsulCA: {} holds no certificate; name a file of PEM certificates", file);
  }
  return {};
}

// Of names only what all addresses cover is known, and localhost. 0.0.0.0 covers that: it has an
// IPv4 address.
bool covers(const std::string& host, const Endpoint& other) {
  if (host.empty() || host == "::") return true;
  if (host != "0.0.0.0") return false;
  if (other.host == "localhost") return true;
  const std::optional<SocketAddress> address = numeric_address(other);
  return address && address->family() == AF_INET;
}

// An address may be written in several ways.
bool is_same_address(const Endpoint& one, const Endpoint& other) {
  if (one.host == other.host) return true;
  const std::optional<SocketAddress> address = numeric_address(one);
  const std::optional<SocketAddress> others = numeric_address(other);
  return address && others && format_address(*address) == format_address(*others);
}

// The one name whose addresses are the same everywhere (RFC 6761).
bool is_localhost(const Endpoint& one, const Endpoint& other) {
  return one.host == "localhost" && (other.host == "127.0.0.1" || other.host == "::1");
}

bool overlap(const Endpoint& one, const Endpoint& other) {
  if (one.port == 0 || one.port != other.port) return false;
  return is_same_address(one, other) || is_localhost(one, other) || is_localhost(other, one) ||
         covers(one.host, other) || covers(other.host, one);
}

Result<void> check_listeners(const Config& config) {
  std::vector<OwnListener> own;
  own.reserve(config.listen.size() + 2);  // and the monitor's and the admin's
  for (const ListenSpec& spec : config.listen) {
    if (spec.socket.empty()) own.push_back({"Listen", spec.endpoint});
  }
  const bool is_shared =
      config.admin_port == config.monitor_port && config.admin_address == config.monitor_address;
  if (config.monitor_port != 0) {
    own.push_back({"MonitorPort", {config.monitor_address, config.monitor_port}});
  }
  if (config.admin_port != 0 && !is_shared) {
    own.push_back({"AdminPort", {config.admin_address, config.admin_port}});
  }
  return check_own_listeners(own);
}

}  // namespace

Result<void> check_own_listeners(std::span<const OwnListener> listeners) {
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const OwnListener& one = listeners[j];
      const OwnListener& other = listeners[i];
      if (!overlap(one.endpoint, other.endpoint)) continue;
      return usage_error("{} ({}) and {} ({}) are on the same port of one address; change one",
                         one.key, format_endpoint(one.endpoint), other.key,
                         format_endpoint(other.endpoint));
    }
  }
  return {};
}

Result<void> check_effects(Config& config, ProcessRole role) {
  Idle idle(config);
  notice_keys_of_every_role(config, idle);
  if (Result<void> dialable = check_dialable(config.public_address); !dialable) {
    return usage_error(
        "PublicAddress is {}, which nobody can dial; write the address that others reach this "
        "process at",
        config.public_address);
  }
  if (auto apart = check_listeners(config); !apart) return apart;
  if (auto readable = check_authority(config); !readable) return readable;
  if (config.offline_days > config.message_days) {
    return usage_error(
        "OfflineDays ({}) is above MessageDays ({}), after which messages are deleted; lower it, "
        "or raise MessageDays",
        config.offline_days, config.message_days);
  }
  if (role != ProcessRole::kGateway) return {};
  notice_gateways_keys(config, idle);
  const ShardOptions& shard = config.shard;
  if (shard.max_clients != 0 && shard.max_clients_per_address > shard.max_clients) {
    return usage_error(
        "MaxConnectionsPerAddress ({}) is above MaxConnections ({}), so it bounds nobody; lower it",
        shard.max_clients_per_address, shard.max_clients);
  }
  return check_services(config);
}

}  // namespace ringgate
