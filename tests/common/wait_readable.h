// Waiting for a descriptor instead of for time: the deadline only ends a test that has failed.
#pragma once

#include <poll.h>

namespace ringgate::test {

inline constexpr int kDeadlineMs = 10'000;

inline bool wait_readable(int fd, int timeout_ms = kDeadlineMs) {
  pollfd entry{fd, POLLIN, 0};
  return poll(&entry, 1, timeout_ms) == 1 && (entry.revents & POLLIN) != 0;
}

}  // namespace ringgate::test
