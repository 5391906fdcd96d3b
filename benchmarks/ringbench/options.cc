#include "benchmarks/ringbench/options.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

namespace ringgate::bench {
namespace {

constexpr rlim_t kOwnFiles = 32;  // standard streams, rings, /proc and the like

constexpr const char* kAbout =
    "A small closed-loop load generator: each connection sends a message, waits for its answer, "
    "and sends the next. Prints the rate, the times and, with --pid, the target's CPU time per "
    "message. Its times are not latency under load: a slow target is asked less often.";

constexpr const char* kExamples =
    "Examples:\n"
    "  ringbench ping --raw --target tcp://127.0.0.1:9000 --pid $(pidof bare_echo)\n"
    "  RINGGATE_APPSECRET=... ringbench forward --target tcp://127.0.0.1:8001 --connections 512\n"
    "Exit codes: 0 measured, 1 nothing measured (the sentence says why), 2 usage.";

std::string plain_text(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != ',';
  });
  return plain ? "" : "use letters and digits only: it is written into tokens as it is";
}

std::unexpected<UsageEnd> usage(std::string sentence) {
  return std::unexpected(UsageEnd{2, std::move(sentence)});
}

std::expected<void, UsageEnd> check_login(const Options& options) {
  if (options.raw) {
    if (options.mode == Mode::kForward) {
      return usage("a gateway forwards nothing before login: leave out --raw, or use ping");
    }
    return {};
  }
  if (options.secret.empty() == options.token.empty()) {
    return usage(
        "to log in, give either --secret (the gateway's AppSecret) or --token; or --raw to ping "
        "without a login");
  }
  if (!options.token.empty() && options.connections > 1) {
    return usage(
        "one --token is one account, and each login would end the one before: give --secret, or "
        "--connections 1");
  }
  return {};
}

std::expected<void, UsageEnd> check_limits(const Options& options) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  if (options.connections + kOwnFiles > files.rlim_cur) {
    return usage(fmt::format(
        "{} connections do not fit under the limit of {} open files: raise `ulimit -n`, or start "
        "several ringbench with different --account-prefix",
        options.connections, files.rlim_cur));
  }
  if (options.threads > options.connections) {
    return usage("more --threads than --connections: some would have nothing to do");
  }
  return {};
}

std::expected<void, UsageEnd> read_target(Options& options) {
  constexpr std::string_view kScheme = "tcp://";
  if (!options.target.starts_with(kScheme)) {
    return usage(fmt::format("cannot drive '{}': write --target tcp://HOST:PORT", options.target));
  }
  const auto address = resolve_address(std::string_view(options.target).substr(kScheme.size()));
  if (!address) return usage(address.error().message);
  options.address = *address;
  return {};
}

struct RawText {
  std::string mode;
  std::string duration = "5s";
  std::string warmup = "1s";
};

void add_load_options(CLI::App& app, Options& options, RawText& raw) {
  app.add_option("mode", raw.mode,
                 "ping: basic ping and pong; forward: a logic packet and its answer")
      ->required()
      ->check(CLI::IsMember({"ping", "forward"}));
  app.add_option("--target", options.target, "tcp://HOST:PORT")->required();
  app.add_option("--connections", options.connections, "connections in all")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
  app.add_option("--duration", raw.duration, "how long to measure: 500ms, 5s, 2m")
      ->capture_default_str();
  app.add_option("--warmup", raw.warmup, "how long to run before measuring")->capture_default_str();
  app.add_option("--pid", options.pid, "the target's process: prints its CPU time per message")
      ->check(CLI::PositiveNumber);
  app.add_option("--json", options.json_file, "also write every number to this file");
  app.add_option("--threads", options.threads, "connections are divided among them")
      ->check(CLI::Range(1U, 256U))
      ->capture_default_str();
  app.add_option("--cpu", options.cpus, "pin the threads to these CPUs in turn: 1 or 2,3")
      ->delimiter(',')
      ->check(CLI::Range(0, 1023));
}

void add_message_options(CLI::App& app, Options& options) {
  const CLI::Validator plain(plain_text, "TEXT");
  app.add_flag("--raw", options.raw,
               "ping without a login: for bare_echo, or a gateway for less than its login_wait");
  app.add_option("--account-prefix", options.account_prefix, "accounts are PREFIX000000 and up")
      ->check(plain)
      ->capture_default_str();
  app.add_option("--app", options.app, "the app to log in to")->check(plain)->capture_default_str();
  app.add_option("--secret", options.secret, "the gateway's AppSecret, to sign tokens with")
      ->envname("RINGGATE_APPSECRET");
  app.add_option("--token", options.token, "log in with this token instead");
  app.add_option("--command", options.command, "forward: the command sent")
      ->check(plain)
      ->capture_default_str();
  app.add_option("--body", options.body_bytes, "forward: bytes of body")
      ->check(CLI::Range(0U, 60'000U))
      ->capture_default_str();
}

std::expected<void, UsageEnd> finish(Options& options, const RawText& raw) {
  options.mode = raw.mode == "ping" ? Mode::kPing : Mode::kForward;
  const auto duration = parse_duration_ms(raw.duration);
  const auto warmup = parse_duration_ms(raw.warmup);
  if (!duration) return usage("--duration: " + duration.error().message);
  if (!warmup) return usage("--warmup: " + warmup.error().message);
  if (*duration == 0) return usage("--duration: measure for longer than nothing");
  options.duration_ms = *duration;
  options.warmup_ms = *warmup;
  if (!options.token.empty()) {
    // A secret from the environment gives way to a token from the command line.
    if (auto from_environment = std::getenv("RINGGATE_APPSECRET");
        from_environment != nullptr && options.secret == from_environment) {
      options.secret.clear();
    }
  }
  if (auto checked = check_login(options); !checked) return checked;
  if (auto checked = check_limits(options); !checked) return checked;
  return read_target(options);
}

}  // namespace

Result<std::int64_t> parse_duration_ms(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const double unit_ms = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60'000 : 0;
  if (error != std::errc{} || unit_ms == 0 || !(value >= 0) || value * unit_ms > 86'400'000) {
    return fail(fmt::format("'{}' is no duration: write 500ms, 5s or 2m, up to a day", text), 2);
  }
  return static_cast<std::int64_t>(value * unit_ms);
}

std::expected<Options, UsageEnd> parse_options(int argc, const char* const* argv) {
  Options options;
  RawText raw;
  CLI::App app{kAbout, "ringbench"};
  app.footer(kExamples);
  add_load_options(app, options, raw);
  add_message_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return std::unexpected(UsageEnd{0, app.help()});
  } catch (const CLI::ParseError& error) {
    return usage(fmt::format("{} (see ringbench --help)", error.what()));
  }
  if (auto finished = finish(options, raw); !finished) return std::unexpected(finished.error());
  return options;
}

}  // namespace ringgate::bench
