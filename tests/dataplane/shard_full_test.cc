// Who asks for more than its line takes, and what of memory one may have then, over the fake
// kernel.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/dataplane/share_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::FakeShard;
using test::pass;
using test::pings;
using test::pongs;
using test::shares;

ShardOptions queues(std::size_t most, std::size_t most_answers,
                    std::size_t of_the_shard = 256U << 20U) {
  ShardOptions options = shares(100, 1000);
  options.limits[0].max_queued_bytes = most;
  options.max_answer_bytes = most_answers;
  options.shard_answer_bytes = of_the_shard;
  return options;
}

bool push(FakeShard& it, Connection& connection, std::size_t bytes) {
  std::uint8_t* const to = it.shard.reserve(connection, bytes);
  if (to == nullptr) return false;
  std::fill_n(to, bytes, std::uint8_t{'p'});
  return true;
}

TEST(ShardFull, WhoIsBehindWithWhatItAskedForIsNotReadAndGetsAllOfIt) {
  FakeShard it(1, {}, queues(1000, 1 << 20U));
  Connection* client = nullptr;
  it.handler.accepted = [&](Connection& connection) { client = &connection; };
  FakePeer& peer = it.connect();
  peer.window = 0;
  peer.send(pings(5000));
  ASSERT_TRUE(it.turn_until([&] { return client != nullptr && client->full; }));
  pass(it, std::uint64_t{it.shard.options().write_timeout_ms} / 2);
  EXPECT_TRUE(client->full);
  EXPECT_FALSE(client->reading());
  EXPECT_LT(client->output.queued_bytes(), 2000U);
  EXPECT_FALSE(peer.inbound.empty()) << "what it asks for further is not taken";
  peer.window = SIZE_MAX;
  EXPECT_TRUE(it.turn_until([&] { return peer.received == pongs(5000); }));
  EXPECT_FALSE(client->full);
  EXPECT_GE(it.shard.counters().get(Counter::kClientsFull), 1U);
  EXPECT_TRUE(it.handler.reasons.empty());
}

TEST(ShardFull, PushesAreNoReasonToCloseItBeforeItIsAtItsBound) {
  FakeShard it(1, {}, queues(1000, 5000));
  Connection* client = nullptr;
  it.handler.accepted = [&](Connection& connection) { client = &connection; };
  FakePeer& peer = it.connect();
  peer.window = 0;
  peer.send(pings(5000));
  ASSERT_TRUE(it.turn_until([&] { return client != nullptr && client->full; }));
  while (client->output.queued_bytes() < 5000) ASSERT_TRUE(push(it, *client, 100));
  EXPECT_FALSE(push(it, *client, 100));
  EXPECT_TRUE(it.turn_until([&] { return peer.closed; }));
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kSlowConsumer});
}

TEST(ShardFull, NotReadIsNotSilent) {
  ShardOptions options = queues(1000, 1 << 20U);
  options.limits[0].read_timeout_ms = 1000;
  options.write_timeout_ms = 5000;
  FakeShard it(1, {}, options);
  FakePeer& peer = it.connect();
  peer.window = 0;
  peer.send(pings(5000));
  pass(it, 4000);
  EXPECT_TRUE(it.handler.reasons.empty());
  EXPECT_TRUE(it.turn_until([&] { return peer.closed; }));
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kWriteTimeout});
}

