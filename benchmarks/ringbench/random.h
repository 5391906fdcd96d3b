// Numbers that only have to look random, from a seed: SplitMix64 (Steele, Lea, Flood 2014).
// Plain value of one thread.
#pragma once

#include <cstdint>

namespace ringgate::bench {

class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  [[nodiscard]] std::uint64_t next() noexcept {
    state_ += 0x9E3779B97F4A7C15ull;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ull;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBull;
    return mixed ^ (mixed >> 31);
  }

  // 0 to below 1.
  [[nodiscard]] double fraction() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  // `low` to `high`, both possible.
  [[nodiscard]] std::uint64_t between(std::uint64_t low, std::uint64_t high) noexcept {
    return low + next() % (high - low + 1);
  }

 private:
  std::uint64_t state_;
};

}  // namespace ringgate::bench
