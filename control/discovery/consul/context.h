// What everyone who asks Consul shares. Owned by the registry; control thread only.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <utility>

#include "control/base/loop.h"
#include "control/discovery/consul/http.h"
#include "control/discovery/consul/options.h"
#include "control/discovery/consul/problems.h"

namespace ringgate {

struct ConsulContext {
  ControlLoop& loop;
  ConsulHttp& http;
  const ConsulOptions& options;
  ConsulProblems& problems;
  std::minstd_rand random{std::random_device{}()};

  // A fault of one who asks. When Consul refuses our token, its file may hold a newer one.
  void report(const std::string& who, ConsulFault fault) {
    const bool is_denied = fault.trouble == ConsulTrouble::kDenied;
    problems.set(who, std::move(fault));
    if (!is_denied || options.token_file.empty()) return;
    if (Result<std::string> token = read_consul_token(options.token_file)) {
      http.use_token(std::move(*token));
    }
  }
};

// Pauses that double from one failure to the next, with jitter: processes that lost the same agent
// do not come back in step.
class ConsulBackoff {
 public:
  std::chrono::milliseconds next(ConsulContext& context) {
    const ConsulOptions& options = context.options;
    pause_ = std::clamp(pause_ * 2, options.backoff_min, options.backoff_max);
    std::uniform_real_distribution<double> share(0.5, 1.0);
    return std::chrono::ceil<std::chrono::milliseconds>(pause_ * share(context.random));
  }
  void reset() { pause_ = std::chrono::milliseconds(0); }

 private:
  std::chrono::milliseconds pause_{0};
};

}  // namespace ringgate
