#include "services/command_explain_route.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "control/config.h"
#include "control/registry_store.h"
#include "services/explain_route.h"

namespace ringgate {
namespace {

struct ExplainOptions {
  std::string config_file;
  RouteQuery query;
  bool json = false;
};

struct KnownServices {
  std::vector<Service> services;
  std::string source;
};

// Whatever the registry that the configuration names has now.
Result<KnownServices> known_services(const Config& config) {
  if (config.registry_file.empty()) {
    return run_error(
        "explain-route reads a RegistryFile, and the configuration has none; ask the running "
        "gateway: GET /explain-route?app=A&account=B on its admin port");
  }
  auto stored = read_services(config.registry_file);
  if (!stored) return std::unexpected(stored.error());
  KnownServices known;
  known.source = config.registry_file;
  if (*stored) known.services = std::move((*stored)->services);
  return known;
}

Result<bool> explain(const ExplainOptions& options) {
  if (auto good = check_query(options.query); !good) {
    return usage_error("--{}", good.error().message);
  }
  const Result<Config> config = load_config(options.config_file, ProcessRole::kGateway);
  if (!config) return std::unexpected(config.error());
  const Result<KnownServices> known = known_services(*config);
  if (!known) return std::unexpected(known.error());
  const Catalogue catalogue =
      catalogue_of(known->services, followed_services(config->routes), make_selectors(*config));
  const RouteExplanation explanation =
      explain_route({catalogue, config->routes, config->service_id, nullptr}, options.query);
  if (options.json) {
    std::printf("%s\n", to_json(explanation).c_str());
  } else {
    std::printf(
        "%sServices as %s has them, all taken to be connected and adult; a running gateway "
        "knows which are: GET /explain-route on its admin port.\n",
        to_text(explanation).c_str(), known->source.c_str());
  }
  if (std::fflush(stdout) != 0) return run_error("the output cannot be written");
  return !explanation.chosen.empty();
}

}  // namespace

CLI::App* add_explain_route_command(CLI::App& root, CommandResult& result) {
  CLI::App* const command = root.add_subcommand(
      "explain-route",
      "Which service a gateway would choose for an account, and why, step by step: exit code 0 if "
      "there is one, 1 if not");
  const auto options = std::make_shared<ExplainOptions>();
  command->add_option("-c,--config", options->config_file, "The gateway's configuration file")
      ->required()
      ->type_name("FILE");
  command->add_option("--app", options->query.app, "The app of the account's token")
      ->required()
      ->type_name("APP");
  command->add_option("--account", options->query.account, "The account")
      ->required()
      ->type_name("ACCOUNT");
  command
      ->add_option("--service", options->query.service,
                   "The part of a command before its first dot")
      ->type_name("NAME")
      ->capture_default_str();
  command
      ->add_option("--channel", options->query.channel,
                   "A channel id, where the choice depends on it (default: an example)")
      ->type_name("ID");
  command->add_flag("--json", options->json, "Print one JSON object, as GET /explain-route does");
  command->callback([options, &result] {
    const Result<bool> found = explain(*options);
    result.exit_code = !found ? report_error(found.error()) : *found ? 0 : 1;
  });
  return command;
}

}  // namespace ringgate
