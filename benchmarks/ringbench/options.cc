#include "benchmarks/ringbench/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <limits>

#include "benchmarks/ringbench/mix_file.h"
#include "benchmarks/ringbench/number_flag.h"
#include "benchmarks/ringbench/options_check.h"
#include "benchmarks/ringbench/options_help.h"
#include "services/flags/usage.h"
#include "services/flags/version.h"

namespace ringgate::bench {
namespace {

std::string plain_text(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != ',';
  });
  return plain ? "" : "use letters and digits only: it is written into tokens as it is";
}

// Above this nothing is measured any more; a whole machine's messages are far below.
constexpr double kMostPerSecond = 100e6;
constexpr NumberFlag kPerSecond{
    .least = 0, .most = kMostPerSecond, .whole = false, .above = true, .what = "rate"};

CLI::Validator number(const NumberFlag& flag) {
  return CLI::Validator(
      [flag](std::string& text) {
        const auto value = parse_number(text, flag);
        if (!value) return value.error().message;
        text = plain_digits(*value, flag);
        return std::string();
      },
      "NUMBER");
}
CLI::Validator whole_number(double least, double most) {
  return number({.least = least, .most = most});
}

std::unexpected<UsageEnd> usage(std::string sentence) {
  return std::unexpected(UsageEnd{2, std::move(sentence)});
}

// What the command line says in words.
struct RawText {
  std::string scenario;
  std::string duration = "10s";
  std::string warmup = "1s";
  std::string drain = "5s";
  std::string heartbeat = "30s";
  std::string mix_file;
  std::string sources;
  std::string service_thread = "auto";
  std::vector<std::string> fail_if;
};

