// What a process is told at start: a YAML file, then the environment (RINGGATE_<KEY>). Plain
// values; a reload makes new ones (control/config/compare.h). The keys, their bounds and their
// meaning stand in one table (keys.cc); sizes are bytes.
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

#include "control/base/address.h"
#include "control/base/error.h"
#include "control/observe/log_level.h"
#include "control/routing/selector_kind.h"
#include "dataplane/address_range.h"
#include "dataplane/transport.h"

namespace ringgate {

class RouteTable;

enum class ProcessRole : std::uint8_t { kGateway, kLogin, kChat, kEcho };

std::string_view role_name(ProcessRole role);  // "gateway", "login", "chat", "echo"

// One entry of Listen: tcp://host:port (the scheme may be left out) or ws://host:port/path.
struct ListenSpec {
  Endpoint endpoint;
  Transport transport = Transport::kTcp;
  std::string path = "/";  // of WebSocket

  bool operator==(const ListenSpec&) const = default;
};

struct Config {
  using Duration = std::chrono::milliseconds;
  static constexpr std::size_t kKiB = 1024;
  static constexpr std::size_t kMiB = 1024 * kKiB;

  // Who we are.
  std::string service_id;
  std::string service_name;        // Default by role: tgateway, login, chat, echo.
  std::vector<ListenSpec> listen;  // Default 127.0.0.1:8001 (gateway), 127.0.0.1:0 (the rest).
  std::vector<std::string> allowed_origins;  // Of browsers, for WebSocket; "*": all.
  std::string subprotocol;                   // Of WebSocket, answered where it is offered.
  AddressRanges trusted_proxies;             // Believed about where clients come from.
  bool proxy_protocol = false;               // Connections from these begin with a PROXY header.
  std::size_t max_proxy_header = 16 * kKiB;  // Of version 2, with its TLVs.
  std::string public_address;                // What peers dial; empty: the address we listen on.
  std::uint16_t public_port = 0;             // 0: the port we listen on.
  std::vector<std::string> tags;
  std::string zone;
  std::string domain;

  // Around us.
  std::string registry_file;  // This or consul_url.
  std::string consul_url;     // "http://host:port" or "https://host:port"
  std::string consul_token;   // From a file or not; empty: none.
  std::string consul_token_file;
  std::string consul_ca;          // PEM file; empty: the machine's authorities.
  std::string consul_datacenter;  // Empty: the agent's own.
  bool consul_stale = false;
  std::string consul_tag;
  Duration consul_wait{60'000};
  Duration consul_check_interval{10'000};
  Duration consul_check_timeout{1'000};
  Duration consul_deregister_after{20'000};
  Duration consul_recheck{5'000};
  std::string monitor_address = "127.0.0.1";
  std::uint16_t monitor_port = 0;                    // 0: no monitor.
  std::size_t monitor_connections = 256;             // Of each port.
  std::size_t monitor_connections_per_address = 64;  // Of each port.
  Duration monitor_request_time{5'000};
  std::string admin_address = "127.0.0.1";
  std::uint16_t admin_port = 0;  // 0: none. May be the monitor's.
  std::string admin_token;       // From a file or not; empty: none, on loopback only.
  std::string admin_token_file;
  std::string app_secret;           // The one tokens are signed with now, from a file or not.
  std::string app_secret_previous;  // Still taken, for rotation; empty: none.
  std::string app_secret_file;
  std::string app_secret_previous_file;
  std::optional<Endpoint> redis;
  bool memory_sessions = false;  // In place of redis.
  LogLevel log_level = LogLevel::kInfo;
  std::vector<std::string> depends;  // Services a gateway follows; empty: all it routes to.
  std::map<std::string, std::string> routes;  // Command prefix -> service name.
  Selectors selectors;
  std::string route_file;
  std::shared_ptr<const RouteTable> route_table;  // Read from it, where a selector is route.

  // Threads.
  std::size_t shards = 0;  // 0: one per usable CPU.
  bool pin_shards = true;
  bool lanes = true;

  // Bounds: sizes in bytes.
  std::size_t max_frame = 64 * kKiB;
  std::size_t max_link_frame = 16 * kMiB;
  std::size_t max_header = 4 * kKiB;
  std::size_t max_link_header = kMiB;
  std::size_t max_upgrade_request = 8 * kKiB;
  std::size_t max_metas = 64;
  std::size_t max_login_body = 8 * kKiB;
  std::size_t max_login_tags = 32;
  std::size_t max_connections = 0;              // Per shard; 0: from RLIMIT_NOFILE.
  std::size_t max_connections_per_address = 0;  // Per shard; 0: off.
  std::size_t max_links = 4096;                 // Per shard.
  std::size_t max_queued_bytes = 256 * kKiB;    // Per connection.
  std::size_t max_link_queued_bytes = 16 * kMiB;
  std::size_t max_outstanding = 65536;  // Per link.
  std::size_t max_client_outstanding = 8192;
  std::size_t mailbox_bytes = 1 * kMiB;
  std::size_t max_login_backlog_bytes = 64 * kKiB;
  std::size_t max_signouts = 65536;
  std::size_t drain_pace = 10000;  // Connections per second.

  // Bounds: times.
  Duration login_wait{10'000};
  Duration login_answer_timeout{5'000};
  Duration idle_timeout{120'000};
  Duration websocket_ping{0};        // 0: none.
  Duration idle_poll_after{10'000};  // 0: never.
  Duration write_timeout{10'000};
  Duration answer_timeout{30'000};
  Duration link_heartbeat{55'000};
  Duration link_read_timeout{180'000};
  Duration eject_after{2'000};  // 0: never
  Duration young_for{10'000};   // AdultAfter
  Duration empty_list_hold{60'000};
  Duration dial_timeout{5'000};
  Duration redial_min{100};
  Duration redial_max{10'000};
  Duration drain_time{10'000};
  Duration signout_keep{60'000};
  Duration token_grace{0};

  // Lines for the log: keys that were taken but have no effect.
  std::vector<std::string> notices;
};

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
  std::string heeded_by;  // "all", "gateway" or "services"
  std::string reload;     // Where SIGHUP takes it over: "yes", "gateway" (there only) or nothing.
};
std::vector<ConfigKeyInfo> describe_config_keys();

}  // namespace ringgate
