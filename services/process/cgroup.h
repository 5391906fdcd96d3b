// The control groups that this process is in. Pure functions over files of the kernel, any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ringgate {

struct Cgroups {
  bool is_version_2 = false;
  // From the mount down to the process's own. Each may have a limit, and the tightest counts.
  std::vector<std::filesystem::path> folders;
};

// Of the hierarchies that may limit what `controller` ("cpu", "memory") is about. `cgroup_file` is
// the text of /proc/self/cgroup (cgroups(7)), `root` is where they are mounted.
[[nodiscard]] std::vector<Cgroups> cgroups_of(std::string_view cgroup_file,
                                              const std::filesystem::path& root,
                                              std::string_view controller);

inline constexpr const char* kCgroupFile = "/proc/self/cgroup";
inline constexpr const char* kCgroupRoot = "/sys/fs/cgroup";
// Empty when it cannot be read.
[[nodiscard]] std::string read_kernel_file(const std::filesystem::path& file);

}  // namespace ringgate
