#include "services/process/registries.h"

#include <spdlog/spdlog.h>

#include "control/discovery/consul/registry.h"
#include "control/discovery/file.h"

namespace ringgate {

Result<std::unique_ptr<Registry>> open_registry(const Config& config, ControlLoop& loop) {
  if (!config.consul.url.empty()) return consul::Registry::open(loop, config.consul);
  return FileRegistry::open(config.registry_file, [](const Error& error) {
    spdlog::error("the registry file: {}; the known services stay in use", error.message);
  });
}

}  // namespace ringgate
