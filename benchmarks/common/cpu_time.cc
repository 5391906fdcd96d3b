#include "benchmarks/common/cpu_time.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "benchmarks/common/proc_file.h"

namespace ringgate::bench {
namespace {

// Fields 14 and 15, counted from after the command's name, which may hold spaces.
void read_ticks(pid_t pid, CpuSnapshot& snapshot) {
  std::array<char, 1024> buffer;
  std::string_view line =
      read_proc_file(AT_FDCWD, fmt::format("/proc/{}/stat", pid).c_str(), buffer);
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string_view::npos) return;
  line.remove_prefix(name_end + 1);
  for (int field = 2; field < 14; ++field) {
    line.remove_prefix(std::min(line.find(' ') + 1, line.size()));
  }
  snapshot.user_ticks = take_number(line);
  snapshot.system_ticks = take_number(line);
}

}  // namespace

Result<CpuSnapshot> read_cpu(pid_t pid) {
  CpuSnapshot snapshot;
  ThreadWalk threads(pid);
  std::array<char, 128> buffer;
  while (const pid_t tid = threads.next()) {
    std::string_view line = threads.read("schedstat", buffer);
    if (line.empty()) continue;
    ThreadCpu cpu;
    cpu.run_ns = take_number(line);
    cpu.wait_ns = take_number(line);
    snapshot.threads.emplace(tid, cpu);
  }
  if (snapshot.threads.empty()) {
    return fail(
        fmt::format("cannot read the CPU time of process {}: give --pid the number of a "
                    "running process on this machine",
                    pid));
  }
  read_ticks(pid, snapshot);
  return snapshot;
}

CpuUse cpu_between(const CpuSnapshot& before, const CpuSnapshot& after) {
  CpuUse use;
  for (const auto& [tid, now] : after.threads) {
    const auto found = before.threads.find(tid);
    const ThreadCpu then = found == before.threads.end() ? ThreadCpu{} : found->second;
    const std::uint64_t run_ns = now.run_ns - std::min(then.run_ns, now.run_ns);
    use.run_ns += run_ns;
    use.wait_ns += now.wait_ns - std::min(then.wait_ns, now.wait_ns);
    use.busiest_run_ns = std::max(use.busiest_run_ns, run_ns);
  }
  const auto ticks_per_s = static_cast<double>(sysconf(_SC_CLK_TCK));
  use.user_s = static_cast<double>(after.user_ticks - before.user_ticks) / ticks_per_s;
  use.system_s = static_cast<double>(after.system_ticks - before.system_ticks) / ticks_per_s;
  return use;
}

}  // namespace ringgate::bench
