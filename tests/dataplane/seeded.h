// Seeded randomness for tests: every failure names the seed that made it, and that seed can be run
// alone with the environment variable RINGGATE_TEST_SEED (RINGGATE_TEST_ROUNDS runs more of them).
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace ringgate::test {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  // 0 ... end - 1
  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(engine_);
  }
  std::size_t between(std::size_t first, std::size_t last) {
    return std::uniform_int_distribution<std::size_t>(first, last)(engine_);
  }
  bool one_in(std::size_t n) { return below(n) == 0; }
  std::uint8_t byte() { return static_cast<std::uint8_t>(below(256)); }
  // Mostly small, sometimes up to `last`.
  std::size_t size(std::size_t last) {
    return one_in(8) ? between(0, last) : between(0, std::min<std::size_t>(last, 64));
  }

 private:
  std::mt19937_64 engine_;
};

inline std::uint64_t environment_number(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Runs `body(seed)` for `rounds` seeds, or only for the one in the environment.
template <class Body>
void for_each_seed(std::uint64_t rounds, Body&& body) {
  const std::uint64_t only = environment_number("RINGGATE_TEST_SEED", 0);
  const std::uint64_t last = environment_number("RINGGATE_TEST_ROUNDS", rounds);
  for (std::uint64_t seed = only != 0 ? only : 1; seed <= (only != 0 ? only : last); ++seed) {
    SCOPED_TRACE("again: RINGGATE_TEST_SEED=" + std::to_string(seed));
    body(seed);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace ringgate::test
