// What the threads of a run share. Main sets the phase and the window; the others read them, and
// report what ends a run early.
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "benchmarks/ringbench/client_tls.h"
#include "benchmarks/ringbench/run_end.h"
#include "control/base/mutex.h"

namespace ringgate::bench {

inline constexpr std::uint64_t kSecondNs = 1'000'000'000;
inline constexpr std::uint64_t kMillisecondNs = 1'000'000;

[[nodiscard]] inline std::uint64_t monotonic_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kSecondNs +
         static_cast<std::uint64_t>(now.tv_nsec);
}

[[nodiscard]] constexpr std::uint64_t ms_to_ns(std::int64_t ms) noexcept {
  return static_cast<std::uint64_t>(ms) * kMillisecondNs;
}
[[nodiscard]] constexpr double seconds_between(std::uint64_t begin_ns,
                                               std::uint64_t end_ns) noexcept {
  return static_cast<double>(end_ns - begin_ns) / 1e9;
}

enum class Phase : std::uint8_t {
  kService,  // a service on a worker's thread waits for its gateways: nothing connects yet
  kSetUp,    // connect and log in
  kRun,      // warm-up, then the window: nothing is meant to be sent at or after window_end_ns
  kDrain,    // nothing new; what is outstanding is waited for
  kStop,
};

class RunState {
 public:
  std::atomic<Phase> phase{Phase::kSetUp};
  // CLOCK_MONOTONIC; set before kRun begins. When the load is to begin, which every thread is to
  // see before it is there; 0: at once.
  std::atomic<std::uint64_t> load_begin_ns{0};
  // The same; what is measured. The end may be brought forward.
  std::atomic<std::uint64_t> window_begin_ns{std::numeric_limits<std::uint64_t>::max()};
  std::atomic<std::uint64_t> window_end_ns{std::numeric_limits<std::uint64_t>::max()};
  // Set before the workers are there.
  TlsStart tls;
  // The target has taken a connection, of whichever thread.
  std::atomic<bool> took_connections{false};
  // Pushes that have come to clients since the start, of all workers: what a closed loop of pushes
  // waits for. Each worker adds what a batch brought.
  std::atomic<std::uint64_t> pushes_received{0};

  [[nodiscard]] bool in_window(std::uint64_t ns) const noexcept {
    return ns >= window_begin_ns.load(std::memory_order_relaxed) &&
           ns < window_end_ns.load(std::memory_order_relaxed);
  }

  // The first one counts: a sentence that says how to mend it. Main ends the run.
  void fail_once(std::string sentence) { end_once({std::move(sentence), false}); }
  // The same where ringbench or its machine was the limit, and not the target.
  void limit_once(std::string sentence) { end_once({std::move(sentence), true}); }
  [[nodiscard]] std::optional<RunEnd> failure() {
    const MutexLock lock(mutex_);
    return failure_;
  }
  // Why a connection was lost that had been ready. The first one counts.
  void lost_once(std::string_view why) {
    const MutexLock lock(mutex_);
    if (first_loss_.empty()) first_loss_ = why;
  }
  [[nodiscard]] std::string first_loss() const {
    const MutexLock lock(mutex_);
    return first_loss_;
  }

 private:
  void end_once(RunEnd end) {
    const MutexLock lock(mutex_);
    if (!failure_) failure_ = std::move(end);
  }

  mutable Mutex mutex_;
  std::optional<RunEnd> failure_ ABSL_GUARDED_BY(mutex_);
  std::string first_loss_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ringgate::bench
