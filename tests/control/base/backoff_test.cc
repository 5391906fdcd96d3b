#include "control/base/backoff.h"

#include <gtest/gtest.h>

namespace ringgate {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesBetweenItsBoundsAndBeginsAgain) {
  std::minstd_rand random(1);
  Backoff backoff;
  for (int round = 0; round < 2; ++round) {
    for (const Backoff::Duration most : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
      const Backoff::Duration pause = backoff.next(100ms, 1000ms, random);
      EXPECT_GE(pause, most / 2);
      EXPECT_LE(pause, most);
    }
    backoff.reset();
  }
}

TEST(Backoff, TwoDoNotComeBackInStep) {
  std::minstd_rand one(1);
  std::minstd_rand other(2);
  Backoff backoffs[2];
  int different = 0;
  for (int i = 0; i < 20; ++i) {
    if (backoffs[0].next(1s, 100s, one) != backoffs[1].next(1s, 100s, other)) ++different;
  }
  EXPECT_GT(different, 15);
}

TEST(Backoff, IsNeverNoPause) {
  std::minstd_rand random(3);
  Backoff backoff;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(backoff.next(1ms, 1ms, random), 1ms);
}

}  // namespace
}  // namespace ringgate
