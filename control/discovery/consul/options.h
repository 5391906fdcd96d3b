// Where Consul is and how it is asked. Plain values.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "control/base/error.h"

namespace ringgate::consul {

struct Options {
  using Duration = std::chrono::milliseconds;

  std::string url;         // "http://host:port" or "https://host:port", as parse_url() has it.
  std::string token;       // Sent as X-Consul-Token; empty: none.
  std::string token_file;  // Where the token is; read again when Consul refuses the one we have.
  std::string ca_file;     // PEM; empty: the authorities that the machine trusts.
  std::string datacenter;  // Empty: the agent's own.
  bool stale = false;      // Any server may answer, not only the leader.
  std::string tag;         // Only services with this tag; empty: all.

  Duration wait{60'000};  // How long a question may wait for a change.
  Duration check_interval{10'000};
  Duration check_timeout{1'000};
  Duration deregister_after{20'000};  // Of being critical; Consul makes it a minute at least.
  Duration recheck{5'000};            // How often we look whether the agent still knows us.
  Duration backoff_min{100};
  Duration backoff_max{10'000};
  Duration margin{5'000};           // What a question may take beyond its wait.
  Duration request_timeout{5'000};  // Of questions that do not wait.
  Duration min_pause{50};           // Between two questions about the same service.
};

// "host:port" (http), "http://host:port" or "https://host:port" to the spelling with the scheme.
Result<std::string> parse_url(std::string_view text);

// Of the file's first line.
Result<std::string> read_token(const std::string& file);

}  // namespace ringgate::consul
