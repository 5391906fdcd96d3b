#include "services/cli/serve.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "control/base/standard_output.h"
#include "control/base/unique_fd.h"
#include "control/config/compare.h"
#include "control/config/config.h"
#include "control/observe/log_event.h"
#include "control/observe/logging.h"
#include "services/gateway/component.h"
#include "services/gateway/link_tls.h"
#include "services/handlers/chat.h"
#include "services/handlers/echo.h"
#include "services/handlers/login.h"
#include "services/logic/component.h"
#include "services/logic/redis_options.h"
#include "services/process/handover/clash.h"
#include "services/process/memory_room.h"
#include "services/process/process.h"
#include "services/process/registries.h"
#include "services/process/signal_watch.h"
#include "services/process/tls.h"
#include "services/store/message_options.h"

namespace ringgate {
namespace {

struct ServeOptions {
  std::string config_file;
  bool check_config = false;
  bool takeover = false;
};

FillRouter handlers_of(const Config& config, ProcessRole role) {
  switch (role) {
    case ProcessRole::kLogin:
      return [](Router& router) { add_login_handlers(router); };
    case ProcessRole::kChat:
      return
          [options = chat_options(config)](Router& router) { add_chat_handlers(router, options); };
    case ProcessRole::kEcho:
    case ProcessRole::kGateway:
      break;
  }
  return [](Router& router) { add_echo_handlers(router); };
}

Result<void> check_sessions(const Config& config, ProcessRole role) {
  if (role != ProcessRole::kLogin && role != ProcessRole::kChat) return {};
  if (has_redis(config)) {
    if (auto options = redis_options(config); !options) return std::unexpected(options.error());
  } else if (!config.memory_sessions) {
    return usage_error(
        "{} needs RedisURL (redis://host:port) or RedisAddrs (host:port): login and chat share "
        "their sessions in Redis; for a single chat process that also answers login.*, "
        "MemorySessions: true keeps them in memory",
        config.service_name);
  }
  if (has_redis(config) && config.memory_sessions) {
    return usage_error("{} and MemorySessions: true contradict each other; remove one",
                       config.redis ? "RedisAddrs" : "RedisURL");
  }
  if (config.memory_sessions && config.shards > 1) {
    return usage_error("MemorySessions: true needs Shards: 1, as one shard holds the sessions");
  }
  return {};
}

// All that a start would load; the sentences are of certificates that have to be renewed, or made
// anew.
Result<std::vector<std::string>> check_tls(const Config& config, ProcessRole role) {
  Result<ListenersTls> listeners = load_tls(config);
  if (!listeners) return std::unexpected(listeners.error());
  const Result<PortsTls> ports = load_ports_tls(config);
  if (!ports) return std::unexpected(ports.error());
  const Result<LinkTls> links =
      role == ProcessRole::kGateway ? load_link_tls(config) : Result<LinkTls>();
  if (!links) return std::unexpected(links.error());
  std::vector<tls::Material::Validity> all = std::move(listeners->certificates);
  all.insert(all.end(), ports->certificates.begin(), ports->certificates.end());
  all.insert(all.end(), links->certificates.begin(), links->certificates.end());
  return certificates_to_mend(std::move(all), std::time(nullptr));
}

// What serves, by its role; the other one is null.
struct Served {
  GatewayComponent* gateway = nullptr;
  LogicComponent* logic = nullptr;
};

// All of a new configuration, or nothing of it.
Result<std::string> reload(const std::string& file, ProcessRole role, Process& process,
                           const Served& served, Config& running) {
  Result<Config> wanted = load_config(file, role);
  if (!wanted) return std::unexpected(wanted.error());
  Result<ReloadPlan> plan = plan_reload(running, *wanted, role);
  if (!plan) return std::unexpected(plan.error());
  Result<PortsTls> ports = load_ports_tls(plan->config);
  if (!ports) return std::unexpected(ports.error());
  Result<void> good = check_sessions(plan->config, role);
  if (good && served.logic != nullptr) good = served.logic->reload(plan->config);
  if (good && served.gateway != nullptr) good = served.gateway->reload(plan->config);
  if (!good) return std::unexpected(good.error());
  process.use(process_settings(plan->config));
  process.use_tls(std::move(*ports));
  running = std::move(plan->config);
  if (plan->changed.empty()) return "no key has changed; the files that they name were read again";
  return fmt::format("{} changed", fmt::join(plan->changed, ", "));
}

// No descriptor left, say: then nothing could be read, which is nobody's mistake and passes.
bool cannot_open_files() {
  return !UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

// What SIGHUP does, on the loop's thread. Owned by the process's handler of it.
class Reloader {
 public:
  Reloader(std::string file, ProcessRole role, Process& process, const Served& served,
           const Config& config)
      : file_(std::move(file)), role_(role), process_(process), served_(served), running_(config) {}

  void run() {
    is_told_ = false;
    attempt();
  }

 private:
  static constexpr std::chrono::milliseconds kTryAgain{1000};

  void attempt() {
    process_.loop().cancel(std::exchange(timer_, 0));
    const Result<std::string> done = reload(file_, role_, process_, served_, running_);
    if (done) {
      process_.note_reload(true);
      log_event(LogEvent::kReloaded, {{"changed", *done}}, "SIGHUP: " + *done);
      return;
    }
    if (!cannot_open_files()) {
      process_.note_reload(false);
      tell_refused("SIGHUP: nothing is reloaded: " + done.error().message, done.error());
      return;
    }
    if (!std::exchange(is_told_, true)) {
      tell_refused(
          fmt::format("SIGHUP: nothing is reloaded yet: {}; trying again", done.error().message),
          done.error());
    }
    timer_ = process_.loop().after(kTryAgain, [this] { attempt(); });
  }

  static void tell_refused(const std::string& line, const Error& error) {
    log_event(LogEvent::kReloadRefused, {{"why", error.message}}, line);
  }

  const std::string file_;
  const ProcessRole role_;
  Process& process_;
  const Served served_;
  Config running_;
  ControlLoop::TimerId timer_ = 0;
  bool is_told_ = false;  // that it is tried again
};

std::unexpected<Error> naming(std::string_view key, Error error) {
  error.message = fmt::format("{}: {}", key, error.message);
  return std::unexpected(std::move(error));
}

// Whatever of it a start could not use is said now. What only a start can know (a taken port) is
// not asked.
Result<void> check_only(const ServeOptions& options, const Config& config,
                        const std::vector<std::string>& to_mend) {
  Result<std::unique_ptr<ControlLoop>> loop = ControlLoop::create();
  if (!loop) return std::unexpected(loop.error());
  if (auto registry = open_registry(config, **loop); !registry) {
    return usage_error("{}", registry.error().message);
  }
  std::string text;
  for (const std::string& notice : config.notices) text += "note: " + notice + "\n";
  for (const std::string& certificate : to_mend) text += "note: " + certificate + "\n";
  return print_out(text + options.config_file + " is good\n");
}

// A listener that becomes one of all addresses, or is it no longer, cannot be bound beside itself.
Result<void> check_clash(const std::vector<std::string>& ours, const handover::Taker* taker) {
  std::unique_ptr<handover::Taker> neighbour;
  if (taker == nullptr) {
    auto asked = handover::Taker::begin(handover::neighbours_of(ours));
    if (!asked) return std::unexpected(asked.error());
    neighbour = std::move(*asked);
    taker = neighbour.get();
  }
  if (taker == nullptr) return {};
  const auto clash = handover::clash_of(ours, taker->offer());
  if (!clash) return {};
  return run_error(
      "--takeover: process {} listens at {}, and nobody can listen at {} beside that: this change "
      "needs the old one to end first",
      taker->process(), clash->second, clash->first);
}

// Nobody to take over from is no error: what is taken then, the start finds out.
Result<std::unique_ptr<handover::Taker>> take_over(const ServeOptions& options, Config& config) {
  if (!options.takeover) return nullptr;
  const std::vector<std::string> ours = addresses_of(config);
  Result<std::unique_ptr<handover::Taker>> taker = handover::Taker::begin(ours);
  if (!taker) return taker;
  if (auto good = check_clash(ours, taker->get()); !good) return std::unexpected(good.error());
  if (*taker == nullptr) return taker;
  config.link_id = handover::next_gateway_id(config.service_id, (*taker)->offer());
  if (config.link_id.empty()) {
    return usage_error(
        "--takeover: ServiceID {} is too long: a process that takes over from one of its own id "
        "needs four more characters, of 64",
        config.service_id);
  }
  return taker;
}

// Of a usual second start the ports are taken, too: what helps then is who lives under its id.
Error or_whose_id(const Config& config, const Error& failure) {
  const Result<std::unique_ptr<ControlLoop>> loop = ControlLoop::create();
  if (!loop) return failure;
  const Result<std::unique_ptr<Registry>> registry = open_registry(config, **loop);
  if (!registry) return failure;
  Instance ours;
  ours.id = config.service_id;
  ours.name = config.service_name;
  const Result<void> free = (*registry)->claim(ours, false);
  return free ? failure : free.error();
}

Result<void> serve(const ServeOptions& options, ProcessRole role) {
  if (options.check_config) SignalWatch::unblock();
  Result<Config> config = load_config(options.config_file, role);
  if (!config) return std::unexpected(config.error());
  notice_memory(*config, role);
  if (Result<void> sessions = check_sessions(*config, role); !sessions) return sessions;
  const Result<std::vector<std::string>> to_mend = check_tls(*config, role);
  if (!to_mend) return std::unexpected(to_mend.error());
  if (Result<void> log = check_log_file(config->log_file); !log) return log;
  if (options.check_config) return check_only(options, *config, *to_mend);
  Result<UniqueFd> messages = UniqueFd();  // held until the end
  if (role == ProcessRole::kChat)
    messages = claim_message_store(message_store_options(*config, 0).url);
  if (!messages) return naming("MessageStore", messages.error());
  const Result<std::unique_ptr<handover::Taker>> taker = take_over(options, *config);
  if (!taker) return std::unexpected(taker.error());
  Result<std::unique_ptr<Process>> process =
      Process::create(*config, ProcessMode::kServing, taker->get());
  if (!process) {
    return std::unexpected(*taker == nullptr ? or_whose_id(*config, process.error())
                                             : process.error());
  }
  Result<std::unique_ptr<Registry>> registry = open_registry(*config, (*process)->loop());
  if (!registry) return std::unexpected(registry.error());
  Served served;
  if (role == ProcessRole::kGateway) {
    auto service = std::make_unique<GatewayComponent>(*config, std::move(*registry),
                                                      (*process)->loop(), taker->get());
    served.gateway = service.get();
    (*process)->add(std::move(service));
  } else {
    if (config->memory_sessions) {
      spdlog::warn("MemorySessions: sessions live in this process only and end with it");
    }
    auto service = std::make_unique<LogicComponent>(
        *config, std::move(*registry), (*process)->loop(), handlers_of(*config, role),
        LogicUse{.gives_message_ids = role == ProcessRole::kChat,
                 .may_give_message_ids = role != ProcessRole::kLogin,
                 .takes_roll_calls = role != ProcessRole::kEcho,
                 .keeps_messages = role == ProcessRole::kChat});
    served.logic = service.get();
    (*process)->add(std::move(service));
  }
  const auto reloader =
      std::make_shared<Reloader>(options.config_file, role, **process, served, *config);
  (*process)->on_reload([reloader] { reloader->run(); });
  return (*process)->run();
}

std::string config_help() {
  std::string text =
      "Configuration keys (any case; RINGGATE_<KEY> in the environment wins, but a secret has one "
      "source), who heeds them, and whether SIGHUP takes over a new value (yes, or in a "
      "gateway):\n";
  for (const ConfigKeyInfo& key : describe_config_keys()) {
    const std::string by_default =
        key.default_text.empty() ? "" : fmt::format(" [{}]", key.default_text);
    text += fmt::format("  {:<28} {:<8} {:<7} {}{}\n", key.key, key.heeded_by,
                        key.reload.empty() ? "-" : key.reload, key.meaning, by_default);
  }
  text +=
      "\nSignals: SIGTERM and SIGINT drain and end with 0; within a second of the first they count "
      "as one, later they end at once with 1. SIGHUP reads the configuration again.\n";
  return text;
}

void add_serve_command(CLI::App& root, CommandResult& result, ProcessRole role,
                       const std::string& description) {
  CLI::App* const command = root.add_subcommand(std::string(role_name(role)), description);
  const auto options = std::make_shared<ServeOptions>();
  command->add_option("-c,--config", options->config_file, "The YAML configuration file")
      ->required()
      ->type_name("FILE");
  command->add_flag("--check-config", options->check_config,
                    "Only check the configuration: exit code 0 if it is good, 2 if not, 1 if the "
                    "output cannot be written");
  if (role == ProcessRole::kGateway) {
    command->add_flag(
        "--takeover", options->takeover,
        "Take the ports of the process that listens at these addresses, once this one could "
        "serve, and have it drain");
  }
  command->footer(config_help);
  command->callback([options, role, &result] {
    const Result<void> served = serve(*options, role);
    result.exit_code = served ? 0 : report_error(served.error());
  });
}

}  // namespace

void add_serve_commands(CLI::App& root, CommandResult& result) {
  add_serve_command(root, result, ProcessRole::kGateway,
                    "The gateway: clients on one side, logic services on the other");
  add_serve_command(root, result, ProcessRole::kLogin,
                    "The login service: sign-in, sign-out, ending older sessions");
  add_serve_command(root, result, ProcessRole::kChat,
                    "The chat service: messages between accounts (answers login.* too)");
  add_serve_command(root, result, ProcessRole::kEcho,
                    "The echo service: answers any echo.* with its own body");
}

}  // namespace ringgate
