#include "services/cli/fleet.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/base/loop.h"
#include "control/base/standard_output.h"
#include "control/base/text.h"
#include "control/config/config.h"
#include "control/config/secrets.h"
#include "control/discovery/consul/http.h"
#include "services/cli/asked_by.h"
#include "services/cli/trace/gateways.h"
#include "services/cli/trace/no_answer.h"

namespace ringgate {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kRegistryPatience = 5s;
constexpr std::chrono::milliseconds kPatience = 5s;  // a shard that is stuck takes two

struct Whom {
  std::string config_file;
  std::vector<std::string> gateways;  // by hand
  std::vector<std::string> ids;       // of those in the registry; empty: all
  std::string token_file;
  std::string ca_file;
};

// What is asked of each of them, and what its answer means in words; nothing: it makes no sense.
struct Action {
  std::string path;
  std::function<std::optional<std::string>(const std::string& body)> words;
};

struct FleetCommand {
  Whom whom;
  std::string account;
  std::string app;
  std::string channel;
  std::optional<std::uint64_t> to;
  std::string pace;
  std::string first;
  std::string at;
  bool abort = false;
  bool all = false;
};

// "?a=b&by=..." of those that are set.
std::string query_of(const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string query;
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    query.append(query.empty() ? "?" : "&").append(name).append("=");
    query += consul::Http::escape(value);
  }
  return query;
}

