#include "benchmarks/common/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace ringgate::bench {
namespace {

TEST(Histogram, IsEmptyAtFirst) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.quantile_ns(0.5), 0U);
}

TEST(Histogram, KeepsShortTimesExactly) {
  for (std::uint64_t ns = 0; ns < 256; ++ns) {
    Histogram histogram;
    histogram.record(ns);
    histogram.record(Histogram::kMaxNs);
    EXPECT_EQ(histogram.quantile_ns(0.5), ns);
  }
}

TEST(Histogram, IsAtMostOnePercentTooHighAndNeverTooLow) {
  for (std::uint64_t ns = 256; ns < Histogram::kMaxNs; ns += ns / 5 + 1) {
    Histogram histogram;
    histogram.record(ns);
    histogram.record(Histogram::kMaxNs);
    const std::uint64_t told = histogram.quantile_ns(0.5);
    EXPECT_GE(told, ns);
    EXPECT_LE(static_cast<double>(told), static_cast<double>(ns) * 1.01);
  }
}

TEST(Histogram, CountsWhatIsTooLongAsTheLongest) {
  Histogram histogram;
  histogram.record(UINT64_MAX);
  EXPECT_EQ(histogram.max_ns(), Histogram::kMaxNs);
  EXPECT_EQ(histogram.quantile_ns(1), Histogram::kMaxNs);
}

TEST(Histogram, AgreesWithSortedTimesAlsoWhenMerged) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> time(11, 2);
  std::vector<std::uint64_t> sorted;
  std::array<Histogram, 2> parts;
  for (std::size_t i = 0; i < 20'000; ++i) {
    sorted.push_back(static_cast<std::uint64_t>(time(random)));
    parts[i % 2].record(sorted.back());
  }
  std::sort(sorted.begin(), sorted.end());
  parts[0].merge(parts[1]);
  ASSERT_EQ(parts[0].count(), sorted.size());
  EXPECT_EQ(parts[0].max_ns(), sorted.back());
  for (const double fraction : {0.001, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank =
        static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(sorted.size())));
    const auto exact = static_cast<double>(sorted[rank - 1]);
    const auto told = static_cast<double>(parts[0].quantile_ns(fraction));
    EXPECT_GE(told, exact) << fraction;
    EXPECT_LE(told, exact * 1.01) << fraction;
  }
}

}  // namespace
}  // namespace ringgate::bench
