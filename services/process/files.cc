#include "services/process/files.h"

#include <sys/eventfd.h>

#include <cerrno>

#include "control/base/unique_fd.h"
#include "dataplane/shortage.h"

namespace ringgate {
namespace {

std::optional<std::string> lack_of_files() {
  const UniqueFd one(eventfd(0, EFD_CLOEXEC));
  if (one) return std::nullopt;
  if (!is_want_of_descriptors(errno)) return std::nullopt;
  return "links cannot be made: " + why_no_descriptor(errno);
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
