// CHECK: for bugs in our own code, always on. Never for anything that came from the network.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace ringgate {

[[noreturn]] inline void check_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "ringgate: bug: %s does not hold (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace ringgate

#define RINGGATE_CHECK(condition)                               \
  do {                                                          \
    if (!(condition)) [[unlikely]]                              \
      ::ringgate::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)
