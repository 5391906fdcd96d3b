#include "control/config/compare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "control/config/keys.h"

namespace ringgate {
namespace {

// Not here: what is sized at start (tables, mailboxes, threads), who we are, and where we listen.
constexpr auto kReloadable = std::to_array<std::string_view>({
    "AppSecret",          "AppSecretFile",
    "AppSecretPrevious",  "AppSecretPreviousFile",
    "AllowedOrigins",     "RouteFile",
    "Selectors",          "LogLevel",
    "MaxFrame",           "MaxLinkFrame",
    "MaxHeader",          "MaxLinkHeader",
    "MaxMetas",           "MaxLoginBody",
    "MaxLoginTags",       "MaxQueuedBytes",
    "MaxUpgradeRequest",  "MaxProxyHeader",
    "MaxLinkQueuedBytes", "MaxClientOutstanding",
    "MaxSignouts",        "MaxLoginBacklogBytes",
    "LoginWait",          "LoginAnswerTimeout",
    "IdleTimeout",        "WebSocketPing",
    "IdlePollAfter",      "WriteTimeout",
    "AnswerTimeout",      "SignoutKeep",
    "TokenGrace",         "DrainTime",
    "DrainPace",          "AdminToken",
    "AdminTokenFile",     "EjectAfter",
});
// What any process takes.
constexpr auto kReloadableAnywhere =
    std::to_array<std::string_view>({"LogLevel", "AdminToken", "AdminTokenFile"});

struct Same {
  const Config& one;
  const Config& other;

  template <class Key>
    requires requires(const Key& key) { key.member; }
  bool operator()(const Key& key) const {
    return one.*key.member == other.*key.member;
  }
  bool operator()(const TagsKey&) const { return one.tags == other.tags; }
  bool operator()(const RoutesKey&) const { return one.routes == other.routes; }
  bool operator()(const SelectorsKey&) const {
    return one.default_selector == other.default_selector && one.selectors == other.selectors;
  }
  bool operator()(const ListenKey&) const { return one.listen == other.listen; }
  bool operator()(const OriginsKey&) const { return one.allowed_origins == other.allowed_origins; }
  bool operator()(const ProxiesKey&) const { return one.trusted_proxies == other.trusted_proxies; }
  bool operator()(const RedisKey&) const { return one.redis == other.redis; }
  bool operator()(const LogLevelKey&) const { return one.log_level == other.log_level; }
  bool operator()(const ConsulUrlKey&) const { return one.consul_url == other.consul_url; }
  bool operator()(const SubprotocolKey&) const { return one.subprotocol == other.subprotocol; }
  bool operator()(const IgnoredKey&) const { return true; }
};

}  // namespace

std::vector<std::string_view> changed_keys(const Config& one, const Config& other) {
  std::vector<std::string_view> changed;
  for (const ConfigKey& key : config_keys()) {
    if (!std::visit(Same{one, other}, key.kind)) changed.push_back(key.name);
  }
  return changed;
}

bool is_reloadable(std::string_view key, ProcessRole role) {
  if (role != ProcessRole::kGateway) {
    return std::ranges::find(kReloadableAnywhere, key) != kReloadableAnywhere.end();
  }
  return std::ranges::find(kReloadable, key) != kReloadable.end();
}

Result<std::vector<std::string_view>> reloadable_changes(const Config& running,
                                                         const Config& wanted, ProcessRole role) {
  std::vector<std::string_view> changed = changed_keys(running, wanted);
  std::vector<std::string_view> fixed;
  for (const std::string_view key : changed) {
    // Whoever uses the file reads it again.
    if (key == "ConsulToken" && !wanted.consul_token_file.empty() &&
        running.consul_token_file == wanted.consul_token_file) {
      continue;
    }
    if (!is_reloadable(key, role)) fixed.push_back(key);
  }
  if (!fixed.empty()) {
    return usage_error("{} cannot change while running; restart for that, or undo it",
                       fmt::join(fixed, ", "));
  }
  return changed;
}

}  // namespace ringgate
