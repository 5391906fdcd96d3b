// How often which values came: times in microseconds, or numbers of things. Fixed size, nothing is
// allocated. Written by one thread with plain relaxed stores, read by any other.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "dataplane/cell.h"

namespace ringgate {

class Histogram {
 public:
  // A bucket holds what is above the bound before its own, up to its own; behind the last bound is
  // one for all that is above.
  static constexpr auto kBounds = std::to_array<std::uint32_t>(
      {1,       2,       5,         10,        25,        50,        100,    250,
       500,     1'000,   2'500,     5'000,     10'000,    25'000,    50'000, 100'000,
       250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000});
  static constexpr std::size_t kBuckets = kBounds.size() + 1;

  void record(std::uint32_t value) noexcept {
    counts_[bucket_of(value)].add(1);
    sum_.add(value);
  }
  [[nodiscard]] std::uint64_t count(std::size_t bucket) const noexcept {
    return counts_[bucket].get();
  }
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_.get(); }

  [[nodiscard]] static constexpr std::size_t bucket_of(std::uint32_t value) noexcept {
    std::size_t bucket = kFirst[static_cast<std::size_t>(std::bit_width(value))];
    while (bucket < kBounds.size() && value > kBounds[bucket]) ++bucket;
    return bucket;
  }

 private:
  // By how many bits a value has: where the smallest such one belongs. Then it is two steps at
  // most.
  static constexpr std::array<std::uint8_t, 33> kFirst = [] {
    std::array<std::uint8_t, 33> first{};
    for (std::size_t bits = 1; bits < first.size(); ++bits) {
      const std::uint64_t smallest = std::uint64_t{1} << (bits - 1);
      first[bits] = static_cast<std::uint8_t>(
          std::ranges::count_if(kBounds, [&](std::uint32_t bound) { return bound < smallest; }));
    }
    return first;
  }();

  std::array<Cell, kBuckets> counts_;
  Cell sum_;
};

}  // namespace ringgate
