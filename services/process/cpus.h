// Which CPUs the process may use: its affinity, and how much of them its cgroup grants. Pure
// functions over files of the kernel, any thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "control/base/error.h"

namespace ringgate {

struct CpuBudget {
  std::vector<int> cpus;  // Ids that the affinity mask allows, ascending; never empty.
  std::size_t count = 1;  // min(cpus.size(), quota rounded up): how many threads can run at once.
};

Result<CpuBudget> usable_cpus();

// The rest is for tests.

// "max 100000" or "150000 100000" (cgroup v2 cpu.max): CPUs; nothing when unlimited or malformed.
std::optional<double> parse_cpu_max(std::string_view text);

// The tightest quota on the way from the process's cgroup up to the root; v2 and v1. cgroup_file is
// the text of /proc/self/cgroup, root is where the hierarchies are mounted (/sys/fs/cgroup).
std::optional<double> cgroup_cpu_quota(std::string_view cgroup_file,
                                       const std::filesystem::path& root);

CpuBudget cpu_budget(std::vector<int> cpus, std::optional<double> quota);

}  // namespace ringgate
