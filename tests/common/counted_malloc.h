// What a program takes by malloc, and with it by operator new. A program that has counted_malloc.cc
// among its sources gets a malloc that counts, so it is one of its own. Under a sanitizer, which
// has a malloc itself, nothing is counted. Any thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ringgate::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kMallocIsCounted = false;
#else
inline constexpr bool kMallocIsCounted = true;
#endif

[[nodiscard]] std::uint64_t counted_mallocs() noexcept;  // since the start

// The program's: whether what is taken now, by this thread, is counted. It takes nothing itself.
[[nodiscard]] bool counts_malloc() noexcept;

// The fewest that a run of `exchange` takes, of up to ten. A pool takes an arena whenever more is
// queued at once than ever before, and how much that is depends on which thread has a CPU: one run
// proves nothing. What each message takes is taken in all of them.
template <class Exchange>
[[nodiscard]] std::uint64_t fewest_mallocs(Exchange&& exchange) {
  constexpr int kRuns = 10;
  std::uint64_t fewest = UINT64_MAX;
  for (int run = 0; run < kRuns && fewest > 0; ++run) {
    const std::uint64_t before = counted_mallocs();
    exchange();
    fewest = std::min(fewest, counted_mallocs() - before);
  }
  return fewest;
}

}  // namespace ringgate::test