// One cancel of a connection is in flight at a time.
TEST(ShardFull, IsNotReadAlsoWhenItsSendIsBeingAskedHowFarItIs) {
  ShardOptions options = queues(1000, 1 << 20U);
  options.write_timeout_ms = 60'000;
  FakeShard it(1, {}, options);
  Connection* client = nullptr;
  it.handler.accepted = [&](Connection& connection) { client = &connection; };
  FakePeer& peer = it.connect();
  peer.window = 0;
  ASSERT_TRUE(push(it, *client, 500));
  it.handler.tick = [&] {
    if (client->full || (client->ops & Connection::kCancelOp) == 0) return;
    for (int i = 0; i < 2; ++i) {
      std::uint8_t* const to = it.shard.reserve(*client, 1000, Why::kAsked);
      ASSERT_NE(to, nullptr);
      std::fill_n(to, 1000, std::uint8_t{'a'});
    }
  };
  ASSERT_TRUE(it.turn_until([&] { return client->full; }, 20));
  EXPECT_TRUE(client->reading()) << "the cancel of its send is in flight";
  EXPECT_TRUE(it.turn_until([&] { return !client->reading(); }, 20, 100));
  peer.send(pings(20'000));
  pass(it, 1000);
  EXPECT_EQ(client->carry.size, 0U);
  peer.window = SIZE_MAX;
  const std::size_t asked = 500 + 2000;
  EXPECT_TRUE(it.turn_until([&] { return peer.received.size() == asked + pongs(20'000).size(); }));
}

TEST(ShardFull, AShardHasMemoryForSomeOfThem) {
  FakeShard it(1, {}, queues(1000, 1U << 20U, 2000));
  std::vector<FakePeer*> peers;
  for (int i = 0; i < 2; ++i) {
    peers.push_back(&it.connect());
    peers.back()->window = 0;
    peers.back()->send(pings(5000));
    pass(it, 100);
  }
  EXPECT_FALSE(peers[0]->closed);
  EXPECT_TRUE(it.turn_until([&] { return peers[1]->closed; }));
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kSlowConsumer});
  peers[0]->window = SIZE_MAX;
  EXPECT_TRUE(it.turn_until([&] { return peers[0]->received == pongs(5000); }));
  const std::uint64_t before = it.shard.counters().get(Counter::kClientsFull);
  FakePeer& next = it.connect();
  next.window = 0;
  next.send(pings(5000));
  pass(it, 100);
  EXPECT_FALSE(next.closed) << "the first has given its place back";
  EXPECT_EQ(it.shard.counters().get(Counter::kClientsFull), before + 1);
}

// However much more each of them might come to have.
TEST(ShardFull, AShardHasMemoryForManyWithALittle) {
  FakeShard it(1, {}, queues(1000, 1U << 20U, 1U << 20U));
  std::vector<FakePeer*> peers;
  for (std::uint64_t full = 1; full <= 10; ++full) {
    peers.push_back(&it.connect());
    peers.back()->window = 0;
    peers.back()->send(pings(5000));
    ASSERT_TRUE(
        it.turn_until([&] { return it.shard.counters().get(Counter::kClientsFull) == full; }));
  }
  pass(it, 500);
  for (FakePeer* const peer : peers) peer->window = SIZE_MAX;
  for (FakePeer* const peer : peers) {
    EXPECT_TRUE(it.turn_until([&] { return peer->received == pongs(5000); }));
  }
  EXPECT_TRUE(it.handler.reasons.empty());
}

TEST(ShardFull, WhereMemoryIsShortTheOneGoesForWhomMostWaits) {
  FakeShard it(1, {}, queues(1000, 1U << 20U, 20'900));
  std::vector<Connection*> clients;
  it.handler.accepted = [&](Connection& connection) { clients.push_back(&connection); };
  FakePeer& hog = it.connect();
  FakePeer& other = it.connect();
  hog.window = other.window = 0;
  for (int i = 0; i < 20; ++i) {
    std::uint8_t* const to = it.shard.reserve(*clients[0], 1000, Why::kAsked);
    ASSERT_NE(to, nullptr);
    std::fill_n(to, 1000, std::uint8_t{'a'});
  }
  other.send(pings(5000));
  EXPECT_TRUE(it.turn_until([&] { return hog.closed; }));
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kSlowConsumer});
  other.window = SIZE_MAX;
  EXPECT_TRUE(it.turn_until([&] { return other.received == pongs(5000); }));
}

TEST(ShardFull, WhatNobodyUsesAnyMoreGoesBackToTheSystem) {
  FakeShard it(1, {}, queues(1 << 20U, 0));
  Connection* client = nullptr;
  it.handler.accepted = [&](Connection& connection) { client = &connection; };
  FakePeer& peer = it.connect();
  peer.window = 0;
  ASSERT_TRUE(it.turn_until([&] { return client != nullptr; }));
  while (client->output.queued_bytes() < (1U << 20U)) ASSERT_TRUE(push(it, *client, 30'000));
  pass(it, 500);
  const std::uint64_t most = it.shard.counters().get(Gauge::kPoolReservedBytes);
  peer.window = SIZE_MAX;
  ASSERT_TRUE(it.turn_until([&] { return client->output.empty(); }));
  pass(it, 20'000);
  EXPECT_LT(it.shard.counters().get(Gauge::kPoolReservedBytes), most / 2);
}

}  // namespace
}  // namespace ringgate
