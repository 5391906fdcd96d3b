#include "services/process/registries.h"

#include <spdlog/spdlog.h>

#include "control/discovery/consul/registry.h"
#include "control/discovery/file.h"

namespace ringgate {

ConsulOptions consul_options(const Config& config) {
  ConsulOptions options;
  options.url = config.consul_url;
  options.token = config.consul_token;
  options.token_file = config.consul_token_file;
  options.ca_file = config.consul_ca;
  options.datacenter = config.consul_datacenter;
  options.stale = config.consul_stale;
  options.tag = config.consul_tag;
  options.wait = config.consul_wait;
  options.check_interval = config.consul_check_interval;
  options.check_timeout = config.consul_check_timeout;
  options.deregister_after = config.consul_deregister_after;
  options.recheck = config.consul_recheck;
  return options;
}

Result<std::unique_ptr<Registry>> open_registry(const Config& config, ControlLoop& loop) {
  if (!config.consul_url.empty()) return ConsulRegistry::open(loop, consul_options(config));
  return FileRegistry::open(config.registry_file, [](const Error& error) {
    spdlog::error("the registry file: {}; the known services stay in use", error.message);
  });
}

}  // namespace ringgate
