#include "control/discovery/file_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

#include "control/base/replace_file.h"
#include "control/base/unique_fd.h"

namespace ringgate {
namespace {

constexpr std::size_t kMaxFileBytes = 16 * 1024 * 1024;
constexpr std::chrono::seconds kLockLimit{5};
constexpr std::chrono::milliseconds kLockPause{2};
constexpr mode_t kNewFileMode = 0644;

std::optional<FileIdentity> identity_from(int failed, const struct stat& status) {
  if (failed != 0) return std::nullopt;
  return FileIdentity{status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
                      status.st_mtim.tv_nsec};
}

Result<std::string> read_all(int fd) {
  std::string text;
  char buffer[16 * 1024];
  for (;;) {
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return run_error("cannot be read: {}", std::strerror(errno));
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > kMaxFileBytes) {
      return run_error("is longer than 16 MiB; is it the right file?");
    }
  }
}

// The lock goes with the descriptor. FILE.lock stays: removing it would let two processes hold two.
Result<UniqueFd> lock_beside(const std::filesystem::path& file) {
  const std::string name = file.string() + ".lock";
  UniqueFd fd(open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kNewFileMode));
  if (!fd) {
    return run_error("cannot open {}: {}; the directory has to be writable for this process", name,
                     std::strerror(errno));
  }
  const auto deadline = std::chrono::steady_clock::now() + kLockLimit;
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return run_error("cannot lock {}: {}", name, std::strerror(errno));
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return run_error("{} has been locked for {} s; end the process that holds it", name,
                       kLockLimit.count());
    }
    std::this_thread::sleep_for(kLockPause);
  }
  return fd;
}

}  // namespace

std::optional<FileIdentity> identity_of(const std::filesystem::path& file) {
  struct stat status{};
  return identity_from(stat(file.c_str(), &status), status);
}

Result<std::optional<StoredInstances>> read_services(const std::filesystem::path& file) {
  // O_NONBLOCK: a FIFO must not hold up the control thread.
  const UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) return run_error("cannot open {}: {}", file.string(), std::strerror(errno));
  StoredInstances stored;
  struct stat status{};
  stored.identity = identity_from(fstat(fd.get(), &status), status);
  auto text = read_all(fd.get());
  if (!text) return run_error("{} {}", file.string(), text.error().message);
  auto list = parse_services(*text);
  if (!list) return run_error("{}: {}", file.string(), list.error().message);
  static_cast<InstanceList&>(stored) = std::move(*list);
  return stored;
}

Result<void> update_services(const std::filesystem::path& file,
                             const std::function<Result<bool>(std::vector<Instance>&)>& change) {
  // Through symbolic links: the link stays, its target is replaced.
  std::error_code failure;
  const std::filesystem::path target = std::filesystem::weakly_canonical(file, failure);
  if (failure) return run_error("cannot find {}: {}", file.string(), failure.message());
  const auto lock = lock_beside(target);
  if (!lock) return std::unexpected(lock.error());
  auto stored = read_services(target);
  if (!stored) return std::unexpected(stored.error());
  InstanceList list;
  if (*stored) list = std::move(**stored);
  auto changed = change(list.services);
  if (!changed) return std::unexpected(changed.error());
  if (!*changed) return {};
  std::erase_if(list.refused, [&](const RefusedInstance& entry) {
    return std::ranges::find(list.services, entry.id, &Instance::id) != list.services.end();
  });
  const std::string text = format_services(list.services, list.refused);
  const auto read_back = parse_services(text);
  if (!read_back) {
    return run_error("refusing to write {}: {}", file.string(), read_back.error().message);
  }
  if (read_back->services.size() != list.services.size()) {
    return run_error("refusing to write {}: {}", file.string(), read_back->refused.front().why);
  }
  const Result<void> replaced =
      replace_file(target, text, {.mode = kNewFileMode, .keeps_mode = true, .is_durable = true});
  if (replaced) return {};
  return run_error("cannot write {}: {}", target.string(), replaced.error().message);
}

}  // namespace ringgate
