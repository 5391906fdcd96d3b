// How much memory this process may have: what the machine has, and what its control groups grant.
// Pure functions over files of the kernel, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "control/config/config.h"

namespace ringgate {

// Nothing: not known, or no limit.
struct MemoryRoom {
  std::optional<std::uint64_t> machine_bytes;
  std::optional<std::uint64_t> group_bytes;
};

[[nodiscard]] MemoryRoom memory_room();

// Adds a notice to a gateway's configuration where its MaxMemory is above what there is here.
void notice_memory(Config& config, ProcessRole role);

// The rest is for tests.

// For operators; nothing where there is room.
[[nodiscard]] std::optional<std::string> memory_notice(std::size_t max_memory_bytes,
                                                       const MemoryRoom& room);

// The text of /proc/meminfo.
[[nodiscard]] std::optional<std::uint64_t> machine_memory(std::string_view meminfo);
// The tightest limit on the way from the process's group up to the root; v2 and v1. The arguments
// are those of cgroups_of().
[[nodiscard]] std::optional<std::uint64_t> cgroup_memory_limit(std::string_view cgroup_file,
                                                               const std::filesystem::path& root);

}  // namespace ringgate
