// What a run measured, ready to be told: as text for people, as JSON for scripts, as a page.
// Plain values; run.cc builds one when all workers have ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/common/histogram.h"
#include "benchmarks/ringbench/options.h"
#include "benchmarks/ringbench/process_sample.h"
#include "benchmarks/ringbench/tally.h"

namespace ringgate::bench {

struct Measurement {
  double set_up_s = 0;    // until all connections were ready
  double window_s = 0;    // as it really was
  double interval_s = 1;  // of the timeline
  Tally tally;            // of all workers
  // Between the two readings at the window's ends: what CPU times are divided by. Messages that
  // began before the window and ended in it count here, and not in the tally.
  std::uint64_t messages = 0;
  std::optional<ProcessUse> target;  // with --pid
  ProcessUse own;
  std::vector<ProcessSample> target_samples;  // one for each interval, and one before the first
  std::vector<ProcessSample> own_samples;
  bool stopped_early = false;

  // Of all actions but the deliveries of talks: what the scenario is about.
  [[nodiscard]] Histogram times(const Options& options) const;
  // kDelivery for kPush; of a mix its first step's.
  [[nodiscard]] Action main_action(const Options& options) const;
  // Those that happened, and the main one.
  [[nodiscard]] std::vector<Action> used_actions(const Options& options) const;
  [[nodiscard]] std::uint64_t sent() const;  // all actions, deliveries among them
  [[nodiscard]] std::uint64_t answered() const;
  [[nodiscard]] std::uint64_t failed() const;
  [[nodiscard]] double per_second() const;  // answered over the window
  [[nodiscard]] double per_second(std::uint64_t count) const;
  // Logins a second while setting up; nothing when there were none.
  [[nodiscard]] std::optional<double> set_up_logins_per_second(const Options& options) const;
  // Nothing without messages.
  [[nodiscard]] std::optional<double> per_message_us(double cpu_ns) const;
  [[nodiscard]] double share_of_window(std::uint64_t ns) const;  // 1: all of it
  // The largest of the use and its samples.
  [[nodiscard]] static std::uint64_t rss_peak_bytes(const ProcessUse& use,
                                                    const std::vector<ProcessSample>& samples);
  // Sentences for people, empty when all is well: the generator was the limit (its busiest thread
  // above 90 % of the window while the target's was below 80 %), it fell behind its schedule (lag
  // p99 above 1 ms in open loop), it waited for a CPU, so did the target, the window was cut short.
  [[nodiscard]] std::vector<std::string> warnings(const Options& options) const;
  // Known only of a target whose --pid was given.
  [[nodiscard]] bool generator_is_bottleneck() const;
};

[[nodiscard]] std::string as_text(const Measurement& measured, const Options& options);
[[nodiscard]] std::string as_json(const Measurement& measured, const Options& options);
// One self-contained page: numbers, percentiles, rate and errors over time, the target's CPU.
[[nodiscard]] std::string as_html(const Measurement& measured, const Options& options);

}  // namespace ringgate::bench
