// What the threads of a run share. Main sets the phase and the window; the others read them, and
// report what ends a run early.
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace ringgate::bench {

inline constexpr std::uint64_t kSecondNs = 1'000'000'000;
inline constexpr std::uint64_t kMillisecondNs = 1'000'000;

[[nodiscard]] inline std::uint64_t monotonic_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kSecondNs +
         static_cast<std::uint64_t>(now.tv_nsec);
}

enum class Phase : std::uint8_t {
  kSetUp,  // connect and log in
  kRun,    // warm-up, then the window: nothing is meant to be sent at or after window_end_ns
  kDrain,  // nothing new; what is outstanding is waited for
  kStop,
};

class RunState {
 public:
  std::atomic<Phase> phase{Phase::kSetUp};
  // CLOCK_MONOTONIC; set before kRun begins. The end may be brought forward.
  std::atomic<std::uint64_t> window_begin_ns{std::numeric_limits<std::uint64_t>::max()};
  std::atomic<std::uint64_t> window_end_ns{std::numeric_limits<std::uint64_t>::max()};
  // Pushes that have come to clients since the start, of all workers: what a closed loop of pushes
  // waits for. Each worker adds what a batch brought.
  std::atomic<std::uint64_t> pushes_received{0};

  [[nodiscard]] bool in_window(std::uint64_t ns) const noexcept {
    return ns >= window_begin_ns.load(std::memory_order_relaxed) &&
           ns < window_end_ns.load(std::memory_order_relaxed);
  }

  // The first one counts: a sentence that says how to mend it. Main ends the run.
  void fail_once(std::string sentence) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(sentence);
  }
  [[nodiscard]] std::optional<std::string> failure() {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

 private:
  std::mutex mutex_;
  std::optional<std::string> failure_;
};

}  // namespace ringgate::bench
