#include "benchmarks/common/cpu_time.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace ringgate::bench {
namespace {

bool read_thread(const std::filesystem::path& task, CpuSnapshot& snapshot) {
  const std::string name = task.filename().string();
  pid_t tid = 0;
  std::from_chars(name.data(), name.data() + name.size(), tid);
  ThreadCpu cpu;
  std::ifstream file(task / "schedstat");
  if (!(file >> cpu.run_ns >> cpu.wait_ns)) return false;
  snapshot.threads.emplace(tid, cpu);
  return true;
}

// Fields 14 and 15, counted from after the command's name, which may hold spaces.
void read_ticks(pid_t pid, CpuSnapshot& snapshot) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return;
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  fields >> snapshot.user_ticks >> snapshot.system_ticks;
}

}  // namespace

Result<CpuSnapshot> read_cpu(pid_t pid) {
  CpuSnapshot snapshot;
  std::error_code failed;
  const std::filesystem::path tasks(fmt::format("/proc/{}/task", pid));
  for (std::filesystem::directory_iterator task(tasks, failed), end; !failed && task != end;
       task.increment(failed)) {
    read_thread(task->path(), snapshot);
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