void add_load_options(CLI::App& app, Options& options, RawText& raw) {
  app.add_option("scenario", raw.scenario, kScenarios)
      ->required()
      ->check(CLI::IsMember({"ping", "forward", "talk", "push", "login", "idle", "mix"}));
  app.add_option("--target", options.target.text,
                 "tcp://HOST:PORT or ws://HOST:PORT/PATH; tls:// and wss:// are the same over TLS")
      ->required();
  app.add_option("--source", raw.sources,
                 "connect from these addresses of this machine in turn: 10.0.0.5,10.0.0.7 or "
                 "10.0.0.5-10.0.0.20; on loopback 1,000 of 127.0.0.0/8 by default");
  app.add_option("--connections", options.connections, "connections in all; login: at once")
      ->transform(whole_number(1, 10e6))
      ->capture_default_str();
  app.add_option("--duration", raw.duration, "how long to measure: 500ms, 10s, 2m, 1h")
      ->capture_default_str();
  app.add_option("--warmup", raw.warmup, "how long to run before measuring")->capture_default_str();
  app.add_option("--drain", raw.drain, "how long to wait at the end for what has no answer yet")
      ->capture_default_str();
  CLI::Option* const rate =
      app.add_option("--rate", options.rate,
                     "open loop: messages per second in all (login: logins, push: packets), "
                     "for example 250, 10k or 1M")
          ->transform(number(kPerSecond));
  app.add_option("--in-flight", options.in_flight,
                 "closed loop: messages outstanding per connection (push: packets in all)")
      ->transform(whole_number(1, 65'536))
      ->capture_default_str()
      ->excludes(rate);
  app.add_option("--heartbeat", raw.heartbeat, "idle: each connection pings this often")
      ->capture_default_str();
  app.add_option("--mix", raw.mix_file, "mix: YAML file of a list of {do, share, think, body}");
  app.add_option("--body", options.body_bytes,
                 "bytes of body, or of text; a talk's text has at least 32, a push 24: when it was "
                 "sent, its number, and of a talk whom it is for")
      ->transform(whole_number(0, 1e6))
      ->capture_default_str();
  app.add_option("--threads", options.threads,
                 "connections are divided among them; 0: as many as the open-file limit needs")
      ->transform(whole_number(0, 1024))
      ->capture_default_str();
  app.add_option("--cpu", options.cpus, "pin the threads to these CPUs in turn: 1 or 2,3")
      ->delimiter(',')
      ->check(CLI::Range(0, 1023));
  app.add_option("--connect-rate", options.connect_rate, "connect this many per second at first")
      ->transform(number(kPerSecond));
  app.add_flag("--reconnect", options.reconnect, "open lost connections again");
}

void add_report_options(CLI::App& app, Options& options, RawText& raw) {
  app.add_option(
         "--pid", options.pid,
         "the target's process: its CPU time, also per message answered with Success, memory, "
         "context switches")
      ->transform(whole_number(1, std::numeric_limits<pid_t>::max()));
  app.add_option("--json", options.json_file,
                 "write every number to this file; - is standard output");
  app.add_option("--html", options.html_file, "write a page with charts to this file, or -");
  app.add_option("--fail-if", raw.fail_if,
                 "end with exit code 3 if so: 'p99>20ms', 'errors>0', 'talk.p99.9>=5ms', "
                 "'per_second<1000'; may be given again")
      ->allow_extra_args(false);
}

void add_account_options(CLI::App& app, Options& options) {
  const CLI::Validator plain(plain_text, "TEXT");
  app.add_option("--secret", options.secret, "the gateway's AppSecret, to sign tokens with")
      ->envname("RINGBENCH_SECRET");
  app.add_option("--token", options.token, "log in with this token instead: one connection");
  app.add_flag("--raw", options.raw,
               "ping without a login: for bare_echo, or a gateway for less than its login_wait");
  app.add_option("--account-prefix", options.account_prefix, "accounts are PREFIX000000 and up")
      ->check(plain)
      ->capture_default_str();
  app.add_option("--app", options.app, "the app to log in to")->check(plain)->capture_default_str();
  app.add_option("--command", options.command, "forward: the command sent")
      ->check(plain)
      ->capture_default_str();
  app.add_option("--talk-command", options.talk_command, "talk: the command sent")
      ->check(plain)
      ->capture_default_str();
  app.add_option("--login-command", options.login_command, "the command of a login")
      ->check(plain)
      ->capture_default_str();
}

void add_tls_options(CLI::App& app, Options& options) {
  constexpr const char* kGroup = "TLS (targets of tls:// and wss://)";
  CLI::Option* ca = app.add_option("--tls-ca", options.tls.ca,
                                   "authorities that may sign the target's certificate, in PEM; by "
                                   "default this machine's");
  ca->type_name("FILE")->group(kGroup);
  app.add_flag("!--tls-insecure", options.tls.verify, "do not check who it is that answers")
      ->excludes(ca)
      ->group(kGroup);
  app.add_option("--tls-cert", options.tls.certificate, "a certificate of ringbench's own, in PEM")
      ->type_name("FILE")
      ->group(kGroup);
  app.add_option("--tls-key", options.tls.key, "its key")->type_name("FILE")->group(kGroup);
  app.add_flag("--tls-resume", options.tls_resume,
               "resume a session that one connection was given before, in place of full handshakes")
      ->group(kGroup);
}

void add_service_options(CLI::App& app, Options& options, RawText& raw) {
  ServiceOptions& service = options.service;
  app.add_option("--registry-file", service.registry_file,
                 "play the logic service behind the gateway, and enter it into this RegistryFile")
      ->group("A service of ringbench's own (push needs it)");
  app.add_option("--consul", service.consul_url, "the same, registered at this Consul agent")
      ->group("A service of ringbench's own (push needs it)");
  app.add_option("--service", service.names,
                 "the names it registers under; by default login and what the scenario asks")
      ->delimiter(',')
      ->group("A service of ringbench's own (push needs it)");
  app.add_option("--service-listen", service.listen, "where gateways dial it")
      ->capture_default_str()
      ->group("A service of ringbench's own (push needs it)");
  app.add_option("--lanes", service.lanes, "offer one link per shard of the gateway")
      ->capture_default_str()
      ->group("A service of ringbench's own (push needs it)");
  app.add_option("--service-thread", raw.service_thread,
                 "where it runs: own, shared (with the first of --threads), or auto: shared where "
                 "there is no CPU for it. A thread that is woken for each request is a part of the "
                 "times")
      ->check(CLI::IsMember({"auto", "own", "shared"}))
      ->capture_default_str()
      ->group("A service of ringbench's own (push needs it)");
  app.add_option("--fanout", service.fanout, "push: channels that each packet goes to")
      ->transform(whole_number(1, 100e3))
      ->capture_default_str()
      ->group("A service of ringbench's own (push needs it)");
}

std::expected<void, UsageEnd> read_durations(Options& options, const RawText& raw) {
  struct Named {
    const char* flag;
    const std::string& text;
    std::int64_t& ms;
    bool may_be_zero;
  };
  const std::array<Named, 4> all = {
      Named{"--duration", raw.duration, options.duration_ms, false},
      Named{"--warmup", raw.warmup, options.warmup_ms, true},
      Named{"--drain", raw.drain, options.drain_ms, true},
      Named{"--heartbeat", raw.heartbeat, options.heartbeat_ms, false}};
  for (const Named& one : all) {
    const auto ms = parse_duration_ms(one.text);
    if (!ms) return usage(fmt::format("{}: {}", one.flag, ms.error().message));
    if (*ms == 0 && !one.may_be_zero) {
      return usage(fmt::format("{}: give more than nothing", one.flag));
    }
    one.ms = *ms;
  }
  return {};
}

std::expected<void, UsageEnd> finish(Options& options, const RawText& raw) {
  for (unsigned i = 0; i < kScenarioCount; ++i) {
    if (name_of(static_cast<Scenario>(i)) == raw.scenario) {
      options.scenario = static_cast<Scenario>(i);
    }
  }
  if (auto read = read_durations(options, raw); !read) return read;
  for (const std::string& text : raw.fail_if) {
    auto condition = parse_fail_if(text);
    if (!condition) return usage("--fail-if: " + condition.error().message);
    options.fail_if.push_back(std::move(*condition));
  }
  if ((options.scenario == Scenario::kMix) != !raw.mix_file.empty()) {
    return usage("the scenario mix and --mix FILE go together");
  }
  if (!raw.mix_file.empty()) {
    auto mix = read_mix_file(raw.mix_file);
    if (!mix) return usage(mix.error().message);
    options.mix = std::move(*mix);
  }
  if (!options.token.empty()) {
    // A secret from the environment gives way to a token from the command line.
    if (const char* const from_environment = std::getenv("RINGBENCH_SECRET");
        from_environment != nullptr && options.secret == from_environment) {
      options.secret.clear();
    }
  }
  if (auto checked = check_options(options); !checked) return checked;
  if (auto chosen = choose_service_thread(options, raw.service_thread); !chosen) return chosen;
  if (raw.sources.empty()) return {};
  auto sources = SourceAddresses::parse(raw.sources, options.target.address);
  if (!sources) return usage("--source: " + sources.error().message);
  options.sources = std::move(*sources);
  return {};
}

}  // namespace

Result<std::int64_t> parse_duration_ms(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const double unit_ms = unit == "ms"  ? 1
                         : unit == "s" ? 1000
                         : unit == "m" ? 60'000
                         : unit == "h" ? 3'600'000
                                       : 0;
  if (error != std::errc{} || unit_ms == 0 || !(value >= 0) || value * unit_ms > 7 * 86'400'000.0) {
    return fail(fmt::format("'{}' is no duration: write 500ms, 10s, 2m or 1h, up to a week", text),
                2);
  }
  return static_cast<std::int64_t>(value * unit_ms);
}

std::expected<Options, UsageEnd> parse_options(int argc, const char* const* argv) {
  Options options;
  RawText raw;
  options.service.names.clear();  // by default what the scenario asks: check_options fills them in
  CLI::App app{kAbout, "ringbench"};
  app.footer(kExamples);
  app.set_version_flag("--version", "ringbench " + version_text());
  add_load_options(app, options, raw);
  add_report_options(app, options, raw);
  add_account_options(app, options);
  add_tls_options(app, options);
  add_service_options(app, options, raw);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return std::unexpected(UsageEnd{0, app.help()});
  } catch (const CLI::CallForVersion& version) {
    return std::unexpected(UsageEnd{0, std::string(version.what()) + "\n"});
  } catch (const CLI::ParseError& error) {
    return usage(usage_problem(app, error));
  }
  if (auto finished = finish(options, raw); !finished) return std::unexpected(finished.error());
  return options;
}

}  // namespace ringgate::bench
