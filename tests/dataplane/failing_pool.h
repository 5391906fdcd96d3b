// A BlockPool whose blocks are the C library's, and which has none to give when a test says so. A
// program that has failing_pool.cc among its sources gets it instead of the real one.
#pragma once

#include <cstdint>

namespace ringgate::test {

// Blocks are counted from 0 on: those from `first` on are refused, `count` of them, where somebody
// can be refused. What cannot be gets its own from the spare, as it were.
struct PoolFailures {
  std::uint64_t asked = 0;  // so far, by try_take()
  std::uint64_t first = UINT64_MAX;
  std::uint64_t count = 0;
  std::uint64_t refused = 0;

  [[nodiscard]] bool now() const noexcept { return asked >= first && asked - first < count; }
};
[[nodiscard]] PoolFailures& pool_failures() noexcept;

}  // namespace ringgate::test
