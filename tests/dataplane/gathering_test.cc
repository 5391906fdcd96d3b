// When a shard lets completions gather: a world of messages and a shard that waits for them.
#include "dataplane/gathering.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace ringgate {
namespace {

constexpr std::uint32_t kBudgetUs = 300;
constexpr std::uint64_t kTurnUs = 5;  // what a turn takes

// What `many` clients do: each sends its next message `pause_us` after the answer to the last one,
// or, open, `pause_us` after the last one whether it was answered or not.
class World {
 public:
  World(std::uint32_t clients, std::uint64_t pause_us, bool closed_loop)
      : pause_us_(pause_us), closed_loop_(closed_loop) {
    for (std::uint32_t i = 0; i < clients; ++i) {
      due_us_.push_back(now_us_ + pause_us * i / clients);
    }
  }

  // Waits and answers until `until_us`; how many messages there were.
  std::uint64_t run(Gathering& gathering, std::uint64_t until_us, bool links = false) {
    std::uint64_t messages = 0;
    while (now_us_ < until_us) {
      const std::uint64_t first = *std::ranges::min_element(due_us_);
      const std::uint64_t gathered_us = gathering.us() == 0 ? 0 : now_us_ + gathering.us();
      if (gathering.us() > 0) ++gathered_waits_;
      ++waits_;
      now_us_ = std::max({now_us_, first, gathered_us});
      gathering.turned(now_us_, frames_, links ? frames_ : 0);
      now_us_ += kTurnUs;
      for (std::uint64_t& due : due_us_) {
        if (due > now_us_) continue;
        ++frames_;
        ++messages;
        due = (closed_loop_ ? now_us_ : due) + pause_us_;
      }
    }
    return messages;
  }

  std::uint64_t waits_ = 0;
  std::uint64_t gathered_waits_ = 0;

 private:
  std::uint64_t pause_us_;
  bool closed_loop_;
  std::uint64_t now_us_ = 1'000'000;
  std::uint32_t frames_ = 0xFFFF'FF00;  // wraps
  std::vector<std::uint64_t> due_us_;
};

constexpr std::uint64_t seconds(std::uint64_t s) {
  return (s + 1) * 1'000'000;
}

TEST(Gathering, WithoutABudgetNothingGathers) {
  Gathering gathering;
  World world(1000, 50'000, false);
  world.run(gathering, seconds(2));
  EXPECT_EQ(world.gathered_waits_, 0U);
}

TEST(Gathering, ManyMessagesAreWokenForTogether) {
  Gathering gathering;
  gathering.set_budget(kBudgetUs);
  World world(1000, 50'000, false);  // 20,000 a second
  const std::uint64_t messages = world.run(gathering, seconds(5));
  EXPECT_NEAR(static_cast<double>(messages), 100'000, 100);
  EXPECT_LT(world.waits_ * 4, messages);
}

TEST(Gathering, FewMessagesWaitForNothing) {
  Gathering gathering;
  gathering.set_budget(kBudgetUs);
  World world(100, 50'000, false);  // one in 500 us
  world.run(gathering, seconds(5));
  EXPECT_EQ(world.gathered_waits_, 0U);
}

// However many there are of those: they get as much as without a budget, but for the trials.
TEST(Gathering, WhoWaitsForAnAnswerIsNotKeptWaiting) {
  for (const std::uint32_t clients : {1U, 2U, 8U, 20U}) {
    Gathering none;
    World free(clients, 30, true);
    const auto best = static_cast<double>(free.run(none, seconds(10)));
    Gathering gathering;
    gathering.set_budget(kBudgetUs);
    World world(clients, 30, true);
    const auto had = static_cast<double>(world.run(gathering, seconds(10)));
    EXPECT_GT(had, 0.95 * best) << clients << " clients";
    EXPECT_GT(world.gathered_waits_, 0U) << "it was tried";
  }
}

// Whatever they did while it was tried: they are not slow for a whole run.
TEST(Gathering, WhoComesToWaitForAnAnswerIsKeptWaitingForAMomentOnly) {
  constexpr std::uint64_t kLookUs = Gathering::kTrialUs + 2 * kBudgetUs;
  Gathering gathering;
  gathering.set_budget(kBudgetUs);
  std::uint64_t now_us = 1'000'000;
  std::uint32_t frames = 0;
  while (gathering.us() == 0) gathering.turned(now_us += 100, frames += 20, 0);
  const std::uint64_t began_us = now_us;
  while (gathering.us() > 0) gathering.turned(now_us += kBudgetUs, frames += 8, 0);
  EXPECT_LT(now_us - began_us, kLookUs) << "from the first moment on";

  now_us += Gathering::kRestUs;
  while (gathering.us() == 0) gathering.turned(now_us += 100, frames += 20, 0);
  for (int i = 0; i < 500; ++i) gathering.turned(now_us += 100, frames += 20, 0);
  ASSERT_GT(gathering.us(), 0U);
  const std::uint64_t changed_us = now_us;
  while (gathering.us() > 0) gathering.turned(now_us += kBudgetUs, frames += 8, 0);
  EXPECT_LT(now_us - changed_us, 3 * kLookUs) << "after 50 ms";
}

TEST(Gathering, BesideLinksAThirdOfTheBudgetIsTaken) {
  Gathering gathering;
  gathering.set_budget(kBudgetUs);
  World world(1000, 50'000, false);
  world.run(gathering, seconds(1) - Gathering::kRunUs, true);
  std::uint32_t most = 0;
  for (std::uint64_t ms = 1; ms <= 500; ++ms) {
    world.run(gathering, seconds(1) + ms * 1000, true);
    most = std::max(most, gathering.us());
  }
  EXPECT_EQ(most, kBudgetUs / Gathering::kWaitsOfRequest);
}

TEST(Gathering, ABudgetThatIsTakenAwayIsGoneAtOnce) {
  Gathering gathering;
  gathering.set_budget(kBudgetUs);
  World world(1000, 50'000, false);
  world.run(gathering, seconds(1));
  gathering.set_budget(0);
  EXPECT_EQ(gathering.us(), 0U);
  const std::uint64_t before = world.gathered_waits_;
  world.run(gathering, seconds(3));
  EXPECT_EQ(world.gathered_waits_, before);
}

}  // namespace
}  // namespace ringgate
