// Which registry a configuration names, opened.
#pragma once

#include <memory>

#include "control/config.h"
#include "control/consul_options.h"
#include "control/loop.h"
#include "control/registry.h"

namespace ringgate {

[[nodiscard]] ConsulOptions consul_options(const Config& config);

// Consul's or a file's. For the thread of `loop`, which outlives it.
[[nodiscard]] Result<std::unique_ptr<Registry>> open_registry(const Config& config,
                                                              ControlLoop& loop);

}  // namespace ringgate
