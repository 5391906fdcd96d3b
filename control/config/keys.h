// The one table of configuration keys. All that is done with a key comes from its row: reading it,
// --help and the documentation, what is noticed, what differs between two configurations, and what
// SIGHUP takes over. Immutable, any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "control/config/config.h"
#include "control/config/place.h"

namespace ringgate {

// What a key's value is, and where it is in Config; bounds are inclusive.
struct TextKey {
  Place<std::string> place;
};
struct ServiceIdKey {  // Also for service names: the same characters.
  Place<std::string> place;
};
struct HostKey {
  Place<std::string> place;
};
struct ConsulUrlKey {
  Place<std::string> place;
};
struct SubprotocolKey {
  Place<std::string> place;
};
struct SwitchKey {
  Place<bool> place;
};
struct PortKey {
  Place<std::uint16_t> place;
};
struct CountKey {
  Place<std::size_t> place;
  std::size_t min;
  std::size_t max;
};
struct SizeKey {
  Place<std::size_t> place;
  std::size_t min;
  std::size_t max;
};
struct DurationKey {
  Place<Config::Duration> place;
  Config::Duration min;
  Config::Duration max;
};
struct MicrosecondsKey {
  Place<std::chrono::microseconds> place;
  std::chrono::microseconds min;
  std::chrono::microseconds max;
};
struct NamesKey {
  Place<std::vector<std::string>> place;
};
struct TagsKey {
  Place<std::vector<std::string>> place;
};
struct OriginsKey {
  Place<std::vector<std::string>> place;
};
struct RoutesKey {
  Place<std::map<std::string, std::string>> place;
};
struct SelectorsKey {
  Place<Selectors> place;
};
struct SlowConsumerKey {
  Place<SlowConsumers> place;
};
struct ListenKey {
  Place<std::vector<ListenSpec>> place;
};
struct ProxiesKey {
  Place<AddressRanges> place;
};
struct RedisKey {
  Place<std::optional<Endpoint>> place;
};
struct RedisUrlsKey {
  Place<std::vector<std::string>> place;
};
struct MessageStoreKey {
  Place<std::string> place;
};
struct GroupTalkKey {
  Place<GroupTalk> place;
};
struct TlsVersionKey {
  Place<tls::MinVersion> place;
};
struct RingKey {
  Place<RingKind> place;
};
struct LogLevelKey {
  Place<LogLevel> place;
};
struct LogFormatKey {
  Place<LogFormat> place;
};
struct IgnoredKey {};  // Taken, without effect, with a notice.

using KeyKind =
    std::variant<TextKey, ServiceIdKey, HostKey, ConsulUrlKey, SubprotocolKey, SwitchKey, PortKey,
                 CountKey, SizeKey, DurationKey, MicrosecondsKey, NamesKey, TagsKey, OriginsKey,
                 RoutesKey, SelectorsKey, SlowConsumerKey, ListenKey, ProxiesKey, RedisKey,
                 RedisUrlsKey, MessageStoreKey, GroupTalkKey, TlsVersionKey, RingKey, LogLevelKey,
                 LogFormatKey, IgnoredKey>;

// Who heeds a key. One file may serve all processes of a host, so the others take it, too.
enum class HeededBy : std::uint8_t { kAll, kGateway, kServices, kChat };

// Where SIGHUP takes a new value over. Nowhere: what is sized at start (tables, mailboxes,
// threads), who we are, and where we listen.
enum class Reload : std::uint8_t { kNever, kInGateway, kInServices, kEverywhere };

// What a key has no effect without: see check.cc, which notices it.
enum class Need : std::uint8_t {
  kNothing,
  kConsul,
  kAdminPort,
  kMonitorPort,
  kHttpPort,  // one of both
  kWebSocket,
  kForwarders,  // who may say where clients come from, and a reason to ask
  kProxyProtocol,
  kTls,
  kLinkTls,
  kLongerIdleTimeout,
  kRouteSelector,
};

struct KeyUse {
  HeededBy heeded_by;
  Reload reload;
  Need needs = Need::kNothing;

  [[nodiscard]] constexpr KeyUse needing(Need what) const { return {heeded_by, reload, what}; }
};

// All that is known of a key. A setting is added by a row, and by the member that it reaches.
struct ConfigKey {
  std::string_view name;
  KeyKind kind;
  KeyUse use;
  std::string_view meaning;
  std::string_view default_text{};  // Where Config's own default does not say it all.
};

std::span<const ConfigKey> config_keys();

// Any case; null when there is no such key.
const ConfigKey* find_config_key(std::string_view name);
const ConfigKey& nearest_config_key(std::string_view name);

// Of a secret that may stand in a file (AppSecret), the key that names the file (AppSecretFile);
// null for other keys.
const ConfigKey* file_key_of(const ConfigKey& key);

// Whether a process of that role has any use for it.
[[nodiscard]] bool is_heeded(const ConfigKey& key, ProcessRole role);
[[nodiscard]] bool is_reloadable(const ConfigKey& key, ProcessRole role);

// Whether the key has the same value in both.
[[nodiscard]] bool is_same(const ConfigKey& key, const Config& one, const Config& other);

// Gives the key in `to` the value that it has in `from`.
void copy_value(const ConfigKey& key, const Config& from, Config& to);

// A value as it was written, before anybody knows what it is for.
struct RawValue {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  std::variant<std::string, std::vector<std::string>, Pairs> value;
};

// Checks the value and puts it into config. A message starts with what is wrong with the value, not
// with the key or the place.
Result<void> apply_config_value(const ConfigKey& key, const RawValue& raw, Config& config);

}  // namespace ringgate
