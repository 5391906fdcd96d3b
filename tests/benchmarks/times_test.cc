// What percentiles say of messages that were never answered.
#include "benchmarks/ringbench/times.h"

#include <gtest/gtest.h>

#include <memory>

#include "benchmarks/ringbench/unanswered.h"

namespace ringgate::bench {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

void expect_time(const std::optional<ToldTime>& time, double us, bool at_least) {
  ASSERT_TRUE(time);
  EXPECT_NEAR(time->us, us, us / 100);
  EXPECT_EQ(time->at_least, at_least);
}

TEST(Times, OfNothingAreNothing) {
  const auto times = std::make_unique<Times>();
  EXPECT_FALSE(times->quantile(0.5));
  EXPECT_FALSE(times->mean());
  EXPECT_FALSE(times->max());
}

TEST(Times, WhoWasNeverAnsweredCountsAsTheLongest) {
  const auto times = std::make_unique<Times>();
  times->answered.record(kMs, 58);
  times->unanswered.record(2000 * kMs, 42);
  EXPECT_EQ(times->count(), 100U);
  expect_time(times->quantile(0.5), 1000, false);
  expect_time(times->quantile(0.58), 1000, false);
  expect_time(times->quantile(0.59), 2e6, true);
  expect_time(times->quantile(0.99), 2e6, true);
  expect_time(times->max(), 2e6, true);
  expect_time(times->mean(), 840'580, true);
}

// Those who had waited a moment only, when the run ended, are no proof of a short time.
TEST(Times, AShortWaitWithoutAnAnswerIsNoShortTime) {
  const auto times = std::make_unique<Times>();
  times->answered.record(5 * kMs, 90);
  times->unanswered.record(kMs, 10);
  expect_time(times->quantile(0.9), 5000, false);
  expect_time(times->quantile(0.99), 5000, true);
}

TEST(Times, WithAllAnsweredAreWhatTheyWere) {
  const auto times = std::make_unique<Times>();
  for (std::uint64_t ms = 1; ms <= 100; ++ms) times->answered.record(ms * kMs);
  expect_time(times->quantile(0.99), 99'000, false);
  expect_time(times->max(), 100'000, false);
  expect_time(times->mean(), 50'500, false);
}

TEST(Unanswered, HaveWaitedUntilTheRunsEndAndNotMore) {
  Unanswered never(10'000 * kMs);
  never.add(Action::kPing, 1000 * kMs);
  never.add(Action::kPing, 9'999 * kMs);
  never.add(Action::kTalk, 12'000 * kMs);  // as of the window's last moment
  const auto tally = std::make_unique<Tally>();
  never.settle(*tally, 15'000 * kMs);
  const Histogram& pings = tally->of(Action::kPing).times.unanswered;
  EXPECT_EQ(pings.count(), 2U);
  EXPECT_LE(pings.max_ns(), 14'000 * kMs);
  EXPECT_GE(pings.max_ns(), 13'980 * kMs);
  EXPECT_EQ(tally->of(Action::kTalk).times.unanswered.count(), 1U);
  EXPECT_NEAR(static_cast<double>(tally->of(Action::kTalk).times.unanswered.max_ns()), 5e9, 5e7);
  never.settle(*tally, 15'000 * kMs);
  EXPECT_EQ(pings.count(), 2U) << "only once";
}

// A run that is cut short ends before its window would have.
TEST(Unanswered, OfARunCutShortHaveWaitedForNoNegativeTime) {
  Unanswered never(10'000 * kMs);
  never.add(Action::kPing, 499 * kMs);
  const auto tally = std::make_unique<Tally>();
  never.settle(*tally, 500 * kMs);
  EXPECT_EQ(tally->of(Action::kPing).times.unanswered.count(), 1U);
  EXPECT_LE(tally->of(Action::kPing).times.unanswered.max_ns(), 10 * kMs);
}

}  // namespace
}  // namespace ringgate::bench
