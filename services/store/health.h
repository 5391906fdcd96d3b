// Whether a store can do what it is for, as its thread has seen it last.
//
// The store's thread writes; problem() and collect() are for any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/mutex.h"
#include "control/observe/episode.h"
#include "control/observe/metrics.h"

namespace ringgate {

// What is wrong with the store: a bounded set, the label of a metric.
enum class StoreTrouble : std::uint8_t {
  kConnection,  // there is none, or it broke
  kTimeout,     // no answer in time
  kFull,        // it takes no more: OOM
  kReadOnly,    // a replica, or one without its master
  kDenied,      // it wants a password, or does not let us do that
  kLoading,     // it is reading its data
  kAnswer,      // an answer of a type that the command does not have
  kSchema,      // tables that are not ours, or of a newer ringgate
  kOther,       // another error
  kCount,
};
[[nodiscard]] std::string_view describe(StoreTrouble trouble) noexcept;

// By what a Redis error says; since Redis 7 it begins with its code, before, an error of a script
// has it somewhere in its text.
[[nodiscard]] StoreTrouble trouble_of(std::string_view redis_error) noexcept;

class StoreHealth {
 public:
  // Sentences call it "the session store redis 127.0.0.1:6379"; in metrics it is "sessions".
  // It is not well until it has shown that it is.
  explicit StoreHealth(const std::string& address, std::string_view kind = "session");

  // --- The store's thread --------------------------------------------------------------------
  void well();
  // Counted too. `why` may be another server's words: what is not printable is replaced.
  void ill(StoreTrouble trouble, std::string_view why);
  void count(StoreTrouble trouble) noexcept;
  // What else has a line in the log and in /ready: message ids cannot be given out.
  void set_ids_problem(std::optional<std::string> text);
  // What it is called from now on.
  void set_address(const std::string& address);
  void turned(std::uint64_t now_ms) noexcept {
    turned_ms_.store(now_ms, std::memory_order_relaxed);
  }

  // --- Any thread ----------------------------------------------------------------------------
  // A sentence when it does not work.
  [[nodiscard]] std::optional<std::string> problem() const;
  [[nodiscard]] std::optional<std::string> ids_problem() const;
  [[nodiscard]] bool is_well() const noexcept { return well_.load(std::memory_order_relaxed); }
  void collect(MetricsSnapshot& metrics, const std::string& service) const;

 private:
  const std::string kind_;
  std::atomic<bool> well_{false};
  std::atomic<std::uint64_t> turned_ms_;  // of CLOCK_MONOTONIC
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(StoreTrouble::kCount)> counts_{};
  mutable Mutex mutex_;
  std::string name_ ABSL_GUARDED_BY(mutex_);
  bool answered_once_ ABSL_GUARDED_BY(mutex_) = false;
  Episode illness_ ABSL_GUARDED_BY(mutex_);
  std::array<bool, static_cast<std::size_t>(StoreTrouble::kCount)> told_ ABSL_GUARDED_BY(mutex_){};
  Episode no_ids_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ringgate
