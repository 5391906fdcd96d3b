// What is done with a row of the table, whichever it is.
#include <algorithm>
#include <type_traits>

#include "control/base/text.h"
#include "control/config/keys.h"
#include "control/config/value_text.h"

namespace ringgate {
namespace {

std::string_view heeded_by(const ConfigKey& key) {
  switch (key.use.heeded_by) {
    case HeededBy::kAll:
      return "all";
    case HeededBy::kGateway:
      return "gateway";
    case HeededBy::kServices:
      return "services";
    case HeededBy::kChat:
      return "chat";
  }
  return "";
}

// "yes" is said of a gateway's key, and of a service's, since nobody else heeds it.
std::string_view reload_text(const ConfigKey& key) {
  if (key.use.reload == Reload::kNever) return "";
  const bool is_by_all = key.use.reload == Reload::kEverywhere ||
                         key.use.reload == Reload::kInServices ||
                         key.use.heeded_by == HeededBy::kGateway;
  return is_by_all ? "yes" : "gateway";
}

}  // namespace

const ConfigKey* find_config_key(std::string_view name) {
  const std::string wanted = lower_case(name);
  const auto at = std::ranges::find_if(
      config_keys(), [&](const ConfigKey& key) { return lower_case(key.name) == wanted; });
  return at == config_keys().end() ? nullptr : &*at;
}

const ConfigKey& nearest_config_key(std::string_view name) {
  const std::string wanted = lower_case(name);
  return *std::ranges::min_element(config_keys(), {}, [&](const ConfigKey& key) {
    return edit_distance(lower_case(key.name), wanted);
  });
}

const ConfigKey* file_key_of(const ConfigKey& key) {
  return find_config_key(std::string(key.name) + "File");
}

bool is_heeded(const ConfigKey& key, ProcessRole role) {
  switch (key.use.heeded_by) {
    case HeededBy::kAll:
      return true;
    case HeededBy::kGateway:
      return role == ProcessRole::kGateway;
    case HeededBy::kServices:
      return role != ProcessRole::kGateway;
    case HeededBy::kChat:
      return role == ProcessRole::kChat;
  }
  return true;
}

bool is_reloadable(const ConfigKey& key, ProcessRole role) {
  if (key.use.reload == Reload::kEverywhere) return true;
  const bool is_gateway = role == ProcessRole::kGateway;
  return key.use.reload == (is_gateway ? Reload::kInGateway : Reload::kInServices);
}

bool is_same(const ConfigKey& key, const Config& one, const Config& other) {
  const auto same = [&]<class Key>(const Key& kind) {
    if constexpr (std::is_same_v<Key, IgnoredKey>) {
      return true;
    } else {
      return kind.place.get(one) == kind.place.get(other);
    }
  };
  return std::visit(same, key.kind);
}

void copy_value(const ConfigKey& key, const Config& from, Config& to) {
  const auto copy = [&]<class Key>(const Key& kind) {
    if constexpr (!std::is_same_v<Key, IgnoredKey>) kind.place.set(to, kind.place.get(from));
  };
  std::visit(copy, key.kind);
}

std::vector<ConfigKeyInfo> describe_config_keys() {
  std::vector<ConfigKeyInfo> rows;
  const Config fresh;
  for (const ConfigKey& key : config_keys()) {
    std::string text(key.default_text);
    if (text.empty()) text = value_text(key, fresh);
    rows.push_back({std::string(key.name), std::move(text), std::string(key.meaning),
                    std::string(heeded_by(key)), std::string(reload_text(key))});
  }
  return rows;
}

}  // namespace ringgate
