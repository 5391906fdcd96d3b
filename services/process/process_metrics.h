// What is told of the process as a whole: which build it is, what it takes of its machine (under
// the names that Prometheus' client libraries use), its log, its reloads.
#pragma once

#include <atomic>
#include <cstdint>

#include "control/observe/metrics.h"

namespace ringgate {

// Reloads of the configuration. Noted on the control thread, read on any.
class ReloadCounts {
 public:
  void note(bool good) noexcept;
  void collect(MetricsSnapshot& metrics) const;

 private:
  std::atomic<std::uint64_t> good_ = 0;
  std::atomic<std::uint64_t> bad_ = 0;
  std::atomic<bool> last_was_good_ = true;
  std::atomic<std::int64_t> last_good_s_ = 0;  // Unix time; 0: there was none
};

// What the system does not tell is left out. Any thread.
void collect_process(MetricsSnapshot& metrics);

}  // namespace ringgate
