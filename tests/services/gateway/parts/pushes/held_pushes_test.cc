// What becomes of pushes to a client that does not read.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/services/gateway/parts/pushes/deliveries_fixture.h"

namespace ringgate {
namespace {

using test::Bodies;
using test::Got;
using test::TestClient;

constexpr std::size_t kMostQueued = 4'000;

ShardOptions shard_of_short_queues() {
  ShardOptions options = test::gateway_shard();
  options.limits[0].max_queued_bytes = kMostQueued;
  return options;
}

class HeldPushesPart : public test::DeliveriesPart {
 protected:
  HeldPushesPart() : DeliveriesPart(shard_of_short_queues()) {}

  void for_all(SlowConsumer policy) { gateway_.context.options.slow_consumers.for_all = policy; }
  // As SIGHUP does it.
  void reload(SlowConsumer policy) {
    const SlowConsumers before = gateway_.context.options.slow_consumers;
    for_all(policy);
    deliveries_.policies_changed(before);
  }
  // With the meta that tells how many were dropped before, if it has one: "+3 body".
  Bodies told(const TestClient& client) {
    Bodies all;
    for (const Got& got : gateway_.got(*client.peer)) {
      EXPECT_EQ(got.closed, "");
      EXPECT_LE(got.header.meta_size(), 1);
      std::string dropped;
      for (const pkt::Meta& meta : got.header.meta()) {
        EXPECT_EQ(meta.key(), "dropped");
        dropped = "+" + meta.value() + " ";
      }
      all.push_back(dropped + got.body);
    }
    return all;
  }
  [[nodiscard]] std::uint64_t dropped() const { return count(GatewayCounter::kPushesDropped); }
  [[nodiscard]] std::uint64_t held_bytes() const {
    return gateway_.gauge(GatewayGauge::kHeldPushBytes);
  }
  // A body of its number, so long that a few of them fill a queue.
  static std::string body(int number) { return std::to_string(number) + std::string(400, '.'); }
};

TEST_F(HeldPushesPart, TheOldestAreDroppedAndTheClientIsToldAndStays) {
  for_all(SlowConsumer::kDropOldest);
  const TestClient alice = gateway_.channel("alice");
  alice.peer->window = 0;
  constexpr int kPushes = 100;
  for (int i = 0; i < kPushes; ++i) {
    push(id(alice), body(i));
    EXPECT_LE(held_bytes(), kMostQueued / 2);
  }
  EXPECT_GT(held_bytes(), 0U);
  alice.peer->window = SIZE_MAX;
  const Bodies got = told(alice);
  EXPECT_EQ(held_bytes(), 0U);
  EXPECT_TRUE(gateway_.it.handler.reasons.empty());

  // Those that were queued, then a gap, then the newest, all in order.
  ASSERT_GT(got.size(), 3U);
  EXPECT_EQ(got.size() + dropped(), kPushes);
  std::size_t at = 0;
  while (at < got.size() && got[at] == body(static_cast<int>(at))) ++at;
  ASSERT_GT(at, 0U);
  ASSERT_LT(at, got.size());
  const int gap = static_cast<int>(dropped());
  EXPECT_EQ(got[at], "+" + std::to_string(gap) + " " + body(static_cast<int>(at) + gap));
  for (++at; at < got.size(); ++at) EXPECT_EQ(got[at], body(static_cast<int>(at) + gap));
  EXPECT_EQ(count(GatewayCounter::kDelivered), got.size());

  push(id(alice), "after that");
  EXPECT_EQ(told(alice), Bodies{"after that"});
}

// Of a service of one's own, whose commands nobody knows before they are pushed.
TEST_F(HeldPushesPart, WhatWasDroppedIsRecordedUnderItsName) {
  for_all(SlowConsumer::kDropOldest);
  const TestClient alice = gateway_.channel("alice");
  alice.peer->window = 0;
  for (int i = 0; i < 20; ++i) push(id(alice), body(i));
  ASSERT_GT(dropped(), 0U);
  const OwnCommands& own = gateway_.context.counters.own_commands;
  const std::uint16_t number = own.number_of(0, own.find("echo.push"));
  ASSERT_NE(number, 0);
  std::uint64_t events = 0;
  channel_of(*alice.connection)->record->for_each([&](const Event& event) {
    if (event.kind() != EventKind::kPushDropped) return;
    ++events;
    EXPECT_EQ(event.status, number);
  });
  EXPECT_EQ(events, dropped());
  alice.peer->window = SIZE_MAX;
}

TEST_F(HeldPushesPart, OfEachCommandTheNewestWaits) {
  for_all(SlowConsumer::kNewestOnly);
  const TestClient alice = gateway_.channel("alice");
  alice.peer->window = 0;
  for (int i = 0; i < 5; ++i) push(id(alice), body(i));  // the queue is half full then
  ASSERT_EQ(dropped(), 0U);
  for (int i = 1; i <= 4; ++i) {
    push(id(alice), "here " + std::to_string(i), "presence.state");
    push(id(alice), "typing " + std::to_string(i), "presence.typing");
  }
  push(id(alice), "here 5", "presence.state");
  alice.peer->window = SIZE_MAX;
  const Bodies got = told(alice);
  ASSERT_EQ(got.size(), 7U);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(got[static_cast<std::size_t>(i)], body(i));
  EXPECT_EQ(got[5], "+7 typing 4");
  EXPECT_EQ(got[6], "here 5");
  EXPECT_EQ(dropped(), 7U);
}

TEST_F(HeldPushesPart, TheOthersOfItsPrefixesAreNotLost) {
  gateway_.context.options.slow_consumers.by_prefix["presence"] = SlowConsumer::kNewestOnly;
  const TestClient alice = gateway_.channel("alice");
  alice.peer->window = 0;
  for (int i = 0; i < 5; ++i) push(id(alice), body(i));
  push(id(alice), "here 1", "presence.state");
  push(id(alice), "here 2", "presence.state");
  push(id(alice), "a message");
  alice.peer->window = SIZE_MAX;
  const Bodies got = told(alice);
  ASSERT_EQ(got.size(), 7U);
  EXPECT_EQ(got[5], "a message") << "what may be lost comes behind";
  EXPECT_EQ(got[6], "+1 here 2");

  alice.peer->window = 0;
  const std::string her = id(alice);
  for (int i = 0; i < 12; ++i) push(her, body(i));
  EXPECT_EQ(gateway_.it.handler.reasons, std::vector<CloseReason>{CloseReason::kSlowConsumer});
}

TEST_F(HeldPushesPart, AnAnswerAndAKickOutDoNotWait) {
  for_all(SlowConsumer::kDropOldest);
  const TestClient alice = gateway_.channel("alice");
  outstanding(alice, 7);
  alice.peer->window = 0;
  for (int i = 0; i < 6; ++i) push(id(alice), body(i));
  ASSERT_GT(held_bytes(), 0U);
  answer(id(alice), 7, "an answer");
  kick_out(id(alice));
  EXPECT_EQ(held_bytes(), 0U);
  EXPECT_EQ(dropped(), 1U) << "her channel has ended with it";
  alice.peer->window = SIZE_MAX;
  std::vector<Got> got = gateway_.got(*alice.peer);
  ASSERT_EQ(got.size(), 8U);
  EXPECT_EQ(got[5].body, "an answer");
  EXPECT_EQ(got[6].header.command(), kCommandSignIn);
  EXPECT_NE(got[7].closed, "");
}

// Longer than what may wait: it is the only one then.
TEST_F(HeldPushesPart, ALongOneIsSharedWithTheOthersAndDropsWhatWaited) {
  for_all(SlowConsumer::kDropOldest);
  const TestClient alice = gateway_.channel("alice");
  const TestClient bob = gateway_.channel("bob");
  alice.peer->window = 0;
  for (int i = 0; i < 6; ++i) push(id(alice), body(i));
  const std::size_t before = gateway_.it.shard.pool().used_bytes();
  const std::string longer(10'000, 'l');
  push(id(alice) + "," + id(bob), longer);
  EXPECT_EQ(bodies(bob), Bodies{longer});
  EXPECT_EQ(dropped(), 1U);
  EXPECT_LT(gateway_.it.shard.pool().used_bytes(), before + longer.size() + 4'096);
  push(id(alice) + "," + id(bob), longer);
  EXPECT_EQ(dropped(), 2U);
  alice.peer->window = SIZE_MAX;
  const Bodies got = told(alice);
  ASSERT_EQ(got.size(), 6U);
  EXPECT_EQ(got[5], "+2 " + longer);
  EXPECT_EQ(bodies(bob), Bodies{longer});
  alice.peer->window = 0;
  for (int i = 0; i < 5; ++i) push(id(alice), body(i));
  push(id(alice) + "," + id(bob), longer);
  alice.peer->window = SIZE_MAX;
  EXPECT_EQ(told(alice).back(), longer) << "as it was encoded";
}

// Whatever comes of it then: what waits is not overtaken by what comes under another policy.
TEST_F(HeldPushesPart, AChangeOfThePolicyLetsGoWhatWaits) {
  for_all(SlowConsumer::kNewestOnly);
  const TestClient alice = gateway_.channel("alice");
  alice.peer->window = 0;
  for (int i = 0; i < 8; ++i) push(id(alice), body(i));
  ASSERT_GT(held_bytes(), 0U);
  reload(SlowConsumer::kClose);
  EXPECT_EQ(held_bytes(), 0U);
  push(id(alice), "after that");
  alice.peer->window = SIZE_MAX;
  const Bodies got = told(alice);
  ASSERT_EQ(got.size(), 7U);
  EXPECT_EQ(got[5], "+2 " + body(7));
  EXPECT_EQ(got[6], "after that");
}

// One long push has filled the queue beyond its bound.
TEST_F(HeldPushesPart, AChangeOfThePolicyDropsWhatTheQueueHasNoRoomFor) {
  for_all(SlowConsumer::kDropOldest);
  const TestClient alice = gateway_.channel("alice");
  alice.peer->window = 0;
  const std::string longer(2 * kMostQueued, 'x');
  push(id(alice), body(0));
  push(id(alice), longer);
  for (int i = 1; i <= 2; ++i) push(id(alice), body(i));
  ASSERT_GT(held_bytes(), 0U);
  reload(SlowConsumer::kClose);
  EXPECT_EQ(held_bytes(), 0U);
  EXPECT_EQ(dropped(), 2U);
  alice.peer->window = SIZE_MAX;
  EXPECT_EQ(told(alice), (Bodies{body(0), longer})) << "and she stays";

  push(id(alice), "one that may not be lost");
  for_all(SlowConsumer::kDropOldest);
  push(id(alice), "one that may");
  push(id(alice), "another");
  EXPECT_EQ(told(alice), (Bodies{"one that may not be lost", "+2 one that may", "another"}));
  EXPECT_EQ(held_bytes(), 0U);
}

TEST_F(HeldPushesPart, AChangeOfThePolicyDropsTheOldestAndKeepsTheOthers) {
  for_all(SlowConsumer::kDropOldest);
  const TestClient alice = gateway_.channel("alice");
  outstanding(alice, 7);
  alice.peer->window = 0;
  for (int i = 0; i < 10; ++i) push(id(alice), body(i));
  answer(id(alice), 7, std::string(kMostQueued / 4, 'a'));
  ASSERT_EQ(dropped(), 1U);
  reload(SlowConsumer::kClose);
  EXPECT_GT(dropped(), 1U);
  alice.peer->window = SIZE_MAX;
  const Bodies got = told(alice);
  EXPECT_EQ(got.size() + dropped(), 11U) << "she stays";
  EXPECT_EQ(got.back(), body(9));
  EXPECT_NE(got.end(), std::ranges::find_if(got, [&](const std::string& one) {
              return one.starts_with("+" + std::to_string(dropped()) + " ");
            }));
}

// Nobody is closed who would rather miss some.
TEST_F(HeldPushesPart, AnotherPolicyThatDropsLetsItWait) {
  for_all(SlowConsumer::kDropOldest);
  const TestClient alice = gateway_.channel("alice");
  alice.peer->window = 0;
  for (int i = 0; i < 20; ++i) push(id(alice), body(i));
  const std::size_t held = held_bytes();
  ASSERT_GT(held, 0U);
  reload(SlowConsumer::kNewestOnly);
  EXPECT_EQ(held_bytes(), held);
  push(id(alice), body(20));
  EXPECT_LT(held_bytes(), held) << "the newest instead of all of them";
  alice.peer->window = SIZE_MAX;
  EXPECT_TRUE(told(alice).back().ends_with(body(20)));
}

TEST_F(HeldPushesPart, WhatWaitsGoesWithItsChannel) {
  gateway_.context.options.flight_recorder = false;  // it keeps something of a channel for a while
  for_all(SlowConsumer::kDropOldest);
  push("nobody", "so that the link has what it needs");
  const std::size_t before = gateway_.it.shard.pool().used_bytes();
  const TestClient alice = gateway_.channel("alice");
  alice.peer->window = 0;
  for (int i = 0; i < 8; ++i) push(id(alice), body(i));
  ASSERT_GT(held_bytes(), 0U);
  const std::uint64_t delivered = count(GatewayCounter::kDelivered);
  alice.peer->reset = true;
  gateway_.settle();
  EXPECT_EQ(held_bytes(), 0U);
  EXPECT_EQ(delivered + dropped(), 8U);
  EXPECT_EQ(gateway_.it.shard.pool().used_bytes(), before);
}

}  // namespace
}  // namespace ringgate
