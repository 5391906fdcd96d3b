// What SIGHUP may change: which keys differ between two configurations, and which of these take
// effect without a restart. Pure functions, any thread.
#pragma once

#include <string_view>
#include <vector>

#include "control/base/error.h"
#include "control/config/config.h"

namespace ringgate {

// In the order of the table of keys. Secrets differ by what they are, not by where they stand.
[[nodiscard]] std::vector<std::string_view> changed_keys(const Config& one, const Config& other);

// Those of a gateway; of other processes only LogLevel and AdminToken.
[[nodiscard]] bool is_reloadable(std::string_view key, ProcessRole role);

// An error that names every key that changed and cannot be reloaded; otherwise the keys that
// changed.
[[nodiscard]] Result<std::vector<std::string_view>> reloadable_changes(const Config& running,
                                                                       const Config& wanted,
                                                                       ProcessRole role);

}  // namespace ringgate
