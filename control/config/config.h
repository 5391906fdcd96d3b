// What a process is told at start: a YAML file, then the environment (RINGGATE_<KEY>). Plain
// values; a reload makes new ones (control/config/compare.h). The keys, their bounds and their
// meaning stand in one table (keys.cc); sizes are bytes. What a part has a struct for is held as
// that struct: the part is given it whole.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/ws_upgrade.h"
#include "control/base/address.h"
#include "control/base/error.h"
#include "control/config/gateway_limits.h"
#include "control/discovery/consul/options.h"
#include "control/http/bounds.h"
#include "control/links/settings.h"
#include "control/observe/log_level.h"
#include "control/routing/selector_kind.h"
#include "control/tls/client_settings.h"
#include "control/tls/settings.h"
#include "dataplane/shard_options.h"
#include "dataplane/transport.h"

namespace ringgate {

class ZoneTable;

enum class ProcessRole : std::uint8_t { kGateway, kLogin, kChat, kEcho };

std::string_view role_name(ProcessRole role);  // "gateway", "login", "chat", "echo"

// One entry of Listen (control/config/listen.h).
struct ListenSpec {
  Endpoint endpoint;  // of a socket in the file system: none
  Transport transport = Transport::kTcp;
  std::string path = "/";  // of WebSocket
  bool tls = false;
  std::string socket{};                      // in the file system; empty: the endpoint
  std::optional<bool> proxy_header{};        // not said: as ProxyProtocol has it
  std::optional<bool> client_certificate{};  // not said: whether there is a TlsClientCA

  bool operator==(const ListenSpec&) const = default;
};

// Who may talk to a group: its members and its owner, or everybody of the app.
enum class GroupTalk : std::uint8_t { kMembers, kAnyone };

// Where the value of a key comes from.
enum class ValueSource : std::uint8_t { kDefault, kFile, kEnvironment };
struct GivenValue {
  ValueSource source = ValueSource::kDefault;
  std::size_t line = 0;  // of the file
};

struct Config {
  using Duration = std::chrono::milliseconds;
  static constexpr std::size_t kKiB = 1024;
  static constexpr std::size_t kMiB = 1024 * kKiB;
  static constexpr std::string_view kMessageStore = "sqlite:///var/lib/ringgate/messages.db";

  // Who we are.
  std::string service_id;
  std::string service_name;        // Default by role: tgateway, login, chat, echo.
  std::vector<ListenSpec> listen;  // Default 127.0.0.1:8001 (gateway), 127.0.0.1:0 (the rest).
  std::string public_address;      // What peers dial; empty: the address we listen on.
  std::uint16_t public_port = 0;   // 0: the port we listen on.
  std::vector<std::string> tags;
  std::string zone;
  std::string domain;

