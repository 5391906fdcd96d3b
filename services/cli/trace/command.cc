#include "services/cli/trace/command.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "codec/names.h"
#include "control/base/loop.h"
#include "control/base/standard_output.h"
#include "control/base/text.h"
#include "control/config/config.h"
#include "control/config/secrets.h"
#include "services/cli/trace/follow.h"
#include "services/cli/trace/gateways.h"

namespace ringgate {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kLongest = 1h;
constexpr std::chrono::milliseconds kRegistryPatience = 5s;

struct TraceCommand {
  std::string config_file;
  std::vector<std::string> gateways;
  std::string token_file;
  std::string time = "5m";
  TraceOptions trace;
};

// What the command line says, checked.
struct Prepared {
  std::optional<Config> config;
  std::map<std::string, std::string> gateways;  // by hand: URLs to themselves
  std::chrono::milliseconds time{};
};

Result<Prepared> prepare(TraceCommand& command) {
  Prepared prepared;
  if (!is_valid_account(command.trace.account)) {
    return usage_error("--account is 1 to {} bytes of UTF-8 without commas and control characters",
                       kMaxAccountBytes);
  }
  const std::optional<std::chrono::milliseconds> time = parse_duration(command.time);
  if (!time || *time > kLongest) return usage_error("--for is a time up to 1h, such as 30s or 5m");
  prepared.time = *time;
  if (command.config_file.empty() && command.gateways.empty()) {
    return usage_error("say which gateways: -c FILE for those of its registry, or --gateway");
  }
  for (const std::string& gateway : command.gateways) {
    const Result<std::string> url = parse_admin_url(gateway);
    if (!url) return usage_error("--gateway {}: {}", gateway, url.error().message);
    prepared.gateways[*url] = *url;
  }
  if (!command.config_file.empty()) {
    Result<Config> config = load_config(command.config_file, ProcessRole::kGateway);
    if (!config) return std::unexpected(config.error());
    command.trace.token = config->admin_token;
    prepared.config = std::move(*config);
  }
  if (!command.token_file.empty()) {
    Result<std::string> token = read_secret_file(command.token_file);
    if (!token) return std::unexpected(token.error());
    command.trace.token = std::move(*token);
  }
  return prepared;
}

Result<void> trace(TraceCommand command) {
  Result<Prepared> prepared = prepare(command);
  if (!prepared) return std::unexpected(prepared.error());
  Result<std::unique_ptr<ControlLoop>> made = ControlLoop::create();
  if (!made) return std::unexpected(made.error());
  ControlLoop& loop = **made;
  Result<void> outcome;
  const auto end_with = [&](Result<void> how) {
    if (outcome) outcome = std::move(how);
    loop.stop();
  };
  const auto line = [&](std::string text) {
    text += '\n';
    if (Result<void> printed = print_out(text); !printed) end_with(std::move(printed));
  };
  const auto told = [&] {
    if (prepared->time == 0ms) loop.after(0ms, [&loop] { loop.stop(); });
  };
  command.trace.only_recorded = prepared->time == 0ms;
  TraceFollower follower(loop, command.trace, line, told);
  std::unique_ptr<TraceGateways> registry;
  if (prepared->gateways.empty()) {
    const auto use = [&](const TraceGateways::Known& known) {
      if (known.urls.empty() && known.not_passing.empty() && prepared->time == 0ms) {
        return end_with(run_error("the registry knows no gateway"));
      }
      follower.use_gateways(known.urls, false, known.not_passing);
    };
    Result<std::unique_ptr<TraceGateways>> followed =
        TraceGateways::follow(*prepared->config, loop, use);
    if (!followed) return std::unexpected(followed.error());
    registry = std::move(*followed);
    loop.after(kRegistryPatience, [&] {
      if (registry->has_answered()) return;
      const std::optional<Error> problem = registry->problem();
      end_with(run_error("{}", problem ? problem->message : "the registry did not answer in time"));
    });
  } else {
    follower.use_gateways(prepared->gateways, true);
  }
  if (prepared->time > 0ms) loop.after(prepared->time, [&loop] { loop.stop(); });
  loop.run();
  if (outcome && !follower.has_been_told()) {
    return run_error("no gateway has told what it knows of {}", printable(command.trace.account));
  }
  return outcome;
}

}  // namespace

CLI::App* add_trace_command(CLI::App& root, CommandResult& result) {
  CLI::App* const command = root.add_subcommand("trace",
                                                "What happens to an account on all gateways, as it "
                                                "happens, after what their flight recorders "
                                                "have of it: logins, what it asks and is answered, "
                                                "what is pushed to it, and why it is closed");
  const auto options = std::make_shared<TraceCommand>();
  command->add_option("--account", options->trace.account, "Whom to follow")
      ->required()
      ->type_name("ACCOUNT");
  command->add_option("--app", options->trace.app, "Only in this app (default: in all)")
      ->type_name("APP");
  command
      ->add_option(
          "-c,--config", options->config_file,
          "A gateway's configuration file: all gateways of its registry are asked, with its "
          "AdminToken")
      ->type_name("FILE");
  command
      ->add_option(
          "--gateway", options->gateways,
          "Ask this admin port instead, HOST:PORT or https://HOST:PORT; may be given again")
      ->type_name("ADDRESS");
  command->add_option("--token-file", options->token_file, "File that holds the AdminToken")
      ->type_name("FILE");
  command
      ->add_option("--tls-ca,--ca", options->trace.ca_file,
                   "PEM file of the authorities that https admin ports are trusted by [the "
                   "machine's]")
      ->type_name("FILE");
  command
      ->add_option("--for", options->time, "How long, up to 1h; 0: only what is recorded already")
      ->type_name("TIME")
      ->capture_default_str();
  command->add_flag("--json", options->trace.json, "A JSON object for each line");
  command->callback([options, &result] {
    const Result<void> done = trace(*options);
    result.exit_code = done ? 0 : report_error(done.error());
  });
  return command;
}

}  // namespace ringgate
