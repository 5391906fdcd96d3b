#include "services/cli/doctor.h"

#include <fmt/format.h>
#include <netdb.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "control/base/standard_output.h"
#include "control/base/ws_url.h"
#include "control/config/config.h"
#include "control/http/monitor.h"
#include "control/observe/logging.h"
#include "dataplane/listener.h"
#include "services/doctor/certificate.h"
#include "services/doctor/checks.h"
#include "services/doctor/report.h"
#include "services/gateway/channel.h"
#include "services/gateway/link_tls.h"
#include "services/logic/redis_options.h"
#include "services/process/handover/taker.h"
#include "services/process/memory_room.h"
#include "services/process/shards.h"
#include "services/process/tls.h"

namespace ringgate {
namespace {

using doctor::Finding;
using doctor::Verdict;

// Those of `ringgate dev`.
const std::vector<std::uint16_t> kDevelopmentPorts = {8000, 8001, 8080};

const std::map<std::string, ProcessRole> kRoles = {{"gateway", ProcessRole::kGateway},
                                                   {"login", ProcessRole::kLogin},
                                                   {"chat", ProcessRole::kChat},
                                                   {"echo", ProcessRole::kEcho}};

struct DoctorOptions {
  doctor::Wishes wishes;
  bool connections_given = false;
  std::vector<std::uint16_t> ports;
  std::string certificate;
  std::string key;
  std::string config_file;
  ProcessRole role = ProcessRole::kGateway;
  bool json = false;
};

// --- Against a configuration --------------------------------------------------------------------

Finding judge(std::string name, const Result<void>& good, std::string found) {
  if (good) return {Verdict::kOk, std::move(name), std::move(found), {}};
  return {Verdict::kFail, std::move(name), good.error().message, {}};
}

template <class Value>
Result<void> only_whether(const Result<Value>& result) {
  if (!result) return std::unexpected(result.error());
  return {};
}

// Whether the limits of this machine have room for MaxConnections of every shard.
Finding check_room(const Config& config, const doctor::Readings& readings) {
  const std::string name = "MaxConnections";
  const Result<ShardGroupOptions> options = shard_group_options(config, kMaxSlots);
  if (!options) return {Verdict::kFail, name, options.error().message, {}};
  return {
      Verdict::kOk,
      name,
      fmt::format("{} shards of {} connections each fit the open-file limit of {}", options->shards,
                  options->shard.max_clients, std::max(readings.nofile_soft, readings.nofile_hard)),
      {}};
}

// A gateway that runs, asked as a takeover asks. It goes on: nothing is taken.
struct Running {
  std::unique_ptr<handover::Taker> asked;  // null: there is none, or it would refuse
  std::string refusal;

