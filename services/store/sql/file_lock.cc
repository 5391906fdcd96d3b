#include "services/store/sql/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

namespace ringgate::sql {
namespace {

// What the one that has the lock wrote, if it got to it.
std::string holder_in(int fd) {
  std::array<char, 20> text{};
  const ssize_t bytes = pread(fd, text.data(), text.size(), 0);
  const std::string_view said(text.data(), static_cast<std::size_t>(std::max<ssize_t>(bytes, 0)));
  const std::string_view pid = said.substr(0, said.find_first_not_of("0123456789"));
  return pid.empty() ? "another process" : "process " + std::string(pid);
}

}  // namespace

FileLock lock_file(const std::string& file) {
  const std::string name = file + ".lock";
  UniqueFd fd(open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (!fd) return {};
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return {};
    return {{}, holder_in(fd.get())};
  }
  // For people only: a disk that does not take it takes nothing from the lock.
  const std::string own = fmt::format("{}\n", getpid());
  if (ftruncate(fd.get(), 0) == 0) {
    [[maybe_unused]] const ssize_t written = pwrite(fd.get(), own.data(), own.size(), 0);
  }
  return {std::move(fd), {}};
}

}  // namespace ringgate::sql
