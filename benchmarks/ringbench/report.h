// What ringbench measured, and how it is told: as text for people, as JSON for scripts.
// Plain values; main builds one when all workers have ended.
#pragma once

#include <optional>
#include <string>

#include "benchmarks/common/cpu_time.h"
#include "benchmarks/common/histogram.h"
#include "benchmarks/ringbench/options.h"
#include "benchmarks/ringbench/worker.h"

namespace ringgate::bench {

struct Measurement {
  double window_s = 0;
  std::uint64_t answered = 0;  // in the window, with status Success
  Histogram times;
  std::array<std::uint64_t, kErrorKinds> errors{};
  std::array<std::uint64_t, WorkerReport::kStatuses> statuses{};
  std::optional<CpuUse> target;  // with --pid
  CpuUse own;
  bool stopped_early = false;

  void add(const WorkerReport& worker);
  [[nodiscard]] std::uint64_t all_errors() const;
  [[nodiscard]] double per_message_us(double cpu_ns) const;
  [[nodiscard]] double share_of_window(std::uint64_t cpu_ns) const;
  // Our busiest thread was busy for more than 90 % of the window and the target's was not for 80 %.
  [[nodiscard]] bool generator_is_bottleneck() const;
};

[[nodiscard]] std::string as_text(const Measurement& measured, const Options& options);
[[nodiscard]] std::string as_json(const Measurement& measured, const Options& options);

}  // namespace ringgate::bench
