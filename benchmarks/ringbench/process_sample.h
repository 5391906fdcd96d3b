// What a process has used so far, read from /proc: CPU time (benchmarks/common/cpu_time.h), memory,
// context switches. Plain values, any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>

#include "benchmarks/common/cpu_time.h"
#include "codec/error.h"

namespace ringgate::bench {

struct ProcessSample {
  std::uint64_t at_ns = 0;  // CLOCK_MONOTONIC
  CpuSnapshot cpu;
  std::uint64_t rss_bytes = 0;
  std::uint64_t voluntary_switches = 0;  // of all threads that there are now
  std::uint64_t involuntary_switches = 0;
};

enum class SampleDepth : std::uint8_t {
  kFull,   // at the ends of a window
  kBrief,  // in between: no context switches, which cost two thirds of the reading
};

// The error says how to mend --pid.
[[nodiscard]] Result<ProcessSample> sample_process(pid_t pid,
                                                   SampleDepth depth = SampleDepth::kFull);

struct ProcessUse {
  CpuUse cpu;
  // Those of a thread that ended in between are lost, so that these may be too few.
  std::uint64_t voluntary_switches = 0;
  std::uint64_t involuntary_switches = 0;
  std::uint64_t rss_begin_bytes = 0;
  std::uint64_t rss_end_bytes = 0;
  std::uint64_t rss_peak_bytes = 0;  // of the samples
};
// Of the two given; Measurement::rss_peak_bytes looks at those in between, too.
[[nodiscard]] ProcessUse use_between(const ProcessSample& before, const ProcessSample& after);

}  // namespace ringgate::bench