template <class Value = std::uint64_t>
std::optional<Value> value_in(const std::string& body, const char* key) {
  simdjson::dom::parser parser;
  Value value{};
  if (parser.parse(body)[key].get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::string first_line(const std::string& text) {
  return printable(trim(text.substr(0, text.find('\n'))));
}

Action kick_of(const FleetCommand& command) {
  const auto words = [](const std::string& body) -> std::optional<std::string> {
    const std::optional<std::uint64_t> kicked = value_in(body, "kicked");
    if (!kicked) return std::nullopt;
    return fmt::format("{} kicked", *kicked);
  };
  return {"/kick" + query_of({{"account", command.account},
                              {"app", command.app},
                              {"channel", command.channel},
                              {"by", asked_by()}}),
          words};
}

Action evacuation_of(const FleetCommand& command) {
  const auto words = [abort =
                          command.abort](const std::string& body) -> std::optional<std::string> {
    const auto clients = value_in(body, "clients");
    const auto asked = value_in(body, "asked");
    const auto told = value_in(body, "told");
    const auto pace = value_in(body, "pace");
    if (!clients) return std::nullopt;
    if (abort && value_in<bool>(body, "stopped") == false) {
      return fmt::format("{} clients, nothing was under way", *clients);
    }
    if (!asked || !told || !pace) return fmt::format("{} clients, nothing is under way", *clients);
    if (abort) return fmt::format("{} clients, {} of {} were told to go", *clients, *told, *asked);
    return fmt::format("{} clients, {} are told to go at {} a second", *clients, *asked, *pace);
  };
  if (command.abort) return {"/evacuate/abort" + query_of({{"by", asked_by()}}), words};
  return {"/evacuate" + query_of({{"to", std::to_string(command.to.value_or(0))},
                                  {"pace", command.pace},
                                  {"first", command.first},
                                  {"at", command.at},
                                  {"by", asked_by()}}),
          words};
}

Action drain_of(const FleetCommand& command) {
  return {"/drain" + query_of({{"at", command.at}, {"by", asked_by()}}),
          [](const std::string& body) { return std::optional(first_line(body)); }};
}

// Asks each gateway once, and tells what it says.
class Fleet {
 public:
  Fleet(ControlLoop& loop, const Whom& whom, std::string token, Action action)
      : loop_(loop), whom_(whom), token_(std::move(token)), action_(std::move(action)) {}

  // The first list counts: what comes later was not meant.
  void act(const TraceGateways::Known& known) {
    if (std::exchange(has_begun_, true)) return;
    for (const std::string& id : whom_.ids) {
      const bool is_there = known.urls.contains(id) || known.not_passing.contains(id);
      if (!is_there) tell(id, "is not in the registry", false);
    }
    const auto is_meant = [&](const std::string& id) {
      return whom_.ids.empty() || std::ranges::find(whom_.ids, id) != whom_.ids.end();
    };
    // Who is named is asked: a gateway is put into maintenance mode first, and then drained.
    for (const auto& [id, other] : known.not_passing) {
      if (!whom_.ids.empty()) {
        if (is_meant(id)) ask(id, other.url);
      } else {
        tell(id, fmt::format("is not asked: {}; --id {} asks it", other.why, id), false);
      }
    }
    for (const auto& [id, url] : known.urls) {
      if (is_meant(id)) ask(id, url);
    }
    if (asked_ == 0 && !failed_) tell("", "the registry knows no gateway", false);
    end_if_done();
  }
  [[nodiscard]] bool has_begun() const { return has_begun_; }
  [[nodiscard]] bool has_failed() const { return failed_; }

 private:
  void ask(const std::string& id, const std::string& url) {
    ++asked_;
    if (url.empty()) return tell(id, "has no AdminPort: it cannot be asked", false);
    consul::Options options;
    options.url = url;
    options.ca_file = whom_.ca_file;
    Result<std::unique_ptr<consul::Http>> http = consul::Http::create(loop_, options);
    if (!http) return tell(id, http.error().message, false);
    consul::Request request;
    request.is_post = true;
    request.path = action_.path;
    request.bearer = token_;
    request.timeout = kPatience;
    ++waiting_;
    (*http)->send(request, [this, id](const consul::Reply& reply) {
      --waiting_;
      take(id, reply);
      end_if_done();
    });
    ports_.push_back(std::move(*http));
  }

  void take(const std::string& id, const consul::Reply& reply) {
    if (reply.failure == consul::Failure::kTimeout) {
      return tell(id, "has not answered in time; it may still do it", false);
    }
    if (reply.failure != consul::Failure::kNone) return tell(id, why_no_answer(reply), false);
    if (reply.status / 100 != 2) {
      return tell(id, fmt::format("{}: {}", reply.status, first_line(reply.body)), false);
    }
    const std::optional<std::string> words = action_.words(reply.body);
    tell(id, words.value_or("answered something else: " + first_line(reply.body)),
         words.has_value());
  }

  void tell(const std::string& id, const std::string& words, bool good) {
    failed_ = failed_ || !good;
    const std::string line = id.empty() ? words : id + ": " + words;
    if (!good) return complain("ringgate: " + line);
    if (Result<void> printed = print_out(line + "\n"); !printed) failed_ = true;
  }

  void end_if_done() {
    if (waiting_ == 0) loop_.stop();
  }

  ControlLoop& loop_;
  const Whom& whom_;
  const std::string token_;
  const Action action_;
  std::vector<std::unique_ptr<consul::Http>> ports_;
  std::size_t asked_ = 0;
  std::size_t waiting_ = 0;
  bool has_begun_ = false;
  bool failed_ = false;
};

Result<std::map<std::string, std::string>> by_hand(const Whom& whom) {
  std::map<std::string, std::string> urls;
  for (const std::string& gateway : whom.gateways) {
    const Result<std::string> url = parse_admin_url(gateway);
    if (!url) return usage_error("--gateway {}: {}", gateway, url.error().message);
    urls[*url] = *url;
  }
  return urls;
}

// Whether all of them did it.
Result<bool> run_fleet(const Whom& whom, const Action& action) {
  if (whom.config_file.empty() == whom.gateways.empty()) {
    return usage_error("say which gateways: -c FILE for those of its registry, or --gateway");
  }
  const Result<std::map<std::string, std::string>> urls = by_hand(whom);
  if (!urls) return std::unexpected(urls.error());
  std::optional<Config> config;
  std::string token;
  if (!whom.config_file.empty()) {
    Result<Config> loaded = load_config(whom.config_file, ProcessRole::kGateway);
    if (!loaded) return std::unexpected(loaded.error());
    token = loaded->admin_token;
    config = std::move(*loaded);
  }
  if (!whom.token_file.empty()) {
    Result<std::string> given = read_secret_file(whom.token_file);
    if (!given) return std::unexpected(given.error());
    token = std::move(*given);
  }
  Result<std::unique_ptr<ControlLoop>> loop = ControlLoop::create();
  if (!loop) return std::unexpected(loop.error());
  Fleet fleet(**loop, whom, token, action);
  std::unique_ptr<TraceGateways> registry;
  if (config) {
    Result<std::unique_ptr<TraceGateways>> followed = TraceGateways::follow(
        *config, **loop, [&](const TraceGateways::Known& known) { fleet.act(known); });
    if (!followed) return std::unexpected(followed.error());
    registry = std::move(*followed);
    (*loop)->after(kRegistryPatience, [&] {
      if (!fleet.has_begun()) (*loop)->stop();
    });
  } else {
    (*loop)->post([&] { fleet.act({*urls, {}}); });
  }
  (*loop)->run();
  if (!fleet.has_begun()) {
    const std::optional<Error> problem = registry->problem();
    return run_error("{}", problem ? problem->message : "the registry did not answer in time");
  }
  return !fleet.has_failed();
}

// CLI11 takes -1 for the largest number there is.
std::string is_number(const std::string& text) {
  return parse_number(text) ? std::string() : "is to be a number from 0 on, not " + text;
}

CLI::App* add_command(CLI::App& root, const std::string& name, const std::string& what,
                      FleetCommand& options) {
  CLI::App* const command = root.add_subcommand(name, what);
  command
      ->add_option("-c,--config", options.whom.config_file,
                   "A gateway's configuration file: the gateways of its registry are asked, with "
                   "its AdminToken")
      ->type_name("FILE");
  command
      ->add_option("--id", options.whom.ids,
                   "Only the gateway of that ServiceID; may be given again")
      ->type_name("ID");
  command
      ->add_option(
          "--gateway", options.whom.gateways,
          "Ask this admin port instead, HOST:PORT or https://HOST:PORT; may be given again")
      ->type_name("ADDRESS");
  command->add_option("--token-file", options.whom.token_file, "File that holds the AdminToken")
      ->type_name("FILE");
  command
      ->add_option("--tls-ca,--ca", options.whom.ca_file,
                   "PEM file of the authorities that https admin ports are trusted by")
      ->type_name("FILE");
  command->footer(
      "A line for each gateway says what it did, and so does its log (admin_action), with who has "
      "asked. Exits with 1 where one of them did not do it.");
  return command;
}

void run_with(CLI::App& command, CommandResult& result,
              const std::shared_ptr<FleetCommand>& options,
              const std::function<Result<Action>(const FleetCommand&)>& action_of) {
  command.callback([options, action_of, &result] {
    const Result<Action> action = action_of(*options);
    if (!action) {
      result.exit_code = report_error(action.error());
      return;
    }
    const Result<bool> done = run_fleet(options->whom, *action);
    result.exit_code = !done ? report_error(done.error()) : *done ? 0 : 1;
  });
}

void add_kick(CLI::App& root, CommandResult& result) {
  const auto options = std::make_shared<FleetCommand>();
  CLI::App* const command = add_command(
      root, "kick", "Log an account out of all gateways, or one channel of it", *options);
  CLI::Option* const account =
      command->add_option("--account", options->account, "Whom")->type_name("ACCOUNT");
  command->add_option("--app", options->app, "Only in this app (default: in all)")
      ->type_name("APP")
      ->needs(account);
  command->add_option("--channel", options->channel, "This channel alone")
      ->type_name("CHANNEL")
      ->excludes(account);
  run_with(*command, result, options, [](const FleetCommand& given) -> Result<Action> {
    if (given.account.empty() && given.channel.empty()) {
      return usage_error("say whom: --account or --channel");
    }
    return kick_of(given);
  });
}

void add_evacuate(CLI::App& root, CommandResult& result) {
  const auto options = std::make_shared<FleetCommand>();
  CLI::App* const command = add_command(
      root, "evacuate", "Have gateways tell so many clients to go, at a pace, that a number stays",
      *options);
  command->add_option("--to", options->to, "How many stay on each gateway")
      ->check(is_number)
      ->type_name("NUMBER");
  command->add_option("--pace", options->pace, "Clients per second (default: DrainPace)")
      ->check(is_number)
      ->type_name("NUMBER");
  command->add_option("--first", options->first, "Who goes first: newest (default) or idlest")
      ->type_name("WHO");
  command
      ->add_option("--at", options->at, "Where they are to come again (default: where they were)")
      ->type_name("HOST:PORT");
  command->add_flag("--abort", options->abort, "End one that is under way");
  run_with(*command, result, options, [](const FleetCommand& given) -> Result<Action> {
    if (given.abort == given.to.has_value()) return usage_error("say --to NUMBER, or --abort");
    return evacuation_of(given);
  });
}

void add_drain(CLI::App& root, CommandResult& result) {
  const auto options = std::make_shared<FleetCommand>();
  CLI::App* const command = add_command(
      root, "drain", "End gateways in order, as SIGTERM does: those of --id or --gateway, or --all",
      *options);
  command
      ->add_option("--at", options->at,
                   "Where clients are to come again (default: where they were)")
      ->type_name("HOST:PORT");
  command->add_flag("--all", options->all, "All gateways of the registry, at once");
  run_with(*command, result, options, [](const FleetCommand& given) -> Result<Action> {
    const bool has_named = !given.whom.ids.empty() || !given.whom.gateways.empty();
    if (has_named == given.all) {
      return usage_error("say which gateways are to end: --id, --gateway, or --all");
    }
    return drain_of(given);
  });
}

}  // namespace

void add_fleet_commands(CLI::App& root, CommandResult& result) {
  add_kick(root, result);
  add_evacuate(root, result);
  add_drain(root, result);
}

}  // namespace ringgate
