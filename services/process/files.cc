#include "services/process/files.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <cerrno>

#include "control/base/unique_fd.h"

namespace ringgate {
namespace {

std::optional<std::string> lack_of_files() {
  const UniqueFd one(eventfd(0, EFD_CLOEXEC));
  if (one) return std::nullopt;
  if (errno == ENFILE) return "the machine has no file descriptor left (sysctl fs.file-max)";
  if (errno != EMFILE) return std::nullopt;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return fmt::format(
      "no file descriptor is left (the limit is {}): links cannot be made; raise it (ulimit -n)",
      limit.rlim_cur);
}

}  // namespace

void FileReserve::look() {
  std::optional<std::string> lack = lack_of_files();
  const MutexLock lock(mutex_);
  episode_.update(std::move(lack));
}

std::optional<std::string> FileReserve::problem() const {
  const MutexLock lock(mutex_);
  return episode_.text();
}

}  // namespace ringgate
