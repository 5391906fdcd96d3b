#include "control/config/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codec/login_scan.h"
#include "codec/proxy_protocol.h"
#include "codec/ws_upgrade.h"
#include "control/base/text.h"
#include "control/discovery/service.h"

namespace ringgate {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""h;

constexpr std::size_t kKiB = Config::kKiB;
constexpr std::size_t kMiB = Config::kMiB;
constexpr std::size_t kGiB = 1024 * kMiB;
// The longest frame whose length fits the sizes that the kernel and our queues count in.
constexpr std::size_t kMostFrame = kGiB;

const std::array kKeys = std::to_array<ConfigKey>({
    {"ServiceID", ServiceIdKey{&Config::service_id},
     "Unique id of this process, 1-64 characters of A-Z a-z 0-9 . _ -", "required"},
    {"ServiceName", ServiceIdKey{&Config::service_name}, "Name it registers under",
     "tgateway, login, chat or echo"},
    {"Listen", ListenKey{},
     "Where to accept, one or a list: host:port or :port (all interfaces) for TCP, "
     "ws://host:port/path for WebSocket, where /* is any path and /chat/* any below /chat/",
     "127.0.0.1:8001 (gateway), 127.0.0.1:0 (others)"},
    {"AllowedOrigins", OriginsKey{},
     "Origins that browsers may connect from, for example https://chat.example.com, "
     "https://*.example.com (all below, not itself) or \"*\" (all)",
     "none"},
    {"Subprotocol", SubprotocolKey{}, "WebSocket subprotocol, answered if offered"},
    {"TrustedProxies", ProxiesKey{},
     "Addresses or ranges (10.0.0.0/8) whose X-Forwarded-For is believed", "none"},
    {"ProxyProtocol", SwitchKey{&Config::proxy_protocol},
     "Connections from TrustedProxies begin with a PROXY header, version 1 or 2"},
    {"MaxProxyHeader", SizeKey{&Config::max_proxy_header, kMaxProxyV2Kept, kMaxProxyV2Bytes},
     "Longest PROXY header of version 2, with what a proxy adds: a client's certificate, say"},
    {"PublicAddress", HostKey{&Config::public_address}, "Host that others reach this process at",
     "the host of Listen; of all interfaces, where Consul's agent is reached from (a local agent: "
     "its node's), without Consul the machine's"},
    {"PublicPort", PortKey{&Config::public_port}, "Port that others reach this process at",
     "the port of Listen"},
    {"Tags", TagsKey{}, "Registered with the service, for example IDC:SH"},
    {"Zone", TextKey{&Config::zone}, "Zone registered with a logic service"},
    {"Domain", TextKey{&Config::domain}, "URL that clients use, registered with a gateway"},
    {"RegistryFile", TextKey{&Config::registry_file}, "JSON file of services, watched for changes",
     "this or ConsulURL: required"},
    {"ConsulURL", ConsulUrlKey{},
     "Consul agent that services are found and registered at: host:port or https://host:port",
     "this or RegistryFile: required"},
    {"ConsulToken", TextKey{&Config::consul_token}, "ACL token for Consul"},
    {"ConsulTokenFile", TextKey{&Config::consul_token_file},
     "File that holds the ACL token; read again when Consul refuses it"},
    {"ConsulCA", TextKey{&Config::consul_ca},
     "PEM file of the authorities that an https ConsulURL is trusted by", "the machine's"},
    {"ConsulDatacenter", TextKey{&Config::consul_datacenter},
     "Datacenter that services are looked up in", "the agent's"},
    {"ConsulStale", SwitchKey{&Config::consul_stale},
     "Let any Consul server answer, also one that may be behind or has no leader"},
    {"ConsulTag", TextKey{&Config::consul_tag}, "Use only services with this tag", "all"},
    {"ConsulWait", DurationKey{&Config::consul_wait, 10ms, 600s},
     "How long one question to Consul waits for a change"},
    {"ConsulCheckInterval", DurationKey{&Config::consul_check_interval, 1s, 1h},
     "How often Consul looks at our /health (on MonitorPort)"},
    {"ConsulCheckTimeout", DurationKey{&Config::consul_check_timeout, 1ms, 1h},
     "How long our /health may take"},
    {"ConsulDeregisterAfter", DurationKey{&Config::consul_deregister_after, 1s, 720h},
     "Consul removes us when we failed for so long, a minute at least"},
    {"ConsulRecheck", DurationKey{&Config::consul_recheck, 10ms, 1h},
     "How often we look whether the agent still knows us"},
    {"Depends", NamesKey{&Config::depends},
     "Services that a gateway looks for, for example [login, chat]",
     "login, chat, echo and those of Routes"},
    {"EmptyListHold", DurationKey{&Config::empty_list_hold, 0s, 1h},
     "With Consul: for so long an empty list, or the first one after an outage, removes no "
     "instance whose link is up"},
    {"Routes", RoutesKey{}, "Command prefix to service name, for example {login: chat}"},
    {"Selectors", SelectorsKey{},
     "How one of several instances is chosen: hash, route or rendezvous, for all or by command "
     "prefix, for example {chat: route, login: hash}",
     "hash"},
    {"RouteFile", TextKey{&Config::route_file},
     "JSON file of zones, their weights and the whitelist: for the selector route"},
    {"AppSecret", TextKey{&Config::app_secret}, "Secret that tokens are signed with",
     "this or AppSecretFile: required for a gateway"},
    {"AppSecretFile", TextKey{&Config::app_secret_file}, "File that holds the app secret"},
    {"AppSecretPrevious", TextKey{&Config::app_secret_previous},
     "Secret still taken while it is being replaced"},
    {"AppSecretPreviousFile", TextKey{&Config::app_secret_previous_file},
     "File that holds the previous secret"},
    {"TokenGrace", DurationKey{&Config::token_grace, 0s, 720h},
     "How long a connection outlives its token's exp"},
    {"RedisAddrs", RedisKey{}, "host:port of the Redis that login and chat share their sessions in",
     "this or MemorySessions: required for login and chat"},
    {"MemorySessions", SwitchKey{&Config::memory_sessions},
     "Keep sessions in this one process instead of Redis: needs Shards: 1, lost on restart"},
    {"MonitorPort", PortKey{&Config::monitor_port}, "Port of /health, /ready and /metrics", "off"},
    {"MonitorAddress", HostKey{&Config::monitor_address},
     "Where the monitor listens; 0.0.0.0 lets another machine probe it"},
    {"MonitorConnections", CountKey{&Config::monitor_connections, 1, 4096},
     "Connections of the monitor port, and of the admin port; a new one ends the oldest without a "
     "whole request"},
    {"MonitorConnectionsPerAddress", CountKey{&Config::monitor_connections_per_address, 1, 4096},
     "Those of one address (an IPv6 /64 is one)"},
    {"MonitorRequestTime", DurationKey{&Config::monitor_request_time, 10ms, 1h},
     "From accept to the end of a request to the monitor or admin port"},
    {"AdminPort", PortKey{&Config::admin_port},
     "Port of /services, /channels, /kick, /drain and the page /try; may be the monitor's", "off"},
    {"AdminAddress", HostKey{&Config::admin_address},
     "Where the admin port listens; anywhere but on loopback it takes AdminToken"},
    {"AdminToken", TextKey{&Config::admin_token},
     "Bearer token that admin requests have to bear: 16 bytes at least, without blanks"},
    {"AdminTokenFile", TextKey{&Config::admin_token_file}, "File that holds the admin token"},
    {"LogLevel", LogLevelKey{}, "trace, debug, info, warn, error, critical or off"},

    {"Shards", CountKey{&Config::shards, 0, 1024}, "Threads that serve connections",
     "one per usable CPU"},
    {"PinShards", SwitchKey{&Config::pin_shards}, "Pin each shard to a CPU"},
    {"Lanes", SwitchKey{&Config::lanes},
     "Service: offer one link per shard (meta lanes=1); gateway: use such offers"},

    {"MaxFrame", SizeKey{&Config::max_frame, 64, kMostFrame}, "Longest frame from a client"},
    {"MaxLinkFrame", SizeKey{&Config::max_link_frame, kLeastLinkFrame, kMostFrame},
     "Longest frame on a link"},
    {"MaxHeader", SizeKey{&Config::max_header, 64, kMostFrame},
     "Longest packet header from a client"},
    {"MaxLinkHeader", SizeKey{&Config::max_link_header, 64, kMostFrame},
     "Longest packet header on a link"},
    {"MaxUpgradeRequest", SizeKey{&Config::max_upgrade_request, kKiB, kMostUpgradeBytes},
     "Longest WebSocket upgrade request, all header fields together (cookies are among them)"},
    {"MaxMetas", CountKey{&Config::max_metas, 1, 4096}, "Metas in a header from a client"},
    {"MaxLoginBody", SizeKey{&Config::max_login_body, 64, kMostFrame},
     "Longest body of a login; beyond it the login is answered 101"},
    {"MaxLoginTags", CountKey{&Config::max_login_tags, 0, kMostLoginTags},
     "Tags in a login; beyond it the login is answered 101"},
    {"MaxConnections", CountKey{&Config::max_connections, 0, 16'000'000}, "Connections per shard",
     "from the open-file limit"},
    {"MaxConnectionsPerAddress", CountKey{&Config::max_connections_per_address, 0, 16'000'000},
     "Connections per shard and source address (an IPv6 /64 is one)", "off"},
    {"MaxLinks", CountKey{&Config::max_links, 1, 65'536},
     "Links per shard: of a gateway, and of a logic service; beyond it a link is refused"},
    {"MaxQueuedBytes", SizeKey{&Config::max_queued_bytes, kKiB, kGiB},
     "Bytes queued for one client; beyond it the connection is closed"},
    {"MaxLinkQueuedBytes", SizeKey{&Config::max_link_queued_bytes, kKiB, 4 * kGiB - 1},
     "Bytes queued for one link; beyond it requests are answered 300"},
    {"MaxOutstanding", CountKey{&Config::max_outstanding, 1, 16'777'216},
     "Requests without an answer per link; beyond it they are answered 300"},
    {"MaxClientOutstanding", CountKey{&Config::max_client_outstanding, 1, 65535},
     "Requests without an answer per client; beyond it they are answered 300"},
    {"MailboxBytes", SizeKey{&Config::mailbox_bytes, 4 * kKiB, kGiB},
     "Bytes on their way from one shard to another"},
    {"MaxLoginBacklogBytes", SizeKey{&Config::max_login_backlog_bytes, 0, kGiB},
     "Bytes a client may send before its login is answered"},

    {"LoginWait", DurationKey{&Config::login_wait, 1ms, 1h}, "From accept to the login packet"},
    {"LoginAnswerTimeout", DurationKey{&Config::login_answer_timeout, 1ms, 1h},
     "How long the login service may take"},
    {"IdleTimeout", DurationKey{&Config::idle_timeout, 1ms, 168h},
     "A client silent for so long is closed"},
    {"WebSocketPing", DurationKey{&Config::websocket_ping, 0s, 168h},
     "A WebSocket client silent for so long is sent a ping; 0 sends none"},
    {"IdlePollAfter", DurationKey{&Config::idle_poll_after, 0s, 168h},
     "A client silent for so long is waited for by a poll, which takes less kernel memory; 0: "
     "never"},
    {"WriteTimeout", DurationKey{&Config::write_timeout, 1ms, 1h},
     "A client that takes nothing for so long is closed"},
    {"AnswerTimeout", DurationKey{&Config::answer_timeout, 1ms, 1h},
     "A request without an answer for so long is answered 300"},
    {"LinkHeartbeat", DurationKey{&Config::link_heartbeat, 1ms, 1h},
     "A link that nothing was sent on for so long is pinged"},
    {"LinkReadTimeout", DurationKey{&Config::link_read_timeout, 1ms, 24h},
     "A link silent for so long is closed"},
    {"EjectAfter", DurationKey{&Config::eject_after, 0s, 1h},
     "A service that is asked and says nothing for so long, not even to a ping, is left out while "
     "others answer; 0: never"},
    {"AdultAfter", DurationKey{&Config::young_for, 0s, 1h},
     "A service newer than this is only chosen if there is no other"},
    {"DialTimeout", DurationKey{&Config::dial_timeout, 1ms, 1h}, "Limit of one attempt to connect"},
    {"RedialMin", DurationKey{&Config::redial_min, 1ms, 1h}, "First pause before dialling again"},
    {"RedialMax", DurationKey{&Config::redial_max, 1ms, 1h}, "Longest pause before dialling again"},
    {"DrainTime", DurationKey{&Config::drain_time, 0s, 1h}, "Limit of the drain after SIGTERM"},
    {"DrainPace", CountKey{&Config::drain_pace, 1, 16'000'000},
     "Connections closed per second while draining"},
    {"SignoutKeep", DurationKey{&Config::signout_keep, 0s, 1h},
     "How long sign-outs wait for a login service"},
    {"MaxSignouts", CountKey{&Config::max_signouts, 0, 16'777'216},
     "Sign-outs that may wait for a login service"},

    {"MessageGPool", IgnoredKey{}, "Taken and ignored: there are no goroutine pools"},
    {"ConnectionGPool", IgnoredKey{}, "Taken and ignored: there are no goroutine pools"},
    {"RoyalURL", IgnoredKey{}, "Taken and ignored: no store of messages is asked"},
});

// How the default in a fresh Config is written.
struct DefaultText {
  Config config;

  std::string operator()(const TextKey& key) const { return config.*key.member; }
  std::string operator()(const ServiceIdKey& key) const { return config.*key.member; }
  std::string operator()(const HostKey& key) const { return config.*key.member; }
  std::string operator()(const SwitchKey& key) const {
    return config.*key.member ? "true" : "false";
  }
  std::string operator()(const PortKey& key) const { return fmt::format("{}", config.*key.member); }
  std::string operator()(const CountKey& key) const {
    return fmt::format("{}", config.*key.member);
  }
  std::string operator()(const SizeKey& key) const { return format_size(config.*key.member); }
  std::string operator()(const DurationKey& key) const {
    return format_duration(config.*key.member);
  }
  std::string operator()(const LogLevelKey&) const {
    return std::string(log_level_name(config.log_level));
  }
  template <class Other>
  std::string operator()(const Other&) const {
    return {};
  }
};

}  // namespace

std::span<const ConfigKey> config_keys() {
  return kKeys;
}

const ConfigKey* find_config_key(std::string_view name) {
  const std::string wanted = lower_case(name);
  const auto at = std::ranges::find_if(
      kKeys, [&](const ConfigKey& key) { return lower_case(key.name) == wanted; });
  return at == kKeys.end() ? nullptr : &*at;
}

const ConfigKey& nearest_config_key(std::string_view name) {
  const std::string wanted = lower_case(name);
  return *std::ranges::min_element(
      kKeys, {}, [&](const ConfigKey& key) { return edit_distance(lower_case(key.name), wanted); });
}

std::vector<ConfigKeyInfo> describe_config_keys() {
  std::vector<ConfigKeyInfo> rows;
  const DefaultText default_text{};
  for (const ConfigKey& key : kKeys) {
    std::string text(key.default_text);
    if (text.empty()) text = std::visit(default_text, key.kind);
    rows.push_back({std::string(key.name), std::move(text), std::string(key.meaning)});
  }
  return rows;
}

}  // namespace ringgate
