#include "services/process/cgroup.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "control/base/text.h"

namespace ringgate {
namespace {

// Inside a container the path may name a folder that only the host sees; what there is of it
// counts, and the mount is then the container's own group.
std::vector<std::filesystem::path> folders_below(const std::filesystem::path& mount,
                                                 std::string_view path) {
  std::vector<std::filesystem::path> folders{mount};
  for (const auto& part : std::filesystem::path(path).relative_path()) {
    if (part == "..") break;
    folders.push_back(folders.back() / part);
  }
  return folders;
}

}  // namespace

std::vector<Cgroups> cgroups_of(std::string_view cgroup_file, const std::filesystem::path& root,
                                std::string_view controller) {
  std::vector<Cgroups> all;
  while (!cgroup_file.empty()) {  // Each line: number:controllers:path
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
      all.push_back({true, folders_below(root, path)});
      continue;
    }
    const std::vector<std::string> names = split_commas(controllers);
    if (std::ranges::find(names, controller) == names.end()) continue;
    for (const std::string_view mount : {controllers, controller}) {
      if (!std::filesystem::exists(root / mount)) continue;
      all.push_back({false, folders_below(root / mount, path)});
      break;
    }
  }
  return all;
}

std::string read_kernel_file(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

}  // namespace ringgate
