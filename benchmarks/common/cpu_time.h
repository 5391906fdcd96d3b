// The CPU time of a process, thread by thread, from /proc/PID/task/*/schedstat: nanoseconds of the
// scheduler, not samples of a tick (see proc_pid_schedstat in the kernel's sched-stats document).
//
// Plain values, any thread. A running thread's figure may be one tick (4 ms) old.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>

#include "codec/error.h"

namespace ringgate::bench {

struct ThreadCpu {
  std::uint64_t run_ns = 0;   // on a CPU
  std::uint64_t wait_ns = 0;  // runnable, but waiting for one
};

struct CpuSnapshot {
  std::map<pid_t, ThreadCpu> threads;
  std::uint64_t user_ticks = 0;  // of the whole process: /proc/PID/stat, clock ticks
  std::uint64_t system_ticks = 0;
};

struct CpuUse {
  std::uint64_t run_ns = 0;
  std::uint64_t wait_ns = 0;
  std::uint64_t busiest_run_ns = 0;  // of the busiest thread
  double user_s = 0;                 // split by a sampling tick: for windows of 60 s or more
  double system_s = 0;
};

[[nodiscard]] Result<CpuSnapshot> read_cpu(pid_t pid);

// What was used between the two. A thread that ended in between is left out, a new one counts
// whole.
[[nodiscard]] CpuUse cpu_between(const CpuSnapshot& before, const CpuSnapshot& after);

}  // namespace ringgate::bench