  [[nodiscard]] bool gives(const std::string& name) const {
    if (asked == nullptr) return false;
    const auto& sockets = asked->offer().sockets;
    return std::ranges::find(sockets, name, &handover::Sockets::name) != sockets.end();
  }
};

Running ask_running(const Config& config, ProcessRole role) {
  if (role != ProcessRole::kGateway) return {};
  Result<std::unique_ptr<handover::Taker>> asked = handover::Taker::begin(addresses_of(config));
  if (!asked) return {nullptr, asked.error().message};
  return {std::move(*asked), {}};
}

// Of what is taken, that the one who has it would not give it up is the better reason.
Finding judge_taken(std::string name, Result<void> good, std::string found,
                    const Running& running) {
  if (!good && !running.refusal.empty()) good.error().message = running.refusal;
  return judge(std::move(name), good, std::move(found));
}

Finding check_listener(const ListenSpec& spec, const Running& running) {
  const bool is_file = !spec.socket.empty();
  const ListenAddress address{spec.endpoint.host, spec.endpoint.port};
  const Result<std::string> printed =
      is_file ? Result<std::string>("unix:" + spec.socket) : ListenerSet::print(address);
  const std::string name = "Listen " + printed.value_or(format_endpoint(spec.endpoint));
  if (!printed) return {Verdict::kFail, name, printed.error().message, {}};
  if (running.gives(*printed)) {
    return {Verdict::kOk,
            name,
            fmt::format("a gateway has it, process {}: --takeover would replace that",
                        running.asked->process()),
            {}};
  }
  const Result<ListenerSet> sockets = is_file ? ListenerSet::open_unix(spec.socket, 1, false)
                                              : ListenerSet::open(address, 1, false);
  return judge_taken(name, only_whether(sockets), "free, and may be taken", running);
}

Finding check_http_port(const std::string& key, const std::string& address, std::uint16_t port,
                        const Running& running) {
  for (const std::string& name : http::Monitor::names_of(address, port)) {
    if (!running.gives(handover::kHttpPort + name)) continue;
    return {Verdict::kOk, key, "the gateway has it that --takeover would replace", {}};
  }
  const auto monitor = http::Monitor::bind(address, port, key);
  return judge_taken(key, only_whether(monitor),
                     format_endpoint({address, port}) + " is free, and may be taken", running);
}

// As a process would ask at its start; the answer is that of now.
Finding check_name(const std::string& key, const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return {Verdict::kFail, key, fmt::format("{} has no address: {}", host, gai_strerror(error)),
            "mend the name, or /etc/resolv.conf"};
  }
  const std::string address = format_host(found->ai_addr);
  freeaddrinfo(found);
  return {Verdict::kOk, key, host == address ? address : host + " is " + address, {}};
}

void check_names(const Config& config, ProcessRole role, std::vector<Finding>& findings) {
  if (!config.consul.url.empty()) {
    std::string host = config.consul.url.substr(config.consul.url.find("://") + 3);
    host = host.substr(0, host.find('/'));
    const Result<Endpoint> endpoint = parse_endpoint(host);
    findings.push_back(check_name("ConsulURL", endpoint ? endpoint->host : host));
  }
  const bool has_redis = config.redis || !config.redis_urls.empty();
  if (!has_redis || role == ProcessRole::kGateway || role == ProcessRole::kEcho) return;
  const Result<RedisStoreOptions> redis = redis_options(config);
  if (!redis) {
    findings.push_back({Verdict::kFail, "Redis", redis.error().message, {}});
    return;
  }
  for (const RedisAddress& address : redis->target.addresses) {
    if (address.socket_path.empty()) findings.push_back(check_name("Redis", address.endpoint.host));
  }
}

// What a start would load beside the certificates of clients.
template <class Loaded>
void check_loaded(const char* name, const Result<Loaded>& loaded, std::vector<Finding>& findings) {
  findings.push_back(judge(name, only_whether(loaded), "as a start would load it"));
  if (!loaded) return;
  for (std::string& one : certificates_to_mend(loaded->certificates, std::time(nullptr))) {
    findings.push_back({Verdict::kWarn, name, std::move(one), {}});
  }
}

void check_certificates(const Config& config, ProcessRole role, std::vector<Finding>& findings) {
  if (has_tls(config)) {
    for (std::size_t i = 0; i < config.tls.certificates.size() && i < config.tls.keys.size(); ++i) {
      findings.push_back(doctor::check_certificate(config.tls.certificates[i], config.tls.keys[i],
                                                   std::time(nullptr)));
    }
    findings.push_back(judge("TLS", only_whether(load_tls(config)), "as a start would load it"));
  }
  if (has_ports_tls(config)) {
    check_loaded("TLS of the monitor port", load_ports_tls(config), findings);
  }
  if (role == ProcessRole::kGateway && !config.link_tls.ca.empty()) {
    check_loaded("TLS of links", load_link_tls(config), findings);
  }
}

// The files that hold its secrets have been read with it.
void check_configuration(const DoctorOptions& options, const Config& config,
                         const doctor::Readings& readings, std::vector<Finding>& findings) {
  findings.push_back({Verdict::kOk,
                      "configuration",
                      options.config_file + " is good, and the files that it names can be read",
                      {}});
  for (const std::string& notice : config.notices) {
    findings.push_back({Verdict::kWarn, "configuration", notice, {}});
  }
  if (options.role == ProcessRole::kGateway) findings.push_back(check_room(config, readings));
  const Running running = ask_running(config, options.role);
  for (const ListenSpec& spec : config.listen) {
    findings.push_back(check_listener(spec, running));
  }
  if (config.monitor_port != 0) {
    findings.push_back(
        check_http_port("MonitorPort", config.monitor_address, config.monitor_port, running));
  }
  const bool is_shared =
      config.admin_port == config.monitor_port && config.admin_address == config.monitor_address;
  if (config.admin_port != 0 && !is_shared) {
    findings.push_back(
        check_http_port("AdminPort", config.admin_address, config.admin_port, running));
  }
  findings.push_back(judge("LogFile", check_log_file(config.log_file),
                           config.log_file.empty() ? "stderr" : "may be written"));
  check_certificates(config, options.role, findings);
  check_names(config, options.role, findings);
}

// What the machine itself has to carry.
void take_wishes_of(const Config& config, DoctorOptions& options) {
  options.wishes.shards = config.shards;
  if (options.connections_given || config.shard.max_clients == 0) return;
  const Result<ShardGroupOptions> group = shard_group_options(config, kMaxSlots);
  const std::uint64_t shards = group ? group->shards : std::max<std::uint64_t>(config.shards, 1);
  options.wishes.connections = shards * config.shard.max_clients;
}

// --- The command --------------------------------------------------------------------------------

int run_doctor(DoctorOptions options) {
  options.wishes.ports_required = !options.ports.empty();
  std::optional<Result<Config>> config;
  if (!options.config_file.empty()) {
    config = load_config(options.config_file, options.role);
    if (*config) {
      notice_memory(**config, options.role);
      take_wishes_of(**config, options);
    }
  }
  const bool names_none = options.ports.empty() && !config;
  const doctor::Readings readings =
      doctor::take_readings(names_none ? kDevelopmentPorts : options.ports);
  std::vector<Finding> findings = doctor::examine(readings, options.wishes);
  if (!options.certificate.empty()) {
    findings.push_back(
        doctor::check_certificate(options.certificate, options.key, std::time(nullptr)));
  }
  if (config && !*config) {
    findings.push_back({Verdict::kFail, "configuration", config->error().message, {}});
  } else if (config) {
    check_configuration(options, **config, readings, findings);
  }
  const std::string text =
      options.json ? doctor::format_findings_json(findings) : doctor::format_findings(findings);
  if (auto printed = print_out(text); !printed) return report_error(printed.error());
  const bool failed = std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.verdict == Verdict::kFail; });
  return failed ? 1 : 0;
}

}  // namespace

