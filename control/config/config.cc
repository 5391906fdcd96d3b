#include "control/config/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

#include "codec/growth.h"
#include "codec/tcp_frame.h"
#include "control/base/text.h"
#include "control/base/text_file.h"
#include "control/config/check.h"
#include "control/config/keys.h"
#include "control/config/secrets.h"
#include "control/config/yaml_text.h"
#include "control/routing/route_file.h"

namespace ringgate {
namespace {

constexpr std::size_t kMaxConfigBytes = Config::kMiB;
// Lists and maps of single values only: no key takes more.
Result<RawValue> raw_value(const YamlNode& node) {
  const auto word = [](const YamlNode& child) -> Result<std::string> {
    if (child.is_scalar()) return child.text;
    return usage_error("holds something else than single values");
  };
  if (node.is_scalar()) return RawValue{node.text};
  if (node.is_list()) {
    std::vector<std::string> list;
    for (const YamlNode& child : node.list) {
      auto text = word(child);
      if (!text) return std::unexpected(text.error());
      list.push_back(std::move(*text));
    }
    return RawValue{std::move(list)};
  }
  RawValue::Pairs pairs;
  for (const auto& [key_node, value_node] : node.map) {
    auto key = word(key_node);
    if (!key) return std::unexpected(key.error());
    auto value = word(value_node);
    if (!value) return std::unexpected(value.error());
    pairs.emplace_back(std::move(*key), std::move(*value));
  }
  return RawValue{std::move(pairs)};
}

Result<void> apply_yaml_entry(const YamlNode& name, const YamlNode& value,
                              std::set<std::string_view>& seen, Config& config) {
  if (!name.is_scalar()) {
    return usage_error("line {}: a key has to be a single word", name.line);
  }
  const ConfigKey* key = find_config_key(name.text);
  if (key == nullptr) {
    return usage_error("line {}: unknown key {}; did you mean {}?", name.line, name.text,
                       nearest_config_key(name.text).name);
  }
  if (!seen.emplace(key->name).second) {
    return usage_error("line {}: {} is there twice; remove one", name.line, key->name);
  }
  if (value.is_null()) return {};  // "Key:" and nothing more leaves the default.
  auto raw = raw_value(value);
  if (!raw) return usage_error("line {}: {} {}", name.line, key->name, raw.error().message);
  auto applied = apply_config_value(*key, *raw, config);
  if (!applied) {
    return usage_error("line {}: {}: {}", name.line, key->name, applied.error().message);
  }
  config.given[std::string(key->name)] = {ValueSource::kFile, name.line};
  return {};
}

Result<void> apply_yaml(std::string_view text, Config& config) {
  const Result<YamlNode> root = parse_yaml(text);
  if (!root) return std::unexpected(root.error());
  if (root->is_null()) return {};
  if (!root->is_map()) return usage_error("line {}: expected \"Key: value\" lines", root->line);
  std::set<std::string_view> seen;
  for (const auto& [name, value] : root->map) {
    if (auto applied = apply_yaml_entry(name, value, seen, config); !applied) return applied;
  }
  return {};
}

// An empty variable counts as one that is not set. Reports which keys were given.
Result<std::set<std::string_view>> apply_environment(const EnvironmentLookup& environment,
                                                     Config& config) {
  std::set<std::string_view> given;
  if (!environment) return given;
  for (const ConfigKey& key : config_keys()) {
    const std::string name = environment_name(key.name);
    const std::optional<std::string> text = environment(name);
    if (!text || text->empty()) continue;
    auto applied = apply_config_value(key, RawValue{*text}, config);
    if (!applied) return usage_error("environment variable {}: {}", name, applied.error().message);
    given.insert(key.name);
    config.given[std::string(key.name)] = {ValueSource::kEnvironment};
  }
  return given;
}

void apply_role_defaults(ProcessRole role, Config& config) {
  const bool gateway = role == ProcessRole::kGateway;
  if (config.listen.empty()) {
    config.listen.push_back({{"127.0.0.1", static_cast<std::uint16_t>(gateway ? 8001 : 0)}});
  }
  if (config.service_name.empty()) {
    const bool tcp = std::ranges::find(config.listen, Transport::kTcp, &ListenSpec::transport) !=
                     config.listen.end();
    config.service_name =
        gateway ? gateway_name(tcp ? Transport::kTcp : Transport::kWebSocket) : role_name(role);
  }
}

// Who is at a socket in the file system is trusted: whoever may open it.
bool needs_trusted_proxies(const Config& config) {
  return std::ranges::any_of(config.listen, [&](const ListenSpec& listen) {
    return listen.socket.empty() && has_proxy_header(config, listen);
  });
}

// What only a gateway does, or what makes no sense without something else.
Result<void> check_listeners(Config& config, ProcessRole role) {
  const auto is_websocket = [](const ListenSpec& listen) {
    return listen.transport == Transport::kWebSocket;
  };
  if (role != ProcessRole::kGateway) {
    if (config.listen.size() > 1) {
      return usage_error("Listen has {} entries; a logic service listens on one",
                         config.listen.size());
    }
    if (std::ranges::any_of(config.listen, is_websocket)) {
      return usage_error("Listen: gateways come over TCP; a logic service has no ws:// listener");
    }
    if (has_tls(config) && !wants_client_certificate(config, config.listen.front())) {
      return usage_error(
          "Listen: who comes over tls:// to a logic service is a gateway, and has to show that; "
          "name "
          "the PEM file of the authorities of gateways' certificates in TlsClientCA, and leave out "
          "client_cert=off");
    }
    if (!config.listen.front().socket.empty()) {
      return usage_error("Listen: gateways come over TCP; a logic service has no unix: listener");
    }
  }
  const bool any_websocket = std::ranges::any_of(config.listen, is_websocket);
  if (role == ProcessRole::kGateway && !any_websocket && config.service_name == "wgateway") {
    config.notices.push_back(
        "ServiceName is wgateway, but Listen has no WebSocket; write ws://host:port/ for that");
  }
  if (config.shard.ws_ping_after_ms != 0 &&
      config.shard.ws_ping_after_ms >= config.client_limits().read_timeout_ms) {
    config.notices.push_back(
        "WebSocketPing is not below IdleTimeout, so no client is ever pinged; lower it");
  }
  if (config.admin_port != 0 && config.admin_token.empty() &&
      !is_loopback_host(config.admin_address)) {
    return usage_error(
        "AdminAddress is {}, which others reach; set AdminToken or AdminTokenFile, or leave it at "
        "127.0.0.1",
        config.admin_address);
  }
  if (has_tls(config) && config.tls.certificates.empty()) {
    return usage_error(
        "Listen has tls:// or wss://, but TlsCert is missing; name the PEM file of the "
        "certificate, "
        "and that of its key in TlsKey");
  }
  if (needs_trusted_proxies(config) && config.shard.trusted_proxies.empty()) {
    return usage_error(
        "ProxyProtocol is on, but TrustedProxies is empty; add the addresses that the PROXY header "
        "is believed from");
  }
  return {};
}

Result<void> check_required(const Config& config, ProcessRole role) {
  if (config.service_id.empty()) {
    return usage_error("ServiceID is missing; add for example \"ServiceID: {}01\"",
                       role_name(role));
  }
  if (config.registry_file.empty() && config.consul.url.empty()) {
    return usage_error(
        "RegistryFile or ConsulURL is missing; add \"RegistryFile: services.json\", the same file "
        "for every process (it is created when the first one registers), or \"ConsulURL: "
        "127.0.0.1:8500\"");
  }
  if (!config.registry_file.empty() && !config.consul.url.empty()) {
    return usage_error(
        "RegistryFile and ConsulURL are both set; keep the one that services are in");
  }
  if (role == ProcessRole::kGateway && config.app_secret.empty()) {
    return usage_error(
        "no app secret; set AppSecret or AppSecretFile (or RINGGATE_APPSECRET) to the secret "
        "that tokens are signed with");
  }
  return {};
}

// The route file, where some service's selector needs it.
Result<void> read_routes(Config& config, ProcessRole role) {
  if (role != ProcessRole::kGateway || !has_route(config.selectors)) return {};
  if (config.route_file.empty()) {
    return usage_error(
        "a selector is route, but RouteFile is missing; add for example \"RouteFile: route.json\"");
  }
  auto table = ZoneTable::load(config.route_file);
  if (!table) return usage_error("RouteFile: {}", table.error().message);
  config.route_table = std::make_shared<const ZoneTable>(std::move(*table));
  return {};
}

// "low must not be above high".
struct Pair {
  std::string_view low_key;
  std::size_t low;
  std::string_view high_key;
  std::size_t high;
};

// What a client may send has to fit a link with what the gateway adds to it: else the service would
// close the link, which is everybody's.
Result<void> check_room_on_links(const Config& config) {
  const GatewayLimits& gateway = config.gateway;
  const std::size_t max_frame = config.client_limits().max_frame_bytes;
  const RoleLimits& links = config.link_limits();
  const std::size_t packet_growth = max_forward_growth_bytes(config.gateway.max_metas);
  const std::pair<Pair, std::size_t> grown[] = {
      {{"MaxHeader", gateway.max_header_bytes, "MaxLinkHeader", gateway.max_link_header_bytes},
       max_header_growth_bytes(config.gateway.max_metas)},
      {{"MaxFrame", max_frame, "MaxLinkFrame", links.max_frame_bytes}, packet_growth},
      {{"MaxFrame", max_frame, "MaxLinkQueuedBytes", links.max_queued_bytes},
       packet_growth + kTcpFrameHeadBytes},
  };
  for (const auto& [pair, added] : grown) {
    if (pair.low + added <= pair.high) continue;
    return usage_error(
        "{} ({}) and the {} bytes that a gateway may add to it do not fit {} ({}); lower the first "
        "or raise the second",
        pair.low_key, format_size(pair.low), added, pair.high_key, format_size(pair.high));
  }
  return {};
}

// Bounds that cannot both hold: each pair is "a must not be above b".
Result<void> check_pairs(const Config& config) {
  const GatewayLimits& gateway = config.gateway;
  const std::size_t max_frame = config.client_limits().max_frame_bytes;
  const RoleLimits& of_links = config.link_limits();
  const Pair sizes[] = {
      {"MaxHeader", gateway.max_header_bytes, "MaxFrame", max_frame},
      {"MaxLinkHeader", gateway.max_link_header_bytes, "MaxLinkFrame", of_links.max_frame_bytes},
      {"MaxFrame", max_frame, "MailboxBytes", config.mailbox_bytes},
  };
  for (const Pair& pair : sizes) {
    if (pair.low <= pair.high) continue;
    return usage_error("{} ({}) is above {} ({}); lower the first or raise the second",
                       pair.low_key, format_size(pair.low), pair.high_key, format_size(pair.high));
  }
  if (config.links.redial_min > config.links.redial_max) {
    return usage_error("RedialMin ({}) is above RedialMax ({}); lower the first",
                       format_duration(config.links.redial_min),
                       format_duration(config.links.redial_max));
  }
  if (gateway.heartbeat_ms >= of_links.read_timeout_ms) {
    return usage_error(
        "LinkHeartbeat ({}) is not below LinkReadTimeout ({}), so quiet links would be "
        "closed; lower the first",
        format_duration(Config::Duration(gateway.heartbeat_ms)),
        format_duration(Config::Duration(of_links.read_timeout_ms)));
  }
  return {};
}

// A misspelt variable would otherwise pass in silence.
void note_unknown_environment(Config& config) {
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('='));
    if (!lower_case(name).starts_with(lower_case(kEnvironmentPrefix))) continue;
    const ConfigKey* const key = find_config_key(name.substr(kEnvironmentPrefix.size()));
    if (key == nullptr) {
      config.notices.push_back(
          fmt::format("environment variable {} is no configuration key", name));
    } else if (const std::string ours = environment_name(key->name); name != ours) {
      config.notices.push_back(
          fmt::format("environment variable {} is not read; write {}", name, ours));
    }
  }
}

}  // namespace

