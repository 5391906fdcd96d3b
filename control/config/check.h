// Keys that only make sense together: what could never take effect is refused, or noticed where it
// does no harm. Set-up, any thread.
#pragma once

#include "control/base/error.h"
#include "control/config/config.h"

namespace ringgate {

// After every key has been applied and the role's defaults are in. May add notices.
[[nodiscard]] Result<void> check_effects(Config& config, ProcessRole role);

}  // namespace ringgate
