#include "benchmarks/ringbench/tally.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string_view>

#include "benchmarks/ringbench/options.h"

namespace ringgate::bench {
namespace {

template <class Enum>
std::set<std::string_view> names_of_all(std::size_t count) {
  std::set<std::string_view> names;
  for (std::size_t at = 0; at < count; ++at) names.insert(name_of(static_cast<Enum>(at)));
  return names;
}

TEST(Tally, EveryNameIsItsOwn) {
  EXPECT_EQ(names_of_all<Action>(kActions).size(), kActions);
  EXPECT_EQ(names_of_all<ErrorKind>(kErrorKinds).size(), kErrorKinds);
  EXPECT_EQ(names_of_all<Action>(kActions).count("?"), 0U);
  EXPECT_EQ(names_of_all<ErrorKind>(kErrorKinds).count("?"), 0U);
  EXPECT_EQ(name_of(ErrorKind::kWrongSequence), "wrong_sequence");
  EXPECT_EQ(name_of(Scenario::kIdle), "idle");
}

void fill(Tally& tally, std::uint64_t times) {
  for (std::uint64_t at = 0; at < kActions; ++at) {
    tally.actions[at].due = times * (at + 3);
    tally.actions[at].answered = times * (at + 2);
    tally.actions[at].failed = times;
    tally.actions[at].late = times * (at + 4);
    tally.actions[at].in_window = times * (at + 5);
    tally.actions[at].unsent = times * (at + 1);
    tally.actions[at].refused_in_window = times * (at + 6);
    for (std::uint64_t time = 0; time < times; ++time) {
      tally.actions[at].times.answered.record(100 * at);
      tally.actions[at].times.unanswered.record(1000);
    }
  }
  for (std::uint64_t kind = 0; kind < kErrorKinds; ++kind) tally.errors[kind] = times * kind;
  tally.statuses[300] = times;
  tally.statuses[Tally::kStatuses - 1] = 2 * times;
  tally.lag.record(times);
  tally.connection_waits.record(2 * times);
  tally.connects = 5 * times;
  tally.resumed = 2 * times;
  tally.handshakes.record(1000 * times);
  tally.logins = 6 * times;
  tally.deliveries_asked = 15 * times;
  tally.deliveries_come = 16 * times;
  tally.lost_packets = 7 * times;
  tally.retries = 8 * times;
  tally.behind_late = 9 * times;
  tally.overtaken = 10 * times;
  tally.never(Unsent::kBehind) = 11 * times;
  tally.busy_late = 13 * times;
  tally.held_back = 14 * times;
}

TEST(Tally, MergesEverything) {
  const auto sum = std::make_unique<Tally>();
  const auto other = std::make_unique<Tally>();
  fill(*sum, 1);
  fill(*other, 10);
  sum->merge(*other);
  for (std::uint64_t at = 0; at < kActions; ++at) {
    const ActionTally& action = sum->of(static_cast<Action>(at));
    EXPECT_EQ(action.due, 11 * (at + 3));
    EXPECT_EQ(action.answered, 11 * (at + 2));
    EXPECT_EQ(action.failed, 11U);
    EXPECT_EQ(action.late, 11 * (at + 4));
    EXPECT_EQ(action.in_window, 11 * (at + 5));
    EXPECT_EQ(action.unsent, 11 * (at + 1));
    EXPECT_EQ(action.sent(), 22U);
    EXPECT_EQ(action.refused_in_window, 11 * (at + 6));
    EXPECT_EQ(action.times.answered.count(), 11U);
    EXPECT_EQ(action.times.unanswered.count(), 11U);
  }
  EXPECT_EQ(sum->errors[3], 33U);
  EXPECT_EQ(sum->all_errors(), 11U * kErrorKinds * (kErrorKinds - 1) / 2);
  EXPECT_EQ(sum->statuses[300], 11U);
  EXPECT_EQ(sum->statuses[Tally::kStatuses - 1], 22U);
  EXPECT_EQ(sum->lag.count(), 2U);
  EXPECT_EQ(sum->lag.max_ns(), 10U);
  EXPECT_EQ(sum->connection_waits.count(), 2U);
  EXPECT_EQ(sum->connection_waits.max_ns(), 20U);
  EXPECT_EQ(sum->connects, 55U);
  EXPECT_EQ(sum->resumed, 22U);
  EXPECT_EQ(sum->handshakes.count(), 2U);
  EXPECT_EQ(sum->logins, 66U);
  EXPECT_EQ(sum->deliveries_asked, 165U);
  EXPECT_EQ(sum->deliveries_come, 176U);
  EXPECT_EQ(sum->lost_packets, 77U);
  EXPECT_EQ(sum->retries, 88U);
  EXPECT_EQ(sum->behind_late, 99U);
  EXPECT_EQ(sum->overtaken, 110U);
  EXPECT_EQ(sum->never(Unsent::kBehind), 121U);
  EXPECT_EQ(sum->busy_late, 143U);
  EXPECT_EQ(sum->held_back, 154U);
}

TEST(Tally, WhatNeverCameIsNotDelivered) {
  const auto tally = std::make_unique<Tally>();
  ActionTally& deliveries = tally->of(Action::kDelivery);
  deliveries.due = 100;
  deliveries.answered = 80;
  deliveries.failed = 5;  // never left
  tally->overtaken = 3;   // came
  tally->settle_deliveries(7000);
  EXPECT_EQ(deliveries.failed, 20U);
  EXPECT_EQ(deliveries.times.unanswered.count(), 20U);
  EXPECT_EQ(tally->errors[static_cast<std::size_t>(ErrorKind::kNotDelivered)], 12U);
  EXPECT_EQ(tally->lost_packets, 12U);
}

TEST(Tally, APushOfTheWarmUpThatNeverCameIsAnErrorToo) {
  const auto tally = std::make_unique<Tally>();
  tally->of(Action::kDelivery).due = 10;
  tally->of(Action::kDelivery).answered = 9;
  tally->deliveries_asked = 50;
  tally->deliveries_come = 46;
  tally->settle_deliveries(0);
  EXPECT_EQ(tally->lost_packets, 1U);
  EXPECT_EQ(tally->errors[static_cast<std::size_t>(ErrorKind::kNotDelivered)], 4U);
}

TEST(Tally, OfATargetThatPushesByItselfNobodyKnowsWhatItSent) {
  const auto tally = std::make_unique<Tally>();
  tally->of(Action::kDelivery).answered = 9;
  tally->settle_deliveries(0);
  EXPECT_EQ(tally->of(Action::kDelivery).due, 9U);
  EXPECT_EQ(tally->all_errors(), 0U);
}

TEST(Tally, MergesTimelinesOfAnyLength) {
  const auto sum = std::make_unique<Tally>();
  const auto other = std::make_unique<Tally>();
  sum->timeline.resize(1);
  sum->timeline[0].answered = 1;
  other->timeline.resize(2);
  other->timeline[0].answered = 2;
  other->timeline[0].times.record(5);
  other->timeline[1].errors = 3;
  sum->merge(*other);
  ASSERT_EQ(sum->timeline.size(), 2U);
  EXPECT_EQ(sum->timeline[0].answered, 3U);
  EXPECT_EQ(sum->timeline[0].times.count(), 1U);
  EXPECT_EQ(sum->timeline[1].errors, 3U);
  sum->timeline.resize(3);
  sum->merge(*other);
  EXPECT_EQ(sum->timeline.size(), 3U);
}

}  // namespace
}  // namespace ringgate::bench
