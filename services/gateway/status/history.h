// What a gateway did in each of the last seconds, for the status page and `ringgate top`: somebody
// who looks later sees what was before.
//
// Written by the control thread, about every second; read by any thread, under a lock that is held
// for no longer than a copy takes. Memory is taken at start.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/mutex.h"
#include "dataplane/close_reason.h"

namespace ringgate {

class JsonWriter;

// Sums over all shards: two gauges, then counters since the start.
struct StatusTotals {
  std::uint64_t clients = 0;
  std::uint64_t channels = 0;
  std::uint64_t logins = 0;
  std::uint64_t logins_bad = 0;  // refused, or failed
  std::uint64_t in = 0;          // packets of clients
  std::uint64_t out = 0;         // packets to clients
  std::uint64_t errors = 0;      // requests answered with 300
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::array<std::uint64_t, CloseReason::kMost> closed{};
};

// The same of one instance.
struct InstanceTotals {
  std::uint64_t forwarded = 0;
  std::uint64_t failed = 0;
  std::uint64_t answered = 0;
  std::uint64_t unanswered = 0;
  std::uint64_t took_us = 0;
};
struct InstanceRates {
  double forwarded = 0;   // these in a second
  double failed = 0;      // could not be sent, or had no answer
  double answer_ms = -1;  // of one answer, on average; below 0: there was none
};

class StatusHistory {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Instances = std::map<std::uint32_t, InstanceTotals>;  // by upstream

  explicit StatusHistory(std::size_t samples) : most_(samples) {}

  // --- The control thread
  void add(const StatusTotals& totals, const Instances& instances, Time now, std::int64_t unix_ms);
  // Over the last ten seconds.
  [[nodiscard]] InstanceRates rates_of(std::uint32_t upstream) const;

  // --- Any thread
  // "history": {"next", "fields", "samples"} of what came at `since` or later, as "next" of an
  // earlier answer has it; 0: all. "closes": [{"reason", "lastMinute", "all"}], the most frequent
  // first; `name_of` a reason.
  template <class NameOf>
  void write(JsonWriter& json, std::uint64_t since, NameOf&& name_of) const {
    write_samples(json, since);
    std::vector<Closes> closes = recent_closes();
    for (Closes& one : closes) one.name = name_of(one.reason);
    write_closes(json, closes);
  }

 private:
  // Rates in a second.
  struct Sample {
    std::int64_t unix_ms = 0;
    std::uint64_t clients = 0;
    std::uint64_t channels = 0;
    std::array<double, 7> rates{};
    std::array<std::uint32_t, CloseReason::kMost> closed{};
  };
  struct Closes {
    CloseReason reason;
    std::string_view name{};
    std::uint64_t last_minute = 0;
    std::uint64_t all = 0;  // of the samples that are kept
  };
  struct InstancePoint {
    Time at;
    Instances totals;
  };

  void write_samples(JsonWriter& json, std::uint64_t since) const;
  [[nodiscard]] std::vector<Closes> recent_closes() const;
  static void write_closes(JsonWriter& json, const std::vector<Closes>& closes);

  const std::size_t most_;
  // The control thread's alone.
  StatusTotals last_;
  Time last_at_{};
  std::deque<InstancePoint> instances_;

  mutable Mutex mutex_;
  std::deque<Sample> samples_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;  // the number of the sample to come
};

}  // namespace ringgate
