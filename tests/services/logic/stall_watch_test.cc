// When a logic service takes what it reads for old.
#include "services/logic/stall_watch.h"

#include <gtest/gtest.h>

namespace ringgate {
namespace {

constexpr std::uint64_t kTurnUs = 100'000;

TEST(StallWatch, WhatComesWhileItTurnsIsNew) {
  StallWatch watch;
  EXPECT_FALSE(watch.may_be_old(50 * StallWatch::kStallUs)) << "before the first turn";
  std::uint64_t now_us = 60 * StallWatch::kStallUs;
  for (int turn = 0; turn < 100; ++turn, now_us += kTurnUs) {
    watch.on_turn(now_us);
    EXPECT_FALSE(watch.may_be_old(now_us + kTurnUs - 1));
  }
  watch.on_turn(now_us + StallWatch::kStallUs - kTurnUs - 1);
  EXPECT_FALSE(watch.may_be_old(now_us + StallWatch::kStallUs)) << "a short stall";
}

TEST(StallWatch, WhatIsReadAfterAStallIsOldForASecond) {
  for (const bool reads_first : {true, false}) {
    StallWatch watch;
    watch.on_turn(kTurnUs);
    const std::uint64_t woken_us = kTurnUs + StallWatch::kStallUs;
    if (reads_first) {
      EXPECT_TRUE(watch.may_be_old(woken_us));
    }
    watch.on_turn(woken_us);
    EXPECT_TRUE(watch.may_be_old(woken_us));
    for (std::uint64_t us = woken_us; us < woken_us + StallWatch::kReadUs; us += kTurnUs) {
      watch.on_turn(us);
      EXPECT_TRUE(watch.may_be_old(us));
    }
    watch.on_turn(woken_us + StallWatch::kReadUs);
    EXPECT_FALSE(watch.may_be_old(woken_us + StallWatch::kReadUs));
  }
}

}  // namespace
}  // namespace ringgate
