// What SIGHUP may change: which keys differ between two configurations, and which of these take
// effect without a restart, as the table of keys says. Pure functions, any thread.
#pragma once

#include <string_view>
#include <vector>

#include "control/base/error.h"
#include "control/config/config.h"

namespace ringgate {

// In the order of the table of keys. Secrets differ by what they are, not by where they stand.
[[nodiscard]] std::vector<std::string_view> changed_keys(const Config& one, const Config& other);

struct ReloadPlan {
  // What the process goes on with: the running configuration with the new values of the keys that
  // can be reloaded, and of nothing else.
  Config config;
  std::vector<std::string_view> changed;  // Their names.
};

// An error that names every key that changed and cannot be reloaded. Keys that a process of that
// role does not heed are passed over: one file may serve all processes of a host.
[[nodiscard]] Result<ReloadPlan> plan_reload(const Config& running, const Config& wanted,
                                             ProcessRole role);

}  // namespace ringgate
