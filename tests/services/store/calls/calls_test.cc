// Calls to a store: there and back, bounded, too late, and given up.
#include <gmock/gmock.h>

#include "tests/services/store/calls/asker.h"

namespace ringgate {
namespace {

using test::AskingWorld;
using test::eventually;
using test::kMailAskNote;
using test::kMailAskTwice;
using test::kMailForgetAll;
using testing::ElementsAre;

// A value of the metrics of all calls named `call`.
double metric(const StoreThread& thread, std::string_view name, std::string_view call,
              std::string_view error = {}) {
  MetricsSnapshot metrics;
  thread.collect(metrics, "s1");
  double sum = 0;
  for (const prometheus::MetricFamily& family : metrics.take()) {
    if (family.name != name) continue;
    for (const prometheus::ClientMetric& one : family.metric) {
      bool fits = error.empty();
      bool is_call = false;
      for (const auto& label : one.label) {
        fits = fits || (label.name == "error" && label.value == error);
        is_call = is_call || (label.name == "call" && label.value == call);
      }
      if (!fits || !is_call) continue;
      sum += one.counter.value + one.gauge.value + static_cast<double>(one.histogram.sample_count);
    }
  }
  return sum;
}

TEST(StoreCallsTest, AnswersComeToWhoAsked) {
  AskingWorld world(2);
  for (int i = 0; i < 500; ++i) {
    world.tell(static_cast<std::uint32_t>(i % 2), kMailAskTwice, i);
    world.tell(static_cast<std::uint32_t>(i % 2), kMailAskNote, i);
  }
  ASSERT_TRUE(eventually([&] { return world.heard.all().size() == 1000; }));
  for (int i = 0; i < 500; ++i) {
    const std::string text = std::to_string(i);
    EXPECT_EQ(world.heard.count(text + text), 1u);
  }
  EXPECT_EQ(world.heard.count("noted"), 500u);
  EXPECT_EQ(metric(world.thread(), "ringgate_store_calls_total", "twice"), 500);
  EXPECT_EQ(metric(world.thread(), "ringgate_store_call_seconds", "note"), 500);
  EXPECT_EQ(metric(world.thread(), "ringgate_store_calls_in_flight", "twice"), 0);
}

TEST(StoreCallsTest, BeyondTheBoundTheyAreRefused) {
  AskingWorld world(1, {.max_in_flight = 3});
  world.control.open.store(false);
  for (int i = 0; i < 5; ++i) world.tell(0, kMailAskNote);
  ASSERT_TRUE(eventually([&] { return world.heard.count("queue_full") == 2; }));
  EXPECT_EQ(metric(world.thread(), "ringgate_store_call_errors_total", "note", "queue_full"), 2);
  EXPECT_EQ(world.thread().calls().in_flight(), 3u);
  world.control.open.store(true);
  ASSERT_TRUE(eventually([&] { return world.heard.count("noted") == 3; }));
  world.tell(0, kMailAskTwice, 7);
  EXPECT_TRUE(eventually([&] { return world.heard.count("77") == 1; }));
}

TEST(StoreCallsTest, AnAnswerThatIsTooLateIsUndone) {
  AskingWorld world(1, {.timeout_ms = 500});
  world.control.open.store(false);
  world.tell(0, kMailAskTwice, 7);
  ASSERT_TRUE(eventually([&] { return world.heard.count("timeout") == 1; }));
  ASSERT_EQ(world.control.taken.load(), 1);
  EXPECT_EQ(world.control.undone.load(), 0);
  world.control.open.store(true);
  EXPECT_TRUE(eventually([&] { return world.control.undone.load() == 1; }));
  EXPECT_TRUE(eventually([&] { return world.thread().calls().in_flight() == 0; }));
  EXPECT_EQ(world.thread().calls().late(), 1u);
  EXPECT_THAT(world.heard.all(), ElementsAre("timeout"));
}

TEST(StoreCallsTest, AFailureThatIsTooLateHasNothingToUndo) {
  AskingWorld world(1, {.timeout_ms = 500});
  world.control.open.store(false);
  world.control.failing.store(true);
  world.tell(0, kMailAskTwice, 7);
  ASSERT_TRUE(eventually([&] { return world.heard.count("timeout") == 1; }));
  world.control.open.store(true);
  EXPECT_TRUE(eventually([&] { return world.thread().calls().in_flight() == 0; }));
  EXPECT_EQ(world.thread().calls().late(), 1u);
  EXPECT_EQ(world.control.undone.load(), 0);
}

// The store's thread hangs; what it finds when it goes on has been answered long ago.
TEST(StoreCallsTest, WhatIsPastItsTimeIsNotBegun) {
  AskingWorld world(1, {.timeout_ms = 500});
  world.control.stuck.store(true);
  world.tell(0, kMailAskNote);
  ASSERT_TRUE(eventually([&] { return world.control.taken.load() == 1; }));
  world.tell(0, kMailAskNote);
  ASSERT_TRUE(eventually([&] { return world.heard.count("timeout") == 2; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // beyond the grain of the clock
  world.control.stuck.store(false);
  EXPECT_TRUE(eventually([&] { return world.thread().calls().in_flight() == 0; }));
  EXPECT_EQ(world.control.taken.load(), 1);
  EXPECT_EQ(world.control.missed.load(), 1);
  EXPECT_EQ(world.control.undone.load(), 1);
}

TEST(StoreCallsTest, TheAnswerForACoroutineThatHasGoneIsDropped) {
  AskingWorld world(1);
  world.control.open.store(false);
  for (int i = 0; i < 3; ++i) world.tell(0, kMailAskTwice, i);
  ASSERT_TRUE(eventually([&] { return world.control.taken.load() == 3; }));
  world.tell(0, kMailForgetAll);
  world.tell(0, kMailAskNote);
  ASSERT_TRUE(eventually([&] { return world.control.taken.load() == 4; }));
  world.control.open.store(true);
  ASSERT_TRUE(eventually([&] { return world.heard.count("noted") == 1; }));
  EXPECT_EQ(world.heard.all().size(), 1u);
  EXPECT_EQ(metric(world.thread(), "ringgate_store_calls_dropped_total", "twice"), 3);
  EXPECT_EQ(world.thread().calls().in_flight(), 0u);
}

// Under the address sanitizer this is about what is freed, and by whom.
TEST(StoreCallsTest, TheServiceMayEndWithCallsUnderWay) {
  AskingWorld world(2, {.timeout_ms = 20});
  world.control.open.store(false);
  for (int i = 0; i < 100; ++i) world.tell(static_cast<std::uint32_t>(i % 2), kMailAskTwice, i);
  ASSERT_TRUE(eventually([&] { return world.heard.count("timeout") > 0; }));
  for (int i = 0; i < 100; ++i) world.tell(static_cast<std::uint32_t>(i % 2), kMailAskNote, i);
  world.control.open.store(true);  // some answers, some late ones, some undone
  world.end();
}

TEST(StoreCallsTest, TheServiceMayEndWhileTheStoreHasThemAll) {
  AskingWorld world(2);
  world.control.open.store(false);
  for (int i = 0; i < 100; ++i) world.tell(static_cast<std::uint32_t>(i % 2), kMailAskTwice, i);
  ASSERT_TRUE(eventually([&] { return world.control.taken.load() > 10; }));
  world.end();
}

}  // namespace
}  // namespace ringgate
