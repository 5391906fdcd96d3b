// Keys that only make sense together: what could never take effect is refused, or noticed where it
// does no harm. Set-up, any thread.
#pragma once

#include <span>
#include <string>

#include "control/base/address.h"
#include "control/base/error.h"
#include "control/config/config.h"

namespace ringgate {

// After every key has been applied and the role's defaults are in. May add notices.
[[nodiscard]] Result<void> check_effects(Config& config, ProcessRole role);

// What a process of ours listens on, and the key or flag that says so.
struct OwnListener {
  std::string key;
  Endpoint endpoint;
};

// An error where two of them cannot be had at once, as both are on one port of one address.
[[nodiscard]] Result<void> check_own_listeners(std::span<const OwnListener> listeners);

}  // namespace ringgate
