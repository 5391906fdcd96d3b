// Conditions that make a run a failure: `p99>20ms`, `errors>0`, `per_second<50000`.
// Plain values, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "codec/error.h"

namespace ringgate::bench {

struct Measurement;
struct Options;

struct FailIf {
  enum class Compare : std::uint8_t { kAbove, kAtLeast, kBelow, kAtMost, kEqual, kNotEqual };

  std::string text;    // as given
  std::string metric;  // checked to be known
  Compare compare = Compare::kAbove;
  double value = 0;  // in the metric's own unit: times in us
};

// METRIC OP VALUE, blanks allowed. Metrics: mean, p50, p90, p99, p99.9, p99.99, max (times, with a
// unit: us, ms, s), sent, answered, late, failed, per_second, all of these also of one action
// (`talk.p99`, `cycle.failed`); lag_p99 (a time); errors, an error's kind, connects, logins,
// retries, came_again, lost_packets; cpu_us (of the target per message), rss_mb (the target's
// highest, in millions of bytes). The error lists them.
[[nodiscard]] Result<FailIf> parse_fail_if(std::string_view text);

struct FailIfOutcome {
  double value = 0;   // what was measured
  bool known = true;  // false: it was not measured (cpu_us without --pid); counts as failed
  // A time among those without an answer: the true one is this or longer. Counts as failed.
  bool at_least = false;
  bool failed = false;
};
[[nodiscard]] FailIfOutcome evaluate(const FailIf& condition, const Measurement& measured,
                                     const Options& options);
// Did any condition of the options come true, or could not be judged? Then ringbench fails.
[[nodiscard]] bool any_failed(const Measurement& measured, const Options& options);

// The measured value for people: "1.24 ms", "3", "not measured: give --pid".
[[nodiscard]] std::string measured_text(const FailIf& condition, const FailIfOutcome& outcome);

}  // namespace ringgate::bench