  // Around us.
  std::string registry_file;  // This or consul.url.
  std::string monitor_address = "127.0.0.1";
  std::uint16_t monitor_port = 0;  // 0: no monitor.
  std::string admin_address = "127.0.0.1";
  std::uint16_t admin_port = 0;  // 0: none. May be the monitor's.
  std::string admin_token;       // From a file or not; empty: none, on loopback only.
  std::string admin_token_file;
  std::string app_secret;           // The one tokens are signed with now, from a file or not.
  std::string app_secret_previous;  // Still taken, for rotation; empty: none.
  std::string app_secret_file;
  std::string app_secret_previous_file;
  std::optional<Endpoint> redis;        // This or redis_urls.
  std::vector<std::string> redis_urls;  // May have passwords in them.
  std::string redis_password;           // From a file or not, where the URL has none.
  std::string redis_password_file;
  std::string redis_sentinel_password;
  std::string redis_sentinel_password_file;
  std::string redis_ca_file;
  std::string redis_certificate_file;
  std::string redis_key_file;
  bool memory_sessions = false;     // In place of redis.
  std::string default_app = "kim";  // Whose locations have no prefix; "*": all apps'.
  Duration gateway_lease{30'000};
  std::string message_store;  // From a file or not; empty: kMessageStore.
  std::string message_store_file;
  std::size_t message_days = 90;
  std::size_t offline_days = 15;  // Not above message_days.
  std::size_t max_group_members = 10'000;
  std::size_t max_channel_waiting = 64;
  std::size_t max_service_requests = 16 * 1024;  // these two of each shard
  std::size_t max_service_request_bytes = 64 * kMiB;
  GroupTalk group_talk = GroupTalk::kMembers;
  std::size_t max_message_body_bytes = 20'000;
  std::size_t max_offline_content_bytes = 8 * kMiB;
  std::size_t max_message_extra_bytes = 2'000;
  std::size_t max_group_text_bytes = 2'000;  // Its name, its avatar, its introduction: each.
  Duration login_answer_delay{0};            // Of gateways of other makes.
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  std::string log_file;              // Empty: stderr.
  std::vector<std::string> depends;  // Services a gateway follows; empty: all it routes to.
  std::map<std::string, std::string> routes;  // Command prefix -> service name.
  Selectors selectors;
  std::string route_file;
  std::shared_ptr<const ZoneTable> route_table;  // Read from it, where a selector is route.

  // The settings of parts, in their words.
  WsUpgradeOptions upgrade;      // path: of each listener.
  consul::Options consul;        // url: This or registry_file.
  http::Bounds monitor_bounds;   // Of each port.
  tls::Settings tls;             // of tls:// and wss://
  tls::Settings monitor_tls;     // Of the monitor and admin ports; without a certificate: plain.
  tls::ClientSettings link_tls;  // Of links to services; without ca there are none over TLS.
  LinkSettings links{.empty_list_hold = Duration(60'000)};  // Ends with drain_time.
  GatewayLimits gateway;
  ShardOptions shard = shard_defaults();  // max_clients 0: from RLIMIT_NOFILE.

  // Threads.
  std::size_t shards = 0;  // 0: one per usable CPU.
  bool pin_shards = true;
  RingKind ring = RingKind::kAuto;

  std::size_t mailbox_bytes = 1 * kMiB;
  std::size_t drain_pace = 100;  // Connections per second, at least.
  Duration status_history{600'000};

  Duration drain_delay{0};
  Duration drain_time{10'000};
  Duration token_grace{0};

  // Lines for the log: keys that were taken but have no effect.
  std::vector<std::string> notices;

  // By the names of keys, as the table has them: those that were given.
  std::map<std::string, GivenValue, std::less<>> given;

  // No key: what services know this gateway by, where that is not service_id. One that takes over
  // from a gateway of the same id has another beside it until that has ended.
  std::string link_id;
  [[nodiscard]] const std::string& gateway_id() const {
    return link_id.empty() ? service_id : link_id;
  }

  [[nodiscard]] const RoleLimits& client_limits() const { return shard.limits[kClients]; }
  [[nodiscard]] const RoleLimits& link_limits() const { return shard.limits[kLinks]; }

  // Of a ShardOptions' limits, as Role has them.
  static constexpr std::size_t kClients = 0;
  static constexpr std::size_t kLinks = 1;

 private:
  // Where they are not those of the tests and tools that have shards.
  static ShardOptions shard_defaults() {
    ShardOptions shard;
    shard.max_clients = 0;
    shard.max_links = 4096;
    shard.poll_after_ms = 10'000;
    shard.latency_budget_us = 500;
    return shard;
  }
};

// Whether clients have to show a certificate there.
[[nodiscard]] bool wants_client_certificate(const Config& config, const ListenSpec& listen);
[[nodiscard]] bool has_tls(const Config& config);

// Whether a PROXY header comes before the bytes of those who connect there: of one listener, and of
// any.
[[nodiscard]] bool has_proxy_header(const Config& config, const ListenSpec& listen);
[[nodiscard]] bool wants_proxy_header(const Config& config);

// The name that a gateway's listeners of this kind register under by default.
[[nodiscard]] std::string_view gateway_name(Transport transport);

// The value of an environment variable, or nothing.
using EnvironmentLookup = std::function<std::optional<std::string>(const std::string& name)>;

// Reads the file and the process's environment. Paths in it are relative to the working directory.
// Every error is one line with exit code 2.
Result<Config> load_config(const std::filesystem::path& file, ProcessRole role);

// The same from text. Reads the secret files and the route file that it names.
Result<Config> parse_config(std::string_view yaml, const EnvironmentLookup& environment,
                            ProcessRole role);

// For --help and docs/configuration.md: every key in the order of the table, defaults as one would
// write them.
struct ConfigKeyInfo {
  std::string key;
  std::string default_text;
  std::string meaning;
  std::string heeded_by;  // "all", "gateway", "services" or "chat"
  std::string reload;     // Where SIGHUP takes it over: "yes", "gateway" (there only) or nothing.
};
std::vector<ConfigKeyInfo> describe_config_keys();

}  // namespace ringgate
