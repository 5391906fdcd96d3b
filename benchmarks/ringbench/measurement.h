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
#include "benchmarks/ringbench/run_end.h"
#include "benchmarks/ringbench/tally.h"

namespace ringgate::bench {

inline constexpr double kBusyGenerator = 0.9;  // of the window, its busiest thread

// Of what was due, or of the connections that were asked for: so much may be missing.
inline constexpr double kMissable = 0.01;
// Messages: what is on its way at the ends of a window.
inline constexpr std::uint64_t kFew = 2;

struct Measurement {
  double service_wait_s = 0;  // until a gateway had dialled the service that ringbench plays
  double set_up_s = 0;        // from the first connect until all connections were ready
  double window_s = 0;        // as it really was
  double sampled_s = 0;       // between the readings of processes at its ends
  double interval_s = 1;      // of the timeline
  Tally tally;                // of all workers
  // Answered between the two readings at the window's ends: what CPU times are divided by.
  std::uint64_t messages = 0;
  std::optional<ProcessUse> target;      // with --pid
  std::optional<std::string> pid_doubt;  // a sentence: that process is not the target's
  ProcessUse own;
  std::vector<ProcessSample> target_samples;  // one for each interval, and one before the first
  std::vector<ProcessSample> own_samples;
  bool stopped_early = false;
  std::uint64_t connections_lost = 0;  // those asked for that were not up when the drain ended
  // By what, or why it was not what was asked for all the same; nothing where its time was over.
  std::optional<RunEnd> ended;

  // Of all actions that are messages of their own (is_main): what the scenario is about.
  [[nodiscard]] Times times(const Options& options) const;
  // kDelivery for kPush; of a mix its first step's.
  [[nodiscard]] Action main_action(const Options& options) const;
  // Those that happened, and the main one.
  [[nodiscard]] std::vector<Action> used_actions(const Options& options) const;
  // Of the same.
  [[nodiscard]] std::uint64_t sum(const Options& options, std::uint64_t ActionTally::* count) const;
  // Of the same: what left, of what was due in the window.
  [[nodiscard]] std::uint64_t sent(const Options& options) const;
  // No message was answered with Success, neither of those that were due in the window nor in it.
  [[nodiscard]] bool nothing(const Options& options) const;
  // None of those that were due in the window was answered with Success within it.
  [[nodiscard]] bool all_late(const Options& options) const;
  // Of the same messages: those without an answer, or with another status than Success; and those
  // that were answered and whose delivery failed. Where both failed it is one message.
  [[nodiscard]] std::uint64_t failed(const Options& options) const;
  // Those that were answered with another status than Success, or wrongly.
  [[nodiscard]] std::uint64_t refused(const Options& options) const;
  [[nodiscard]] double per_second(const Options& options) const;  // answered in the window, over it
  [[nodiscard]] double per_second(std::uint64_t count) const;
  // Whether as many were answered in the window as were due in it, but for one in a hundred.
  // Nothing in a closed loop.
  [[nodiscard]] std::optional<bool> kept_rate(const Options& options) const;
  // Logins a second while setting up; nothing when there were none.
  [[nodiscard]] std::optional<double> set_up_logins_per_second(const Options& options) const;
  // Nothing without messages.
  [[nodiscard]] std::optional<double> per_message_us(double cpu_ns) const;
  [[nodiscard]] double share_of_window(
      std::uint64_t ns) const;  // between the readings; 1: all of it
  // The largest of the use and its samples.
  [[nodiscard]] static std::uint64_t rss_peak_bytes(const ProcessUse& use,
                                                    const std::vector<ProcessSample>& samples);
  // Sentences for people, empty when all is well: the generator was the limit (its busiest thread
  // above 90 % of the window while the target's was below 80 %), it fell behind its schedule (lag
  // p99 above 1 ms in open loop), it waited for a CPU, so did the target, the window was cut short,
  // the target did not keep the rate, refused more than one in a hundred, or did not deliver.
  [[nodiscard]] std::vector<std::string> warnings(const Options& options) const;
  // Why something else than what was asked was measured, where that was ringbench's or its
  // machine's doing, if not theirs alone: its socket calls were refused, it was behind its
  // schedule, its connections were too few, or it was the bottleneck of an open loop that did not
  // keep its rate.
  [[nodiscard]] std::optional<std::string> own_limit(const Options& options) const;
  // Of the messages that were due in the window, or of the answers in it, whenever they were due,
  // more than one in a hundred had another status than Success, or were wrong.
  [[nodiscard]] bool refused_much(const Options& options) const;
  // ringbench or its machine was the limit (own_limit), or was busier than the target without harm.
  [[nodiscard]] bool generator_is_bottleneck(const Options& options) const;
  // Its processors alone. Known only of a target whose --pid was given.
  [[nodiscard]] bool generator_is_busiest() const;
};

// Of ringbench: 0 measured; 1 nothing was answered; 3 a --fail-if came true, or could not be
// decided; 4 measured, but not what was asked: so, too, where only what was due before the window
// was answered.
[[nodiscard]] int exit_code(const Measurement& measured, const Options& options);
// The sentence to it, where it is not 0.
[[nodiscard]] std::string why_not_green(const Measurement& measured, const Options& options);

// What follows on "so many connections were lost": by what the first one was, and what to do.
[[nodiscard]] std::string lost_by(std::string_view first_loss);

[[nodiscard]] std::string as_text(const Measurement& measured, const Options& options);
[[nodiscard]] std::string as_json(const Measurement& measured, const Options& options);
// One self-contained page: numbers, percentiles, rate and errors over time, the target's CPU.
[[nodiscard]] std::string as_html(const Measurement& measured, const Options& options);

}  // namespace ringgate::bench
