// Reading /proc with few system calls: a process of 1,000 threads is read while it is measured, and
// that must not show in what is measured.
//
// Each object is one thread's. What read() returns lies in the caller's buffer.
#pragma once

#include <dirent.h>
#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string_view>

namespace ringgate::bench {

// What is in the file, as far as it fits; empty when it cannot be read. `folder`: what a relative
// path starts from, as in openat(2).
[[nodiscard]] std::string_view read_proc_file(int folder, const char* path,
                                              std::span<char> buffer) noexcept;

// The first number in `text`, which is cut off behind it; 0 when there is none.
[[nodiscard]] std::uint64_t take_number(std::string_view& text) noexcept;

// The threads of a process, one after the other. None when there is no such process.
class ThreadWalk {
 public:
  explicit ThreadWalk(pid_t pid);
  ~ThreadWalk();
  ThreadWalk(const ThreadWalk&) = delete;
  ThreadWalk& operator=(const ThreadWalk&) = delete;

  // The next thread's id, 0 after the last.
  [[nodiscard]] pid_t next() noexcept;
  // A file of the thread that next() told, such as "schedstat". It may have ended since.
  [[nodiscard]] std::string_view read(std::string_view file, std::span<char> buffer) const noexcept;

 private:
  DIR* folder_ = nullptr;
  const char* name_ = "";
};

}  // namespace ringgate::bench