bool wants_client_certificate(const Config& config, const ListenSpec& listen) {
  return listen.client_certificate.value_or(!config.tls.client_ca.empty());
}

bool has_tls(const Config& config) {
  return std::ranges::any_of(config.listen, &ListenSpec::tls);
}

bool has_proxy_header(const Config& config, const ListenSpec& listen) {
  return listen.proxy_header.value_or(config.shard.proxy_protocol);
}

bool wants_proxy_header(const Config& config) {
  return std::ranges::any_of(
      config.listen, [&](const ListenSpec& listen) { return has_proxy_header(config, listen); });
}

std::string_view gateway_name(Transport transport) {
  return transport == Transport::kTcp ? "tgateway" : "wgateway";
}

std::string_view role_name(ProcessRole role) {
  switch (role) {
    case ProcessRole::kGateway:
      return "gateway";
    case ProcessRole::kLogin:
      return "login";
    case ProcessRole::kChat:
      return "chat";
    case ProcessRole::kEcho:
      return "echo";
  }
  return "unknown";
}

Result<Config> parse_config(std::string_view yaml, const EnvironmentLookup& environment,
                            ProcessRole role) {
  Config config;
  if (auto done = apply_yaml(yaml, config); !done) return std::unexpected(done.error());
  const Config of_file = config;
  const auto given = apply_environment(environment, config);
  if (!given) return std::unexpected(given.error());
  if (auto done = check_secret_sources(of_file, *given); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = read_secrets(config); !done) return std::unexpected(done.error());
  apply_role_defaults(role, config);
  if (auto done = check_required(config, role); !done) return std::unexpected(done.error());
  if (auto done = check_secrets(config, role); !done) return std::unexpected(done.error());
  if (auto done = check_listeners(config, role); !done) return std::unexpected(done.error());
  if (auto done = check_room_on_links(config); !done) return std::unexpected(done.error());
  if (auto done = check_pairs(config); !done) return std::unexpected(done.error());
  if (auto done = check_effects(config, role); !done) return std::unexpected(done.error());
  if (auto done = read_routes(config, role); !done) return std::unexpected(done.error());
  return config;
}

Result<Config> load_config(const std::filesystem::path& file, ProcessRole role) {
  auto text = read_text_file(file, kMaxConfigBytes);
  if (!text) return std::unexpected(text.error());
  const auto environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
  auto config = parse_config(*text, environment, role);
  if (!config) return usage_error("{}: {}", file.string(), config.error().message);
  note_unknown_environment(*config);
  return config;
}

}  // namespace ringgate
