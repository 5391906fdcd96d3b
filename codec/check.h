// CHECK: for bugs in our own code, always on. Never for anything that came from the network.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace ringgate {

[[noreturn]] inline void check_failed(const char* condition, const char* file, int line) noexcept {
  char text[512];
  const int length = std::snprintf(text, sizeof text, "ringgate: bug: %s does not hold (%s:%d)\n",
                                   condition, file, line);
  // A process that has to end does so, also where nobody empties the pipe of its stderr.
  constexpr int kPatienceMs = 1000;
  pollfd writable{STDERR_FILENO, POLLOUT, 0};
  if (length > 0 && poll(&writable, 1, kPatienceMs) > 0) {
    const std::size_t bytes = std::min(static_cast<std::size_t>(length), sizeof text - 1);
    [[maybe_unused]] const ssize_t put = write(STDERR_FILENO, text, bytes);
  }
  std::abort();
}

}  // namespace ringgate

#define RINGGATE_CHECK(condition)                               \
  do {                                                          \
    if (!(condition)) [[unlikely]]                              \
      ::ringgate::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)
