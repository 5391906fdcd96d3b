// What a worker decides by: which messages have no answer yet, and when the next is due.
#include "benchmarks/ringbench/schedule.h"

#include <gtest/gtest.h>

#include <deque>

#include "benchmarks/ringbench/pending.h"
#include "benchmarks/ringbench/random.h"

namespace ringgate::bench {
namespace {

const auto kAny = [](const Pending&) { return true; };
auto with_sequence(std::uint32_t sequence) {
  return [sequence](const Pending& message) { return message.sequence == sequence; };
}

TEST(PendingPool, GivesBackInOrder) {
  PendingPool pool;
  PendingQueue one;
  PendingQueue other;
  for (std::uint32_t i = 1; i <= 5; ++i) {
    ASSERT_TRUE(pool.push(one, {.sequence = i}));
    ASSERT_TRUE(pool.push(other, {.sequence = 10 * i}));
  }
  Pending taken;
  EXPECT_FALSE(pool.take(one, taken, with_sequence(10)));
  for (std::uint32_t i = 1; i <= 5; ++i) {
    ASSERT_TRUE(pool.take(one, taken, kAny));
    EXPECT_EQ(taken.sequence, i);
  }
  EXPECT_FALSE(pool.take(one, taken, kAny));
  EXPECT_EQ(other.count, 5U);
}

TEST(PendingPool, MatchesInAnyOrderLikeAList) {
  Random random(7);
  PendingPool pool;
  PendingQueue queue;
  std::deque<std::uint32_t> model;
  std::uint32_t next = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (model.empty() || random.next() % 2 == 0) {
      ASSERT_TRUE(pool.push(queue, {.sequence = ++next}));
      model.push_back(next);
    } else {
      const auto at = static_cast<std::ptrdiff_t>(random.between(0, model.size() - 1));
      Pending taken;
      ASSERT_TRUE(pool.take(queue, taken, with_sequence(*(model.begin() + at))));
      ASSERT_FALSE(pool.take(queue, taken, with_sequence(taken.sequence)));
      model.erase(model.begin() + at);
    }
    ASSERT_EQ(queue.count, model.size());
  }
  std::deque<std::uint32_t> left;
  pool.drain(queue, [&left](const Pending& message) { left.push_back(message.sequence); });
  EXPECT_EQ(left, model);
}

TEST(PendingPool, IsBounded) {
  PendingPool pool;
  PendingQueue queue;
  for (std::size_t i = 0; i < PendingPool::kMost; ++i) ASSERT_TRUE(pool.push(queue, {}));
  EXPECT_FALSE(pool.push(queue, {}));
  Pending taken;
  ASSERT_TRUE(pool.take(queue, taken, kAny));
  EXPECT_TRUE(pool.push(queue, {}));
}

TEST(Schedule, IsEvenAndAddsUpNoError) {
  Schedule schedule;
  EXPECT_EQ(schedule.next_ns(), Schedule::kNever);
  schedule.start(1000, 300'000, 0.5);
  EXPECT_EQ(schedule.next_ns(), 1000U + 1666U);
  for (int i = 0; i < 300'000 * 60; ++i) schedule.advance();
  EXPECT_EQ(schedule.next_ns(), 1000U + 60'000'000'000U + 1666U);
}

}  // namespace
}  // namespace ringgate::bench
