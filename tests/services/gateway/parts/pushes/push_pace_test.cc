// How much of a turn pushes to several channels take, and when slices of them go on.
#include "services/gateway/parts/pushes/push_pace.h"

#include <gtest/gtest.h>

namespace ringgate {
namespace {

constexpr std::uint32_t kMost = PushPace::kMostSendsUnderWay;
constexpr std::uint32_t kPatience = PushPace::kPatienceMs;

TEST(PushPace, ATurnIsSpentByReceiversOrBySends) {
  PushPace pace;
  EXPECT_FALSE(pace.turn_is_spent());
  pace.spend(PushPace::kMostReceivers - 1, 1);
  EXPECT_FALSE(pace.turn_is_spent());
  pace.spend(1, 0);
  EXPECT_TRUE(pace.turn_is_spent());
  pace.begin_turn();
  EXPECT_FALSE(pace.turn_is_spent());
  pace.spend(PushPace::kMostSends, PushPace::kMostSends);
  EXPECT_TRUE(pace.turn_is_spent());
}

TEST(PushPace, ASliceWaitsForSendsOfThoseBeforeAndNotForever) {
  PushPace pace;
  EXPECT_EQ(pace.wait_ms(0, 1000), 0U);
  EXPECT_EQ(pace.wait_ms(kMost - 1, 1000), 0U);
  EXPECT_FALSE(pace.waits());
  EXPECT_EQ(pace.wait_ms(kMost, 1001), kPatience - 1);
  EXPECT_TRUE(pace.waits());
  EXPECT_EQ(pace.wait_ms(kMost + 7, 1004), kPatience - 4);
  EXPECT_EQ(pace.wait_ms(kMost - 1, 1005), 0U) << "one has ended";
  EXPECT_FALSE(pace.waits());
  EXPECT_EQ(pace.wait_ms(kMost, 1005 + kPatience), 0U) << "they take too long";
}

TEST(PushPace, WhatTookTooLongIsNotWaitedForAgain) {
  PushPace pace;
  EXPECT_EQ(pace.wait_ms(500, 1000), 0U) << "sends of others, or of a long time ago";
  EXPECT_EQ(pace.wait_ms(500 + kMost - 1, 1000), 0U);
  EXPECT_EQ(pace.wait_ms(500 + kMost, 1000), kPatience);
  EXPECT_EQ(pace.wait_ms(500, 1001), 0U);
  EXPECT_EQ(pace.wait_ms(10, 1001), 0U) << "these have ended after all";
  EXPECT_EQ(pace.wait_ms(10 + kMost, 1001), kPatience) << "and are not counted twice";
}

TEST(PushPace, OneSliceGoesOnEachTimeThatItTakesTooLong) {
  PushPace pace;
  EXPECT_EQ(pace.wait_ms(0, 1000), 0U);
  std::uint32_t under_way = kMost;
  for (std::uint32_t at = 1000 + kPatience; at < 1200; at += kPatience) {
    EXPECT_EQ(pace.wait_ms(under_way, at), 0U);
    under_way += Slice::kSends;
    EXPECT_EQ(pace.wait_ms(under_way, at), kPatience);
  }
}

TEST(PushPace, WaitsAreRightWhereTheClockWraps) {
  PushPace pace;
  EXPECT_EQ(pace.wait_ms(0, UINT32_MAX - 1), 0U);
  EXPECT_EQ(pace.wait_ms(kMost, UINT32_MAX - 1), kPatience);
  EXPECT_EQ(pace.wait_ms(kMost, 2), kPatience - 4);
  EXPECT_EQ(pace.wait_ms(kMost, kPatience), 0U);
}

TEST(Slice, IsFullOfSendsOrReceiversOrBytes) {
  Slice sends(100);
  EXPECT_TRUE(sends.has_room(100 + Slice::kSends - 1));
  EXPECT_FALSE(sends.has_room(100 + Slice::kSends));
  Slice receivers(0);
  for (std::uint32_t i = 0; i < Slice::kReceivers; ++i) {
    EXPECT_TRUE(receivers.has_room(0));
    receivers.add(1);
  }
  EXPECT_FALSE(receivers.has_room(0));
  Slice bytes(0);
  bytes.add(Slice::kBytes - 1);
  EXPECT_TRUE(bytes.has_room(0));
  bytes.add(1);
  EXPECT_FALSE(bytes.has_room(0));
}

}  // namespace
}  // namespace ringgate
