// The one table of configuration keys: what drives parsing drives --help and the documentation too.
// Immutable, any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "control/config/config.h"

namespace ringgate {

// What a key's value is, and where in Config it goes; bounds are inclusive.
struct TextKey {
  std::string Config::* member;
};
struct ServiceIdKey {  // Also for service names: the same characters.
  std::string Config::* member;
};
struct HostKey {
  std::string Config::* member;
};
struct SwitchKey {
  bool Config::* member;
};
struct PortKey {
  std::uint16_t Config::* member;
};
struct CountKey {
  std::size_t Config::* member;
  std::size_t min;
  std::size_t max;
};
struct SizeKey {
  std::size_t Config::* member;
  std::size_t min;
  std::size_t max;
};
struct DurationKey {
  Config::Duration Config::* member;
  Config::Duration min;
  Config::Duration max;
};
struct NamesKey {
  std::vector<std::string> Config::* member;
};
struct TagsKey {};
struct RoutesKey {};
struct SelectorsKey {};
struct ListenKey {};
struct OriginsKey {};
struct ProxiesKey {};
struct RedisKey {};
struct LogLevelKey {};
struct IgnoredKey {};  // Taken, without effect, with a notice.
struct ConsulUrlKey {};
struct SubprotocolKey {};

using KeyKind =
    std::variant<TextKey, ServiceIdKey, HostKey, SwitchKey, PortKey, CountKey, SizeKey, DurationKey,
                 NamesKey, TagsKey, RoutesKey, SelectorsKey, ListenKey, OriginsKey, ProxiesKey,
                 RedisKey, LogLevelKey, IgnoredKey, ConsulUrlKey, SubprotocolKey>;

struct ConfigKey {
  std::string_view name;
  KeyKind kind;
  std::string_view meaning;
  std::string_view default_text{};  // Where Config's own default does not say it all.
};

std::span<const ConfigKey> config_keys();

// Any case; null when there is no such key.
const ConfigKey* find_config_key(std::string_view name);
const ConfigKey& nearest_config_key(std::string_view name);

// A value as it was written, before anybody knows what it is for.
struct RawValue {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  std::variant<std::string, std::vector<std::string>, Pairs> value;
};

// Checks the value and puts it into config. A message starts with what is wrong with the value, not
// with the key or the place.
Result<void> apply_config_value(const ConfigKey& key, const RawValue& raw, Config& config);

}  // namespace ringgate
