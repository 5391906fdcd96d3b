#include "services/gateway/settings.h"

#include <chrono>

#include "services/gateway/channel.h"
#include "services/process/shards.h"

namespace ringgate {
GatewayOptions gateway_options(const Config& config) {
  GatewayOptions options;
  static_cast<GatewayLimits&>(options) = config.gateway;
  options.gateway_id = config.gateway_id();
  options.zone = config.zone;
  options.nonce = make_channel_nonce();
  options.secrets = {config.app_secret, config.app_secret_previous};
  options.routes = config.routes;
  options.max_waiting_push_bytes = config.client_limits().max_queued_bytes;
  options.tells_debug = config.log_level <= LogLevel::kDebug;
  // Tokens end at whole seconds.
  options.token_grace_s = static_cast<std::uint32_t>(
      std::chrono::ceil<std::chrono::seconds>(config.token_grace).count());
  return options;
}

LinkManagerOptions link_options(const Config& config, const std::string& boot) {
  LinkManagerOptions options;
  static_cast<LinkSettings&>(options) = config.links;
  options.selectors = make_selectors(config);
  options.gateway_id = config.gateway_id();
  options.boot = boot;
  options.drain_time = config.drain_time;
  // A file says what somebody wrote; an agent may have forgotten, or may not let us see.
  if (config.consul.url.empty()) options.empty_list_hold = {};
  return options;
}

GatewayReload gateway_reload(const Config& config, const std::string& nonce) {
  GatewayReload reload;
  reload.shards.options = gateway_options(config);
  reload.shards.options.nonce = nonce;
  reload.shards.shard = config.shard;
  for (const ListenSpec& listen : config.listen) {
    reload.shards.upgrades.push_back(upgrade_options(config, listen));
  }
  reload.tls = config.tls;
  reload.link_tls = config.link_tls;
  reload.selectors = make_selectors(config);
  reload.drain_time = config.drain_time;
  reload.drain_delay = config.drain_delay;
  reload.drain_pace = config.drain_pace;
  return reload;
}

std::shared_ptr<const SelectorSet> make_selectors(const Config& config) {
  return std::make_shared<const SelectorSet>(config.selectors, config.route_table);
}

}  // namespace ringgate
