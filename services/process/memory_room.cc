#include "services/process/memory_room.h"

#include <fmt/format.h>

#include <algorithm>

#include "control/base/text.h"
#include "services/process/cgroup.h"

namespace ringgate {

std::optional<std::uint64_t> machine_memory(std::string_view meminfo) {
  constexpr std::string_view kTotal = "MemTotal:";
  const std::size_t at = meminfo.find(kTotal);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = meminfo.substr(at + kTotal.size());
  rest = trim(rest.substr(0, rest.find('\n')));
  const auto kib = parse_number(rest.substr(0, rest.find(' ')));
  if (!kib) return std::nullopt;
  return *kib * 1024;
}

std::optional<std::uint64_t> cgroup_memory_limit(std::string_view cgroup_file,
                                                 const std::filesystem::path& root) {
  // What version 1 says where there is no limit is near the largest number that there is.
  constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 60U;
  std::optional<std::uint64_t> least;
  for (const Cgroups& groups : cgroups_of(cgroup_file, root, "memory")) {
    const char* const name = groups.is_version_2 ? "memory.max" : "memory.limit_in_bytes";
    for (const std::filesystem::path& folder : groups.folders) {
      const auto limit = parse_number(trim(read_kernel_file(folder / name)));  // "max" is none
      if (limit && *limit < kNoLimit) least = std::min(least.value_or(*limit), *limit);
    }
  }
  return least;
}

MemoryRoom memory_room() {
  return {machine_memory(read_kernel_file("/proc/meminfo")),
          cgroup_memory_limit(read_kernel_file(kCgroupFile), kCgroupRoot)};
}

void notice_memory(Config& config, ProcessRole role) {
  if (role != ProcessRole::kGateway || config.gateway.max_memory_bytes == 0) return;
  const std::optional<std::string> notice =
      memory_notice(config.gateway.max_memory_bytes, memory_room());
  if (notice) config.notices.push_back(*notice);
}

std::optional<std::string> memory_notice(std::size_t max_memory_bytes, const MemoryRoom& room) {
  const std::uint64_t machine = room.machine_bytes.value_or(UINT64_MAX);
  const std::uint64_t group = room.group_bytes.value_or(UINT64_MAX);
  if (max_memory_bytes <= std::min(machine, group)) return std::nullopt;
  const std::string_view whose = group < machine ? "the control group may have" : "the machine has";
  return fmt::format(
      "MaxMemory is above the {} MiB that {}: it bounds nothing, the kernel would end a process "
      "first; half of that leaves room for what is not counted in it",
      std::min(machine, group) / (1024 * 1024), whose);
}

}  // namespace ringgate
