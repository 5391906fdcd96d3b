#include "services/gateway/settings.h"

#include <chrono>

#include "services/gateway/channel.h"

namespace ringgate {
namespace {

std::uint32_t ms(Config::Duration duration) {
  return static_cast<std::uint32_t>(duration.count());
}

}  // namespace

GatewayOptions gateway_options(const Config& config) {
  GatewayOptions options;
  options.gateway_id = config.service_id;
  options.zone = config.zone;
  options.nonce = make_channel_nonce();
  options.secrets = {config.app_secret, config.app_secret_previous};
  options.routes = config.routes;
  options.max_header_bytes = config.max_header;
  options.max_link_header_bytes = config.max_link_header;
  options.max_metas = static_cast<std::uint32_t>(config.max_metas);
  options.max_login_body_bytes = config.max_login_body;
  options.max_login_tags = static_cast<std::uint32_t>(config.max_login_tags);
  options.max_outstanding = static_cast<std::uint32_t>(config.max_outstanding);
  options.max_client_outstanding = static_cast<std::uint32_t>(config.max_client_outstanding);
  options.max_waiting_push_bytes = config.max_queued_bytes;
  options.max_signouts = static_cast<std::uint32_t>(config.max_signouts);
  options.login_wait_ms = ms(config.login_wait);
  options.login_answer_timeout_ms = ms(config.login_answer_timeout);
  options.answer_timeout_ms = ms(config.answer_timeout);
  options.heartbeat_ms = ms(config.link_heartbeat);
  options.eject_after_ms = ms(config.eject_after);
  options.signout_keep_ms = ms(config.signout_keep);
  // Tokens end at whole seconds.
  options.token_grace_s = static_cast<std::uint32_t>(
      std::chrono::ceil<std::chrono::seconds>(config.token_grace).count());
  return options;
}

LinkManagerOptions link_options(const Config& config) {
  LinkManagerOptions options;
  options.selectors = make_selectors(config);
  options.gateway_id = config.service_id;
  options.lanes = config.lanes;
  options.young_for = config.young_for;
  // A file says what somebody wrote; an agent may have forgotten, or may not let us see.
  if (!config.consul_url.empty()) options.empty_list_hold = config.empty_list_hold;
  options.dial_timeout = config.dial_timeout;
  options.redial_min = config.redial_min;
  options.redial_max = config.redial_max;
  options.drain_time = config.drain_time;
  return options;
}

std::shared_ptr<const SelectorSet> make_selectors(const Config& config) {
  return std::make_shared<const SelectorSet>(config.selectors, config.route_table);
}

}  // namespace ringgate
