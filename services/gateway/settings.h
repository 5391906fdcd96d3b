// From a configuration to what a gateway is made of. Pure functions, any thread.
#pragma once

#include <memory>

#include "control/config/config.h"
#include "control/links/manager.h"
#include "control/routing/selector_set.h"
#include "services/gateway/options.h"

namespace ringgate {

// With a nonce of its own each time; a reload keeps that of the start.
[[nodiscard]] GatewayOptions gateway_options(const Config& config);

[[nodiscard]] LinkManagerOptions link_options(const Config& config);

// What a configuration asks for; its route file has been read with it.
[[nodiscard]] std::shared_ptr<const SelectorSet> make_selectors(const Config& config);

}  // namespace ringgate
