// Which registry a configuration names, opened.
#pragma once

#include <memory>

#include "control/base/loop.h"
#include "control/config/config.h"
#include "control/discovery/registry.h"

namespace ringgate {

// Consul's or a file's. For the thread of `loop`, which outlives it.
[[nodiscard]] Result<std::unique_ptr<Registry>> open_registry(const Config& config,
                                                              ControlLoop& loop);

}  // namespace ringgate
