// What a program takes by malloc, and with it by operator new. A program that has counted_malloc.cc
// among its sources gets a malloc that counts, so it is one of its own. Under a sanitizer, which
// has a malloc itself, nothing is counted. Any thread.
#pragma once

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

}  // namespace ringgate::test
