// How often which values came.
#include "dataplane/histogram.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>

namespace ringgate {
namespace {

// By definition: the first bucket whose bound is not below the value.
std::size_t bucket_by_search(std::uint32_t value) {
  std::size_t bucket = 0;
  while (bucket < Histogram::kBounds.size() && Histogram::kBounds[bucket] < value) ++bucket;
  return bucket;
}

TEST(Histogram, AValueIsInTheFirstBucketThatReachesIt) {
  for (const std::uint32_t bound : Histogram::kBounds) {
    for (const std::uint32_t value : {bound - 1, bound, bound + 1}) {
      EXPECT_EQ(Histogram::bucket_of(value), bucket_by_search(value)) << value;
    }
  }
  for (unsigned bit = 0; bit < 32; ++bit) {
    const std::uint32_t value = std::uint32_t{1} << bit;
    EXPECT_EQ(Histogram::bucket_of(value), bucket_by_search(value)) << value;
    EXPECT_EQ(Histogram::bucket_of(value - 1), bucket_by_search(value - 1)) << value - 1;
  }
  EXPECT_EQ(Histogram::bucket_of(0), 0U);
  EXPECT_EQ(Histogram::bucket_of(std::numeric_limits<std::uint32_t>::max()),
            Histogram::kBounds.size());
}

TEST(Histogram, CountsAndAddsUp) {
  Histogram histogram;
  std::mt19937 random(7);
  std::array<std::uint64_t, Histogram::kBuckets> counts{};
  std::uint64_t sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint32_t value = static_cast<std::uint32_t>(random()) >> (random() % 32);
    histogram.record(value);
    ++counts[bucket_by_search(value)];
    sum += value;
  }
  for (std::size_t i = 0; i < counts.size(); ++i) EXPECT_EQ(histogram.count(i), counts[i]) << i;
  EXPECT_EQ(histogram.sum(), sum);
}

}  // namespace
}  // namespace ringgate
