#include "benchmarks/ringbench/process_sample.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "benchmarks/common/proc_file.h"
#include "benchmarks/ringbench/run_state.h"

namespace ringgate::bench {
namespace {

// The second field, in pages. The kernel counts them per CPU: a few dozen may be missing.
std::uint64_t read_rss_bytes(pid_t pid) {
  std::array<char, 256> buffer;
  std::string_view pages =
      read_proc_file(AT_FDCWD, fmt::format("/proc/{}/statm", pid).c_str(), buffer);
  static_cast<void>(take_number(pages));  // of virtual memory
  return take_number(pages) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t field_of(std::string_view status, std::string_view name) {
  const std::size_t found = status.find(name);
  if (found == std::string_view::npos) return 0;
  status.remove_prefix(found + name.size());
  return take_number(status);
}

// /proc/PID/status itself has only the first thread's.
void read_switches(pid_t pid, ProcessSample& sample) {
  ThreadWalk threads(pid);
  std::array<char, 4096> buffer;
  while (threads.next() != 0) {
    const std::string_view status = threads.read("status", buffer);
    sample.voluntary_switches += field_of(status, "\nvoluntary_ctxt_switches:");
    sample.involuntary_switches += field_of(status, "\nnonvoluntary_ctxt_switches:");
  }
}

std::uint64_t grown(std::uint64_t before, std::uint64_t after) {
  return after - std::min(before, after);
}

}  // namespace

Result<ProcessSample> sample_process(pid_t pid, SampleDepth depth) {
  ProcessSample sample;
  auto cpu = read_cpu(pid);
  if (!cpu) return std::unexpected(std::move(cpu.error()));
  sample.cpu = std::move(*cpu);
  sample.at_ns = monotonic_ns();
  sample.rss_bytes = read_rss_bytes(pid);
  if (depth == SampleDepth::kFull) read_switches(pid, sample);
  return sample;
}

ProcessUse use_between(const ProcessSample& before, const ProcessSample& after) {
  return {.cpu = cpu_between(before.cpu, after.cpu),
          .voluntary_switches = grown(before.voluntary_switches, after.voluntary_switches),
          .involuntary_switches = grown(before.involuntary_switches, after.involuntary_switches),
          .rss_begin_bytes = before.rss_bytes,
          .rss_end_bytes = after.rss_bytes,
          .rss_peak_bytes = std::max(before.rss_bytes, after.rss_bytes)};
}

}  // namespace ringgate::bench
