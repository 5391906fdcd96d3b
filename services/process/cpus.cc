#include "services/process/cpus.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "control/base/text.h"

namespace ringgate {
namespace {

constexpr int kMostCpus = 1 << 16;
constexpr const char* kCgroupFile = "/proc/self/cgroup";
constexpr const char* kCgroupRoot = "/sys/fs/cgroup";

std::string read_all(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

bool has_cpu(const std::vector<std::string>& controllers) {
  return std::ranges::find(controllers, "cpu") != controllers.end();
}

void tighten(std::optional<double>& quota, std::optional<double> other) {
  if (other && (!quota || *other < *quota)) quota = other;
}

std::optional<double> quota_in(const std::filesystem::path& folder, bool version_2) {
  if (version_2) return parse_cpu_max(read_all(folder / "cpu.max"));
  const auto quota = parse_number(trim(read_all(folder / "cpu.cfs_quota_us")));  // -1: no limit.
  const auto period = parse_number(trim(read_all(folder / "cpu.cfs_period_us")));
  if (!quota || !period || *quota == 0 || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

// From mount/path up to mount itself. Inside a container the path may name a folder that only the
// host sees; what there is of it counts, and the mount is then the container's own group.
std::optional<double> tightest_quota(const std::filesystem::path& mount, std::string_view path,
                                     bool version_2) {
  std::optional<double> quota = quota_in(mount, version_2);
  std::filesystem::path folder = mount;
  for (const auto& part : std::filesystem::path(path).relative_path()) {
    if (part == "..") break;
    folder /= part;
    tighten(quota, quota_in(folder, version_2));
  }
  return quota;
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
  while (!cgroup_file.empty()) {  // Each line: number:controllers:path, cgroups(7).
    const std::size_t end = std::min(cgroup_file.find('\n'), cgroup_file.size());
    const std::string_view line = cgroup_file.substr(0, end);
    cgroup_file.remove_prefix(std::min(end + 1, cgroup_file.size()));
    const std::size_t first = line.find(':');
    if (first == std::string_view::npos) continue;
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string_view path = line.substr(second + 1);
    if (controllers.empty()) {
      tighten(quota, tightest_quota(root, path, true));
      continue;
    }
    if (!has_cpu(split_commas(controllers))) continue;
    for (const std::string_view mount : {controllers, std::string_view("cpu")}) {
      if (!std::filesystem::exists(root / mount)) continue;
      tighten(quota, tightest_quota(root / mount, path, false));
      break;
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
    return cpu_budget(std::move(cpus), cgroup_cpu_quota(read_all(kCgroupFile), kCgroupRoot));
  }
  return run_error("cannot ask which CPUs this process may use: {}; set Shards and PinShards",
                   std::strerror(errno));
}

}  // namespace ringgate
