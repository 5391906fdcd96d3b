// What the product asks the system for by name, answered by the world instead: what time it is,
// writing to a wake-up's descriptor, closing a descriptor of the simulated kernel. Defined in the
// program, so that it takes the place of the C library's. Everything else is the system's.
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "tests/simulation/kernel.h"

namespace {

constexpr std::uint64_t kNsPerS = 1'000'000'000;
constexpr std::uint64_t kMonotonicStartNs = 1000 * kNsPerS;
constexpr std::uint64_t kRealtimeStartNs = 1'800'000'000 * kNsPerS;

}  // namespace

// Where there is no world, it is as late as it is: a fuzzer looks between two of them.
extern "C" int clock_gettime(clockid_t clock, timespec* out) noexcept {
  const bool real = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  ringgate::sim::Kernel* const kernel = ringgate::sim::Kernel::current();
  if (kernel == nullptr || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID) {
    return static_cast<int>(syscall(SYS_clock_gettime, clock, out));
  }
  const std::uint64_t ns =
      (real ? kRealtimeStartNs : kMonotonicStartNs) + kernel->scheduler().now_ns();
  out->tv_sec = static_cast<time_t>(ns / kNsPerS);
  out->tv_nsec = static_cast<long>(ns % kNsPerS);
  return 0;
}

extern "C" time_t time(time_t* out) noexcept {
  timespec at{};
  clock_gettime(CLOCK_REALTIME, &at);
  const time_t now = at.tv_sec;
  if (out != nullptr) *out = now;
  return now;
}

extern "C" ssize_t write(int fd, const void* bytes, size_t count) {
  ringgate::sim::Kernel* const kernel = ringgate::sim::Kernel::current();
  if (kernel != nullptr && kernel->is_wake_fd(fd)) {
    kernel->wake(fd);
    return static_cast<ssize_t>(count);
  }
  return syscall(SYS_write, fd, bytes, count);
}

extern "C" int close(int fd) {
  ringgate::sim::Kernel* const kernel = ringgate::sim::Kernel::current();
  if (kernel != nullptr && fd >= ringgate::sim::Kernel::kFirstFd) {
    if (kernel->close_fd(fd)) return 0;
    errno = EBADF;
    return -1;
  }
  return static_cast<int>(syscall(SYS_close, fd));
}
