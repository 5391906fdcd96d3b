// So many events a second are told, and what was left out is not forgotten.
#include "control/observe/told_per_second.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace ringgate {
namespace {

constexpr std::uint32_t kMost = 3;

class ToldPerSecondTest : public testing::Test {
 protected:
  void tell(std::size_t kind, std::uint32_t now_ms) {
    told.tell(kind, kMost, now_ms, [&](std::uint32_t left_out) {
      if (is_full) return false;
      events.emplace_back(kind, left_out);
      return true;
    });
  }
  void tick(std::uint32_t now_ms) {
    told.on_tick(now_ms, [&](std::size_t kind, std::uint32_t left_out) {
      if (is_full) return false;
      rests.emplace_back(kind, left_out);
      return true;
    });
  }

  using Seen = std::vector<std::pair<std::size_t, std::uint32_t>>;
  ToldPerSecond<2> told;
  bool is_full = false;
  Seen events;
  Seen rests;
};

TEST_F(ToldPerSecondTest, EachKindHasItsOwn) {
  for (int i = 0; i < 5; ++i) tell(0, 1000);
  tell(1, 1000);
  EXPECT_EQ(events, (Seen{{0, 0}, {0, 0}, {0, 0}, {1, 0}}));
  tick(1999);
  EXPECT_TRUE(rests.empty()) << "the second is not over";
  tick(2000);
  EXPECT_EQ(rests, (Seen{{0, 2}}));
  tick(3000);
  EXPECT_EQ(rests.size(), 1U) << "told once";
}

TEST_F(ToldPerSecondTest, TheNextOneCarriesWhatWasLeftOut) {
  for (int i = 0; i < 5; ++i) tell(0, 1000);
  tell(0, 2000);
  ASSERT_EQ(events.size(), kMost + 1);
  EXPECT_EQ(events.back(), std::make_pair(std::size_t{0}, 2U));
  tick(3000);
  EXPECT_TRUE(rests.empty());
}

TEST_F(ToldPerSecondTest, WhatFindsNoRoomIsLeftOutAndToldLater) {
  is_full = true;
  tell(0, 1000);
  tick(2000);
  EXPECT_TRUE(events.empty());
  EXPECT_TRUE(rests.empty());
  is_full = false;
  tick(3000);
  EXPECT_EQ(rests, (Seen{{0, 1}}));
}

TEST_F(ToldPerSecondTest, TheClockMayWrap) {
  for (int i = 0; i < 4; ++i) tell(0, UINT32_MAX - 100);
  tick(UINT32_MAX);
  EXPECT_TRUE(rests.empty());
  tick(1000);
  EXPECT_EQ(rests, (Seen{{0, 1}}));
}

}  // namespace
}  // namespace ringgate
