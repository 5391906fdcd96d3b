// A bound that refuses, told in the log when it begins to and when it has stopped. Plain objects
// without locks, one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "control/observe/episode.h"

namespace ringgate::http {

class Refusals {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // It is over when there has been no refusal for so long.
  static constexpr std::chrono::seconds kQuiet{60};

  // `total`: how many there have been so far. `text`: a sentence that says how to mend it.
  void update(std::uint64_t total, std::string text, Time now);

 private:
  Episode episode_;
  std::uint64_t total_ = 0;
  Time last_;
  bool lasting_ = false;
};

}  // namespace ringgate::http
