#include "tests/common/lost_wakeups.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace ringgate::test {

void lose_wakeups(int event_fd) {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw std::runtime_error("no pipe");
  // The reading end stays open, for a pipe without one would fail its writer.
  if (dup3(ends[1], event_fd, O_CLOEXEC) < 0) throw std::runtime_error("no descriptor");
  close(ends[1]);
}

std::size_t lose_wakeups() {
  std::vector<int> event_fds;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the directory's own
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (target.find("[eventfd]") == std::string::npos) continue;
    const std::string name = entry.path().filename().string();
    std::from_chars(name.data(), name.data() + name.size(), event_fds.emplace_back());
  }
  for (const int fd : event_fds) lose_wakeups(fd);
  return event_fds.size();
}

}  // namespace ringgate::test
