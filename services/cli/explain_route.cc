#include "services/cli/explain_route.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "control/base/loop.h"
#include "control/base/standard_output.h"
#include "control/config/config.h"
#include "control/discovery/consul/registry.h"
#include "control/discovery/file_store.h"
#include "services/gateway/explain.h"
#include "services/gateway/settings.h"
#include "services/process/registries.h"

namespace ringgate {
namespace {

struct ExplainOptions {
  std::string config_file;
  RouteQuery query;
  bool json = false;
};

struct KnownServices {
  std::vector<Instance> services;
  std::string source;
};

constexpr std::chrono::seconds kConsulPatience{5};

// A loop of our own, until every service has been answered for.
Result<KnownServices> ask_consul(const Config& config) {
  Result<std::unique_ptr<ControlLoop>> loop = ControlLoop::create();
  if (!loop) return std::unexpected(loop.error());
  Result<std::unique_ptr<Registry>> registry = consul::Registry::open(**loop, config.consul);
  if (!registry) return std::unexpected(registry.error());
  KnownServices known;
  known.source = config.consul.url;
  std::set<std::string> unanswered = followed_services(config.routes);
  for (const std::string& name : std::set<std::string>(unanswered)) {
    const auto take = [&, name](const std::vector<Instance>& services) {
      if (unanswered.erase(name) == 0) return;  // a change since
      known.services.insert(known.services.end(), services.begin(), services.end());
      if (unanswered.empty()) (*loop)->stop();
    };
    if (auto asked = (*registry)->subscribe(name, take); !asked) {
      return std::unexpected(asked.error());
    }
  }
  (*loop)->after(kConsulPatience, [&loop] { (*loop)->stop(); });
  (*loop)->run();
  if (unanswered.empty()) return known;
  const std::optional<Error> problem = (*registry)->problem();
  return run_error("{}", problem ? problem->message : "Consul did not answer in time");
}

// Whatever the registry that the configuration names has now.
Result<KnownServices> known_services(const Config& config) {
  if (!config.consul.url.empty()) return ask_consul(config);
  auto stored = read_services(config.registry_file);
  if (!stored) return std::unexpected(stored.error());
  KnownServices known;
  known.source = config.registry_file;
  if (!*stored) {
    fmt::print(stderr, "{}: is not there, so that no service is known\n", known.source);
    return known;
  }
  for (const RefusedInstance& entry : (*stored)->refused) {
    fmt::print(stderr, "{}: {}; it is refused\n", known.source, entry.why);
  }
  known.services = std::move((*stored)->services);
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
  const std::string text =
      options.json
          ? to_json(explanation) + "\n"
          : fmt::format(
                "{}Services as {} has them, all taken to be connected and adult; a running gateway "
                "knows which are: GET /explain-route on its admin port.\n",
                to_text(explanation), known->source);
  if (auto printed = print_out(text); !printed) return std::unexpected(printed.error());
  return !explanation.chosen.empty();
}

}  // namespace

CLI::App* add_explain_route_command(CLI::App& root, CommandResult& result) {
  CLI::App* const command = root.add_subcommand(
      "explain-route",
      "Which service a gateway would choose for an account, and why, step by step: exit code 0 if "
      "there is one, 1 if not, or if the output cannot be written");
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
