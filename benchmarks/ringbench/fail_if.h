// Conditions that make a run a failure: `p99>20ms`, `errors>0`, `per_second<50000`.
// Plain values, any thread.
#pragma once

#include <string>
#include <string_view>

#include "codec/error.h"

namespace ringgate::bench {

struct Measurement;

struct FailIf {
  enum class Compare : std::uint8_t { kAbove, kAtLeast, kBelow, kAtMost, kEqual, kNotEqual };

  std::string text;    // as given
  std::string metric;  // checked to be known
  Compare compare = Compare::kAbove;
  double value = 0;  // in the metric's own unit: times in us
};

// METRIC OP VALUE, blanks allowed. Metrics: min? mean, p50, p90, p99, p99.9, p99.99, max (times,
// with a unit: us, ms, s), also of one action (`talk.p99`, `delivery.p99`); errors, an error's
// kind, sent, answered, failed, per_second, connects, logins, lag_p99, cpu_us (of the target per
// message), rss_mb. The error lists them.
[[nodiscard]] Result<FailIf> parse_fail_if(std::string_view text);

struct FailIfOutcome {
  double value = 0;   // what was measured
  bool known = true;  // false: it was not measured (cpu_us without --pid); counts as failed
  bool failed = false;
};
[[nodiscard]] FailIfOutcome evaluate(const FailIf& condition, const Measurement& measured);

}  // namespace ringgate::bench
