// What everyone who asks Consul shares. Owned by the registry; control thread only.
#pragma once

#include <chrono>
#include <random>
#include <string>
#include <utility>

#include "control/base/backoff.h"
#include "control/base/loop.h"
#include "control/discovery/consul/http.h"
#include "control/discovery/consul/options.h"
#include "control/discovery/consul/problems.h"

namespace ringgate::consul {

struct Context {
  ControlLoop& loop;
  Http& http;
  const Options& options;
  Problems& problems;
  std::minstd_rand random{std::random_device{}()};

  [[nodiscard]] std::chrono::milliseconds pause_of(Backoff& backoff) {
    return backoff.next(options.backoff_min, options.backoff_max, random);
  }

  // A fault of one who asks. When Consul refuses our token, its file may hold a newer one.
  void report(const std::string& who, Fault fault) {
    const bool is_denied = fault.trouble == Trouble::kDenied;
    problems.set(who, std::move(fault));
    if (!is_denied || options.token_file.empty()) return;
    if (Result<std::string> token = read_token(options.token_file)) {
      http.use_token(std::move(*token));
    }
  }
};

}  // namespace ringgate::consul
