#include "services/cli/config.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "control/base/standard_output.h"
#include "control/config/config.h"
#include "control/config/effective.h"
#include "services/process/memory_room.h"

namespace ringgate {
namespace {

struct ConfigOptions {
  std::string config_file;
  std::string role = "gateway";
  bool effective = false;
  bool json = false;
};

ProcessRole role_of(const std::string& name) {
  for (const ProcessRole role : {ProcessRole::kLogin, ProcessRole::kChat, ProcessRole::kEcho}) {
    if (name == role_name(role)) return role;
  }
  return ProcessRole::kGateway;
}

Result<void> show(const ConfigOptions& options) {
  if (!options.effective) return usage_error("say what to show: --effective");
  const ProcessRole role = role_of(options.role);
  Result<Config> config = load_config(options.config_file, role);
  if (!config) return std::unexpected(config.error());
  notice_memory(*config, role);
  return print_out(options.json ? effective_json(*config, role) : effective_text(*config, role));
}

}  // namespace

CLI::App* add_config_command(CLI::App& root, CommandResult& result) {
  CLI::App* const command =
      root.add_subcommand("config", "What a configuration comes to, secrets masked");
  const auto options = std::make_shared<ConfigOptions>();
  command->add_option("-c,--config", options->config_file, "The YAML configuration file")
      ->required()
      ->type_name("FILE");
  command->add_flag("--effective", options->effective,
                    "Every key, its value, and where it comes from: the file (with its line), the "
                    "environment, the file of a secret, or the default");
  command->add_option("--role", options->role, "Of which process it is")
      ->check(CLI::IsMember({"gateway", "login", "chat", "echo"}))
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print one JSON object");
  command->callback([options, &result] {
    const Result<void> shown = show(*options);
    result.exit_code = shown ? 0 : report_error(shown.error());
  });
  return command;
}

}  // namespace ringgate
