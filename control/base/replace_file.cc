#include "control/base/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "control/base/unique_fd.h"

namespace ringgate {
namespace {

constexpr mode_t kModeBits = 07777;

// The name is on the disk once its folder is.
bool sync_folder(const std::filesystem::path& file) {
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  const UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd && fsync(fd.get()) == 0;
}

bool write_new(const std::string& fresh, const std::filesystem::path& file, std::string_view text,
               const ReplaceFile& how) {
  struct stat old{};
  const bool keeps_mode = how.keeps_mode && stat(file.c_str(), &old) == 0;
  unlink(fresh.c_str());  // left behind by a process of that number that crashed
  const UniqueFd fd(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, how.mode));
  return fd && write_all(fd.get(), text) &&
         (!keeps_mode || fchmod(fd.get(), old.st_mode & kModeBits) == 0) &&
         (!how.is_durable || fsync(fd.get()) == 0) && std::rename(fresh.c_str(), file.c_str()) == 0;
}

}  // namespace

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

Result<void> replace_file(const std::filesystem::path& file, std::string_view text,
                          const ReplaceFile& how) {
  const std::string fresh = file.string() + "." + std::to_string(getpid()) + ".part";
  if (!write_new(fresh, file, text, how)) {
    const int error = errno;
    unlink(fresh.c_str());
    return run_error("{}", std::strerror(error));
  }
  if (how.is_durable && !sync_folder(file)) return run_error("{}", std::strerror(errno));
  return {};
}

}  // namespace ringgate
