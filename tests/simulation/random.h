// The one source of chance of a simulated world (splitmix64, Steele and others, 2014): a few
// instructions for each number, and the same numbers for a seed on every machine.
#pragma once

#include <cstdint>

namespace ringgate::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
  }
  // 0 ... end - 1; `end` is not 0.
  std::uint32_t below(std::uint64_t end) noexcept {
    return static_cast<std::uint32_t>(((next() >> 32U) * end) >> 32U);
  }
  std::uint32_t between(std::uint64_t first, std::uint64_t last) noexcept {
    return static_cast<std::uint32_t>(first) + below(last - first + 1);
  }
  // Once in so many times; 0: never.
  bool one_in(std::uint64_t n) noexcept { return n != 0 && below(n) == 0; }

 private:
  std::uint64_t state_;
};

}  // namespace ringgate::sim
