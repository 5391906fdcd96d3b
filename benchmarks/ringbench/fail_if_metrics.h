// What a --fail-if can ask for, by name, and how it is read from a measurement. Private to
// fail_if.cc. Pure functions over constants, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "benchmarks/ringbench/measurement.h"

namespace ringgate::bench {

struct Metric {
  enum class Kind : std::uint8_t { kTime, kCount };
  // `action`: nothing for all. Nothing is returned when there is nothing to judge by.
  struct Value {
    double value = 0;
    bool at_least = false;  // see FailIfOutcome
  };
  using Read = std::optional<Value> (*)(const Metric& metric, const Measurement& measured,
                                        const Options& options, std::optional<Action> action);

  std::string_view name;
  Kind kind;
  bool per_action;
  Read read;
  std::string_view when_unknown;  // how to have it measured
  double fraction = 0;            // of a quantile
  ErrorKind error{};              // of an error's kind
};

struct MetricName {
  std::optional<Action> action;
  const Metric* metric = nullptr;  // lives as long as the program
};

// `p99`, `talk.p99`; nothing when it is not known.
[[nodiscard]] std::optional<MetricName> find_metric(std::string_view name);

// "mean, p50, ...": all there are.
[[nodiscard]] std::string known_metrics();

}  // namespace ringgate::bench
