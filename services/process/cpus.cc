#include "services/process/cpus.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>

#include "control/base/text.h"
#include "services/process/cgroup.h"

namespace ringgate {
namespace {

constexpr int kMostCpus = 1 << 16;

void tighten(std::optional<double>& quota, std::optional<double> other) {
  if (other && (!quota || *other < *quota)) quota = other;
}

std::optional<double> quota_in(const std::filesystem::path& folder, bool version_2) {
  if (version_2) return parse_cpu_max(read_kernel_file(folder / "cpu.max"));
  // -1: no limit.
  const auto quota = parse_number(trim(read_kernel_file(folder / "cpu.cfs_quota_us")));
  const auto period = parse_number(trim(read_kernel_file(folder / "cpu.cfs_period_us")));
  if (!quota || !period || *quota == 0 || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

}  // namespace

std::optional<double> parse_cpu_max(std::string_view text) {
  text = trim(text);
  const std::size_t space = std::min(text.find(' '), text.size());
  const auto quota = parse_number(text.substr(0, space));
  const auto period = parse_number(trim(text.substr(space)));
  if (!quota || !period || *quota == 0 || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<double> cgroup_cpu_quota(std::string_view cgroup_file,
                                       const std::filesystem::path& root) {
  std::optional<double> quota;
  for (const Cgroups& groups : cgroups_of(cgroup_file, root, "cpu")) {
    for (const std::filesystem::path& folder : groups.folders) {
      tighten(quota, quota_in(folder, groups.is_version_2));
    }
  }
  return quota;
}

CpuBudget cpu_budget(std::vector<int> cpus, std::optional<double> quota) {
  CpuBudget budget{std::move(cpus), 1};
  budget.count = std::max<std::size_t>(budget.cpus.size(), 1);
  if (quota && *quota < static_cast<double>(budget.count)) {
    budget.count = std::max<std::size_t>(static_cast<std::size_t>(std::ceil(*quota)), 1);
  }
  return budget;
}

Result<CpuBudget> usable_cpus() {
  // The kernel refuses a mask that is smaller than its own: sched_setaffinity(2), "Handling systems
  // with large CPU affinity masks".
  for (int size = CPU_SETSIZE; size <= kMostCpus; size *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(
        CPU_ALLOC(static_cast<std::size_t>(size)), [](cpu_set_t* mask) { CPU_FREE(mask); });
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(size));
    CPU_ZERO_S(bytes, set.get());
    if (sched_getaffinity(0, bytes, set.get()) != 0) {
      if (errno == EINVAL) continue;
      break;
    }
    std::vector<int> cpus;
    for (int cpu = 0; cpu < size; ++cpu) {
      if (CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes, set.get())) cpus.push_back(cpu);
    }
    return cpu_budget(std::move(cpus),
                      cgroup_cpu_quota(read_kernel_file(kCgroupFile), kCgroupRoot));
  }
  return run_error("cannot ask which CPUs this process may use: {}; set Shards and PinShards",
                   std::strerror(errno));
}

}  // namespace ringgate
