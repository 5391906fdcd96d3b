// When a logic service takes what it reads for old.
#include "services/logic/stall_watch.h"

#include <gtest/gtest.h>

namespace ringgate {
namespace {

constexpr std::uint64_t kTickUs = 100'000;

TEST(StallWatch, WhatComesWhileItTurnsIsNew) {
  StallWatch watch;
  EXPECT_FALSE(watch.may_be_old(50 * StallWatch::kStallUs)) << "before the first tick";
  std::uint64_t now_us = 60 * StallWatch::kStallUs;
  for (int tick = 0; tick < 100; ++tick, now_us += kTickUs) {
    watch.on_tick(now_us);
    EXPECT_FALSE(watch.may_be_old(now_us + kTickUs - 1));
  }
  watch.on_tick(now_us + StallWatch::kStallUs - kTickUs - 1);
  EXPECT_FALSE(watch.may_be_old(now_us + StallWatch::kStallUs)) << "a short stall";
}

TEST(StallWatch, WhatIsReadAfterAStallIsOldForASecond) {
  for (const bool reads_first : {true, false}) {
    StallWatch watch;
    watch.on_tick(kTickUs);
    const std::uint64_t woken_us = kTickUs + StallWatch::kStallUs;
    if (reads_first) {
      EXPECT_TRUE(watch.may_be_old(woken_us));
    }
    watch.on_tick(woken_us);
    EXPECT_TRUE(watch.may_be_old(woken_us));
    for (std::uint64_t us = woken_us; us < woken_us + StallWatch::kReadUs; us += kTickUs) {
      watch.on_tick(us);
      EXPECT_TRUE(watch.may_be_old(us));
    }
    watch.on_tick(woken_us + StallWatch::kReadUs);
    EXPECT_FALSE(watch.may_be_old(woken_us + StallWatch::kReadUs));
  }
}

}  // namespace
}  // namespace ringgate
