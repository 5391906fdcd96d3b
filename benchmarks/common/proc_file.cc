#include "benchmarks/common/proc_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace ringgate::bench {

std::string_view read_proc_file(int folder, const char* path, std::span<char> buffer) noexcept {
  const int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  const ssize_t bytes = ::read(fd, buffer.data(), buffer.size());
  close(fd);
  return {buffer.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0};
}

std::uint64_t take_number(std::string_view& text) noexcept {
  text.remove_prefix(std::min(text.find_first_of("0123456789"), text.size()));
  std::uint64_t number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end.ptr - text.data()));
  return number;
}

ThreadWalk::ThreadWalk(pid_t pid) : folder_(opendir(fmt::format("/proc/{}/task", pid).c_str())) {}

ThreadWalk::~ThreadWalk() {
  if (folder_ != nullptr) closedir(folder_);
}

pid_t ThreadWalk::next() noexcept {
  if (folder_ == nullptr) return 0;
  while (const dirent* entry = readdir(folder_)) {
    name_ = entry->d_name;
    pid_t tid = 0;
    std::from_chars(name_, name_ + std::strlen(name_), tid);
    if (tid > 0) return tid;
  }
  return 0;
}

std::string_view ThreadWalk::read(std::string_view file, std::span<char> buffer) const noexcept {
  char path[64];
  const auto end = fmt::format_to_n(path, sizeof path - 1, "{}/{}", name_, file);
  *end.out = '\0';
  return read_proc_file(dirfd(folder_), path, buffer);
}

}  // namespace ringgate::bench
