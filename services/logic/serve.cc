#include "services/logic/serve.h"

#include <memory>
#include <string>
#include <utility>

#include "control/config/config.h"
#include "control/observe/logging.h"
#include "services/logic/component.h"
#include "services/process/process.h"
#include "services/process/registries.h"

namespace ringgate {
namespace {

// Echo is the role that takes no more than every service does.
constexpr ProcessRole kRole = ProcessRole::kEcho;

Result<Config> read_config(int argc, char** argv, std::string_view name) {
  if (argc != 3 || std::string_view(argv[1]) != "-c") return usage_error("usage: {} -c FILE", name);
  Result<Config> config = load_config(argv[2], kRole);
  if (config && config->service_name == role_name(kRole)) config->service_name = name;
  return config;
}

Result<void> serve(const Config& config, FillRouter fill) {
  Result<std::unique_ptr<Process>> process = Process::create(config);
  if (!process) return std::unexpected(process.error());
  Result<std::unique_ptr<Registry>> registry = open_registry(config, (*process)->loop());
  if (!registry) return std::unexpected(registry.error());
  (*process)->add(std::make_unique<LogicComponent>(config, std::move(*registry), (*process)->loop(),
                                                   std::move(fill),
                                                   LogicUse{.gives_message_ids = false}));
  return (*process)->run();
}

}  // namespace

int serve_logic(int argc, char** argv, std::string_view name, FillRouter fill) {
  const Result<Config> config = read_config(argc, argv, name);
  const Result<void> served =
      config ? serve(*config, std::move(fill)) : Result<void>(std::unexpected(config.error()));
  if (served) return 0;
  complain(std::string(name) + ": " + served.error().message);
  return served.error().exit_code;
}

}  // namespace ringgate
