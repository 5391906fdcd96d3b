#include "control/config/compare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "control/config/keys.h"

namespace ringgate {
namespace {

// A secret that no SIGHUP takes over, from the same file as before: who uses it reads the file
// again.
bool is_read_again(const ConfigKey& key, const Config& one, const Config& other) {
  if (key.use.reload != Reload::kNever) return false;
  const ConfigKey* const file = file_key_of(key);
  return file != nullptr && !is_same(*file, Config{}, other) && is_same(*file, one, other);
}

}  // namespace

std::vector<std::string_view> changed_keys(const Config& one, const Config& other) {
  std::vector<std::string_view> changed;
  for (const ConfigKey& key : config_keys()) {
    if (!is_same(key, one, other)) changed.push_back(key.name);
  }
  return changed;
}

Result<ReloadPlan> plan_reload(const Config& running, const Config& wanted, ProcessRole role) {
  ReloadPlan plan{.config = running, .changed = {}};
  std::vector<std::string_view> fixed;
  for (const ConfigKey& key : config_keys()) {
    if (!is_heeded(key, role) || is_same(key, running, wanted)) continue;
    plan.changed.push_back(key.name);
    if (is_reloadable(key, role)) {
      copy_value(key, wanted, plan.config);
    } else if (!is_read_again(key, running, wanted)) {
      fixed.push_back(key.name);
    }
  }
  if (!fixed.empty()) {
    return usage_error("{} cannot change while running; restart for that, or undo it",
                       fmt::join(fixed, ", "));
  }
  // What stands in the file of RouteFile may have changed under the same name.
  plan.config.route_table = wanted.route_table;
  return plan;
}

}  // namespace ringgate
