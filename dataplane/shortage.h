// What this process ran out of, as half a sentence that says how to mend it. Ask right after the
// call that failed: the limits and what is left of them are looked at. Set-up, any thread.
#pragma once

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

namespace ringgate {

// Nothing where there is no such limit.
inline std::optional<std::uint64_t> limit_of(__rlimit_resource resource) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

// Why a call that makes a descriptor failed. For want of descriptors that is the limit, whatever
// was to be opened; for all else the system's words.
inline std::string why_no_descriptor(int error) {
  if (error == ENFILE) {
    return "the machine has no file descriptor left; raise fs.file-max (sysctl)";
  }
  if (error != EMFILE) return std::strerror(error);
  const std::string limit = std::to_string(limit_of(RLIMIT_NOFILE).value_or(0));
  return "no file descriptor is left (the limit is " + limit + "); raise it (ulimit -n)";
}

inline bool is_want_of_descriptors(int error) {
  return error == EMFILE || error == ENFILE;
}

// Whether so many bytes more can be mapped.
inline bool can_map(std::size_t bytes) {
  void* const room =
      mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) return false;
  munmap(room, bytes);
  return true;
}

// Where RLIMIT_AS leaves no room for `bytes`, that it does and how to mend it.
inline std::optional<std::string> want_of_address_space(std::size_t bytes) {
  const std::optional<std::uint64_t> limit = limit_of(RLIMIT_AS);
  if (!limit || can_map(bytes)) return std::nullopt;
  return "no address space is left, RLIMIT_AS is " + std::to_string(*limit / 1024) +
         " KiB; raise it (ulimit -v)";
}

// Why a thread could not be started: the kernel has one error for all of it.
inline std::string why_no_thread() {
  constexpr std::size_t kGuard = 64 * 1024;
  pthread_attr_t attributes;
  std::size_t stack = 0;
  if (pthread_getattr_default_np(&attributes) == 0) {
    pthread_attr_getstacksize(&attributes, &stack);
    pthread_attr_destroy(&attributes);
  }
  if (auto want = want_of_address_space(stack + kGuard)) return *want;
  if (!can_map(stack + kGuard)) {
    return "its stack of " + std::to_string(stack / 1024) +
           " KiB finds no room; use smaller stacks (ulimit -s)";
  }
  const std::optional<std::uint64_t> limit = limit_of(RLIMIT_NPROC);
  if (limit && geteuid() != 0) {  // root is not held to it
    return "RLIMIT_NPROC allows this user " + std::to_string(*limit) +
           " threads; raise it (ulimit -u)";
  }
  return "the control group or the machine has no more; raise pids.max (TasksMax= of the unit) or "
         "kernel.threads-max";
}

}  // namespace ringgate
