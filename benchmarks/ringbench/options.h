// What one run of ringbench is to do: the command line, checked. Plain values; parsing is in
// options.cc, a mix file's in mix_file.cc.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/common/address.h"
#include "benchmarks/ringbench/fail_if.h"
#include "benchmarks/ringbench/tally.h"
#include "codec/error.h"
#include "control/base/address.h"
#include "control/tls/client_context.h"
#include "dataplane/transport.h"

namespace ringgate::bench {

enum class Scenario : std::uint8_t {
  kPing,     // basic ping, basic pong
  kForward,  // a request to the echo service and its answer
  kTalk,     // pairs: chat.user.talk, its answer, and the push at the other end
  kPush,     // ringbench's own service pushes to channels; timed from push to receiver
  kLogin,    // connect, log in, close, again
  kIdle,     // heartbeats only, every so often
  kMix,      // what a YAML file says
};
inline constexpr unsigned kScenarioCount = 7;
[[nodiscard]] std::string_view name_of(Scenario scenario) noexcept;
// Whether it is a message of its own there, and not a part of one: what totals and rates count. A
// delivery is a part where clients talk; elsewhere nobody of ours has asked for it.
[[nodiscard]] bool is_main(Action action, Scenario scenario) noexcept;

struct Target {
  std::string text;  // as given: tcp://HOST:PORT or ws://HOST:PORT/PATH, or tls:// or wss://
  Transport transport = Transport::kTcp;
  Address address;   // resolved
  std::string host;  // of a WebSocket's Host header: HOST:PORT
  std::string path;  // of a WebSocket: at least "/"
  bool tls = false;
  Endpoint endpoint;  // with tls: whom certificates have to be for
};

// One line of a mix file. Ranges are uniform and both ends belong to them.
struct MixStep {
  Action action = Action::kPing;  // kPing, kForward or kTalk
  double share = 1;               // of all messages, relative to the other steps
  std::int64_t think_min_ms = 0;  // closed loop: pause after the answer
  std::int64_t think_max_ms = 0;
  unsigned body_min_bytes = 16;
  unsigned body_max_bytes = 16;
};

// The logic service that ringbench plays itself: always for kPush, otherwise when asked for.
struct ServiceOptions {
  bool play = false;
  std::string registry_file;  // where it enters itself: this or consul_url
  std::string consul_url;
  std::vector<std::string> names = {"login"};  // one instance of each, with a listener of its own
  std::string listen = "127.0.0.1:0";          // for each; others get port 0
  bool lanes = true;                           // registered with meta lanes = 1
  bool own_thread = true;                      // false: on the first worker's, between its messages
  unsigned fanout = 1;                         // kPush: channels per pushed packet
};

struct Options {
  Scenario scenario = Scenario::kPing;
  Target target;
  SourceAddresses sources;
  unsigned connections = 64;
  std::int64_t duration_ms = 10'000;
  std::int64_t warmup_ms = 1000;
  std::int64_t drain_ms = 5000;  // at the end: how long answers are waited for
  // Open loop: messages (kLogin: logins, kPush: packets) per second in all. Without it closed loop.
  std::optional<double> rate;
  unsigned in_flight = 1;              // closed loop: messages outstanding per connection
  std::int64_t heartbeat_ms = 30'000;  // kIdle
  std::optional<double> connect_rate;  // connects per second in all while setting up
  unsigned threads = 0;                // at least one, once checked
  std::vector<int> cpus;
  tls::ClientSettings tls;  // of a target with TLS
  bool tls_resume = false;  // all go on from one session, in place of full handshakes
  bool raw = false;  // no login: pings to bare_echo, or to a gateway for less than its login_wait
  std::string account_prefix = "bench";
  std::string app = "kim";
  std::string secret;
  std::string token;
  std::string login_command = "login.signin";
  std::string command = "echo.ping";
  std::string talk_command = "chat.user.talk";
  unsigned body_bytes = 16;
  std::vector<MixStep> mix;
  ServiceOptions service;
  pid_t pid = 0;  // 0: not given
  std::string json_file;
  std::string html_file;
  std::vector<FailIf> fail_if;

  bool reconnect = false;  // a connection that is lost while the run goes on is opened again

  [[nodiscard]] bool open_loop() const noexcept {
    return rate.has_value() || scenario == Scenario::kIdle;
  }
  // Of the timeline: a hundredth of the window, at least 100 ms.
  [[nodiscard]] std::int64_t interval_ms() const noexcept {
    return std::max<std::int64_t>(100, (duration_ms + 99) / 100);
  }
};

// Why there is nothing to run: --help (exit code 0) or a usage error (2).
struct UsageEnd {
  int exit_code = 2;
  std::string text;
};

[[nodiscard]] std::expected<Options, UsageEnd> parse_options(int argc, const char* const* argv);

// `500ms`, `5s`, `1.5s`, `2m`, `1h`.
[[nodiscard]] Result<std::int64_t> parse_duration_ms(std::string_view text);

}  // namespace ringgate::bench