CLI::App* add_doctor_command(CLI::App& root, CommandResult& result) {
  CLI::App* command = root.add_subcommand(
      "doctor", "Check whether this machine can carry the connections you want");
  auto options = std::make_shared<DoctorOptions>();
  CLI::Option* const connections =
      command
          ->add_option("--connections", options->wishes.connections,
                       "Connections that one gateway process is to hold (with -c: as its "
                       "MaxConnections and Shards say, if it has MaxConnections)")
          ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{100'000'000}))
          ->capture_default_str();
  command
      ->add_option("--tcp", options->ports,
                   "Ports that have to be free (default: those of `ringgate dev`, as a warning)")
      ->check(CLI::Range(1, 65535));
  CLI::Option* certificate = command->add_option("--tls-cert", options->certificate,
                                                 "Certificate that a gateway is to have (TlsCert)");
  CLI::Option* key = command->add_option("--tls-key", options->key, "Its key (TlsKey)");
  certificate->type_name("FILE")->needs(key);
  key->type_name("FILE")->needs(certificate);
  CLI::Option* const config =
      command->add_option("-c,--config", options->config_file,
                          "Judge the machine against this configuration, too: its limits, ports, "
                          "files, certificates and names, as a start would find them now");
  config->type_name("FILE");
  command->add_option("--role", options->role, "Whose configuration that is")
      ->transform(CLI::CheckedTransformer(kRoles).description(""))
      ->type_name("gateway|login|chat|echo")
      ->default_str("gateway")
      ->needs(config);
  command->add_flag("--json", options->json, "Print a JSON array instead of lines");
  command->footer("Exits with 1 when a check says FAIL.");
  command->callback([options, connections, &result] {
    options->connections_given = connections->count() > 0;
    result.exit_code = run_doctor(*options);
  });
  return command;
}

}  // namespace ringgate
