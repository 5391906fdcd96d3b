#include "benchmarks/ringbench/options_check.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "benchmarks/ringbench/client_tls.h"
#include "benchmarks/ringbench/push_body.h"
#include "control/base/dial_order.h"

namespace ringgate::bench {
namespace {

std::unexpected<UsageEnd> usage(std::string sentence) {
  return std::unexpected(UsageEnd{2, std::move(sentence)});
}

bool talks(const Options& options) {
  return options.scenario == Scenario::kTalk ||
         std::ranges::any_of(options.mix,
                             [](const MixStep& step) { return step.action == Action::kTalk; });
}

std::expected<void, UsageEnd> check_login(const Options& options) {
  if (options.raw) {
    if (options.scenario != Scenario::kPing && options.scenario != Scenario::kIdle) {
      return usage(
          "a gateway takes nothing but pings before a login: leave out --raw, or use "
          "the scenario ping or idle");
    }
    return {};
  }
  if (options.secret.empty() == options.token.empty()) {
    return usage(
        "to log in, give either --secret (the gateway's AppSecret; RINGBENCH_SECRET in the "
        "environment is the same) or --token; or --raw to ping without a login");
  }
  if (!options.token.empty() && options.connections > 1) {
    return usage(
        "one --token is one account, and each login would end the one before: give --secret, or "
        "--connections 1");
  }
  return {};
}

std::expected<void, UsageEnd> check_scenario(const Options& options) {
  if (talks(options) && options.connections % 2 != 0) {
    return usage("talks are between pairs: give an even number of --connections");
  }
  if (options.scenario == Scenario::kIdle && options.rate) {
    return usage("idle has its rate from --heartbeat and --connections: leave out --rate");
  }
  if (options.scenario == Scenario::kLogin && options.in_flight > 1) {
    return usage("a connection logs in once: give more --connections, not --in-flight");
  }
  return {};
}

std::expected<void, UsageEnd> check_service(Options& options) {
  ServiceOptions& service = options.service;
  if (!service.registry_file.empty() && !service.consul_url.empty()) {
    return usage("give either --registry-file or --consul, the one that the gateway looks in");
  }
  service.play = !service.registry_file.empty() || !service.consul_url.empty();
  if (options.scenario == Scenario::kPush && !service.play) {
    return usage(
        "push plays the login service behind the gateway: give --registry-file (the gateway's "
        "RegistryFile) or --consul (its ConsulURL)");
  }
  if (options.scenario == Scenario::kPush) {
    options.body_bytes = std::max<unsigned>(options.body_bytes, kPushStampBytes);
    if (options.connections % service.fanout != 0) {
      return usage(fmt::format(
          "{} connections are no whole number of packets to {} each: give a --fanout that divides "
          "--connections",
          options.connections, service.fanout));
    }
  }
  if (service.play && service.names.empty()) {
    service.names = {"login"};
    if (options.scenario == Scenario::kForward || options.scenario == Scenario::kMix) {
      service.names.emplace_back(options.command.substr(0, options.command.find('.')));
    }
    if (talks(options)) {
      service.names.emplace_back(options.talk_command.substr(0, options.talk_command.find('.')));
    }
  }
  return {};
}

std::expected<void, UsageEnd> choose_threads(Options& options) {
  const unsigned each = connections_per_thread();
  const unsigned needed = (options.connections + each - 1) / each;
  if (options.threads == 0) options.threads = needed;
  if (options.threads < needed) {
    return usage(fmt::format(
        "{} connections take {} --threads here: a ring holds at most {}, the limit of open files "
        "(`ulimit -n`); --threads 0 takes as many as needed",
        options.connections, needed, each));
  }
  const unsigned most = talks(options) ? options.connections / 2 : options.connections;
  if (options.threads > most) {
    return usage("more --threads than connections for them: some would have nothing to do");
  }
  return {};
}

// Of a name with several addresses the one that connects first: all connections go to one of them.
Address answering(const std::vector<Address>& addresses) {
  constexpr std::chrono::seconds kLimit{2};
  if (addresses.size() == 1) return addresses.front();
  std::vector<SocketAddress> all;
  all.reserve(addresses.size());
  for (const Address& address : addresses) all.push_back({address.storage, address.bytes});
  const FirstConnected first = connect_first(std::move(all), kLimit);
  return first.fd ? Address{first.peer.storage, first.peer.length} : addresses.front();
}

std::expected<void, UsageEnd> read_target(Target& target) {
  constexpr std::string_view kMark = "://";
  std::string_view rest = target.text;
  const std::size_t mark = std::min(rest.find(kMark), rest.size());
  const std::string_view scheme = rest.substr(0, mark);
  rest.remove_prefix(std::min(mark + kMark.size(), rest.size()));
  target.tls = scheme == "tls" || scheme == "wss";
  if (scheme == "ws" || scheme == "wss") {
    target.transport = Transport::kWebSocket;
    const std::size_t slash = rest.find('/');
    target.path = slash == std::string_view::npos ? "/" : std::string(rest.substr(slash));
    rest = rest.substr(0, slash);
  } else if (scheme != "tcp" && scheme != "tls") {
    return usage(fmt::format(
        "cannot drive '{}': write --target tcp://HOST:PORT or ws://HOST:PORT/PATH, or tls:// or "
        "wss:// for the same over TLS",
        target.text));
  }
  target.host = rest;
  const auto addresses = resolve_addresses(rest);
  if (!addresses) return usage("--target: " + addresses.error().message);
  target.address = answering(*addresses);
  if (auto endpoint = parse_endpoint(rest)) target.endpoint = std::move(*endpoint);
  return {};
}

std::expected<void, UsageEnd> check_tls(const Options& options) {
  if (!options.target.tls && (options.tls_resume || options.tls != tls::ClientSettings{})) {
    return usage("--tls-... is for targets of tls:// and wss://");
  }
  if (auto start = make_tls_start(options); !start) return usage(start.error().message);
  return {};
}

}  // namespace

unsigned connections_per_thread() {
  constexpr rlim_t kMost = 1U << 20;  // slots that a ring's table can have at all
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  return static_cast<unsigned>(std::min(files.rlim_cur, kMost));
}

std::expected<void, UsageEnd> choose_service_thread(Options& options, std::string_view how) {
  const bool push = options.scenario == Scenario::kPush;
  if (push && how == "shared") {
    return usage("pushes come at their own pace: leave out --service-thread shared");
  }
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  sched_getaffinity(0, sizeof cpus, &cpus);
  const unsigned pinned = static_cast<unsigned>(options.cpus.size());
  const unsigned workers = pinned == 0 ? options.threads : std::min(options.threads, pinned);
  const unsigned target = options.target.address.is_ipv4_loopback() ? 1 : 0;  // it needs one, too
  const bool spare = static_cast<unsigned>(CPU_COUNT(&cpus)) > workers + target;
  options.service.own_thread = push || how == "own" || (how == "auto" && spare);
  return {};
}

std::expected<void, UsageEnd> check_options(Options& options) {
  for (const auto check : {check_login, check_scenario}) {
    if (auto checked = check(options); !checked) return checked;
  }
  if (auto checked = check_service(options); !checked) return checked;
  if (auto chosen = choose_threads(options); !chosen) return chosen;
  if (options.json_file == "-" && options.html_file == "-") {
    return usage("standard output is one: give either --json or --html a file");
  }
  if (!options.json_file.empty() && options.json_file == options.html_file) {
    return usage("--json and --html name the same file: one would replace the other");
  }
  if (auto read = read_target(options.target); !read) return read;
  return check_tls(options);
}

}  // namespace ringgate::bench
