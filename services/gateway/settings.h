// From a configuration to what a gateway is made of. Pure functions, any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "control/config/config.h"
#include "control/links/manager.h"
#include "control/routing/selector_set.h"
#include "services/gateway/mail.h"
#include "services/gateway/options.h"

namespace ringgate {

// With a nonce of its own each time.
[[nodiscard]] GatewayOptions gateway_options(const Config& config);

[[nodiscard]] LinkManagerOptions link_options(const Config& config, const std::string& boot);

// All that a reload gives to the parts of a running gateway.
struct GatewayReload {
  GatewaySettings shards;                        // to each shard, by mail; without what is loaded
  tls::Settings tls;                             // what its contexts are loaded by
  tls::ClientSettings link_tls;                  // the same of links
  std::shared_ptr<const SelectorSet> selectors;  // with the next catalogue
  std::chrono::milliseconds drain_time{};        // of instances that go, and of the end
  std::chrono::milliseconds drain_delay{};
  std::size_t drain_pace = 0;
};
// `nonce`: that of the start, which the channels that are there have.
[[nodiscard]] GatewayReload gateway_reload(const Config& config, const std::string& nonce);

// What a configuration asks for; its route file has been read with it.
[[nodiscard]] std::shared_ptr<const SelectorSet> make_selectors(const Config& config);

}  // namespace ringgate
