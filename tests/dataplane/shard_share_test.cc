// What one connection may have of a turn, a client of a second, and of memory, over the fake
// kernel.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/dataplane/shard_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::FakeShard;
using test::frame;

ShardOptions shares(std::uint32_t client_share, std::uint32_t long_turn) {
  ShardOptions options = test::small_shard();
  options.client_share = client_share;
  options.long_turn = long_turn;
  options.ring.client_buffer_bytes = 4096;
  return options;
}

// Ping frames that say which they are.
std::vector<std::uint8_t> pings(int count) {
  std::vector<std::uint8_t> all;
  for (int i = 0; i < count; ++i) {
    const auto one = frame(Opcode::kPing, std::to_string(i));
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}
std::vector<std::uint8_t> pongs(int count) {
  std::vector<std::uint8_t> all;
  for (int i = 0; i < count; ++i) {
    const auto one = frame(Opcode::kPong, std::to_string(i));
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}
// How many whole pongs of pongs() that is.
int pongs_in(const std::vector<std::uint8_t>& received) {
  std::size_t used = 0;
  for (int count = 0;; ++count) {
    const FrameStep step = next_tcp_frame(ByteView(received).subspan(used), 64);
    if (step.status != FrameStatus::kFrame) return count;
    used += step.consumed;
  }
}

void pass(FakeShard& it, std::uint64_t ms) {
  const std::uint64_t end = test::FakeKernel::now_ms() + ms;
  while (test::FakeKernel::now_ms() < end) it.turn(20);
}

TEST(ShardShare, OneThatPipelinesHasAShareOfATurnAndTheRestInLaterOnes) {
  FakeShard it(1, {}, shares(10, 1000));
  FakePeer& peer = it.connect();
  it.kernel.receive_whole();
  peer.send(pings(45));
  it.turn();
  it.turn();  // what was parsed in one turn is sent in the next
  EXPECT_GE(pongs_in(peer.received), 10);
  EXPECT_LE(pongs_in(peer.received), 20);
  EXPECT_TRUE(it.turn_until([&] { return peer.received == pongs(45); }));
  EXPECT_EQ(it.shard.counters().get(Counter::kDeferred), 4U);
}

TEST(ShardShare, OthersAreAnsweredBeforeTheSecondShare) {
  FakeShard it(1, {}, shares(10, 10));
  std::vector<FakePeer*> loud;
  for (int i = 0; i < 10; ++i) loud.push_back(&it.connect());
  FakePeer& quiet = it.connect();
  it.kernel.receive_whole();
  for (FakePeer* const peer : loud) peer->send(pings(200));
  it.turn();
  quiet.send(pings(1));
  EXPECT_TRUE(it.turn_until([&] { return !quiet.received.empty(); }));
  for (const FakePeer* const peer : loud) EXPECT_LT(pongs_in(peer->received), 60);
  for (const FakePeer* const peer : loud) {
    EXPECT_TRUE(it.turn_until([&] { return peer->received == pongs(200); }));
  }
}

TEST(ShardShare, ReadingPausesWhileMoreIsCollectedThanAShareIsLong) {
  FakeShard it(1, {}, shares(1, 1));
  FakePeer& peer = it.connect();
  peer.send(pings(5000));
  EXPECT_TRUE(it.turn_until([&] { return it.shard.counters().get(Counter::kReadPaused) > 0; }));
  EXPECT_FALSE(peer.inbound.empty());
  const std::vector<std::uint8_t> all = pongs(5000);
  EXPECT_TRUE(it.turn_until([&] { return peer.received.size() == all.size(); }, 1, 50'000));
  EXPECT_EQ(peer.received, all);
}

TEST(ShardShare, WhoEndsItsSideIsAnsweredFirst) {
  FakeShard it(1, {}, shares(3, 3));
  FakePeer& peer = it.connect();
  peer.send(pings(100));
  peer.ended = true;
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }));
  EXPECT_EQ(peer.received, pongs(100));
  it.expect_idle();
}

TEST(ShardShare, WhatIsHeldMeanwhileComesInOrder) {
  FakeShard it(1, {}, shares(16, 16));
  std::vector<std::string> packets;
  Connection* held = nullptr;
  it.handler.packet = [&](Connection& connection, ByteView payload) {
    packets.emplace_back(as_text(payload));
    if (packets.size() == 3) {
      held = &connection;
      it.shard.hold_input(connection);
    }
  };
  FakePeer& peer = it.connect();
  it.kernel.receive_whole();
  std::vector<std::string> sent;
  for (int i = 0; i < 20; ++i) {
    sent.push_back("packet " + std::to_string(i));
    peer.send(frame(Opcode::kBinary, sent.back()));
  }
  EXPECT_TRUE(it.turn_until([&] { return held != nullptr; }));
  for (int i = 0; i < 20; ++i) it.turn();
  EXPECT_EQ(packets.size(), 3U);
  it.shard.release_input(*held);
  EXPECT_TRUE(it.turn_until([&] { return packets.size() == sent.size(); }));
  EXPECT_EQ(packets, sent);
}

TEST(ShardShare, OneThatGoesWhileItWaitsLeavesNothing) {
  FakeShard it(1, {}, shares(1, 1));
  FakePeer& peer = it.connect();
  peer.send(pings(2000));
  EXPECT_TRUE(it.turn_until([&] { return it.shard.counters().get(Counter::kDeferred) > 3; }));
  it.handler.tick = [&] {
    it.shard.table().for_each_client([&](Connection& connection) {
      if (connection.open()) it.shard.abort(connection, CloseReason::kDraining);
    });
  };
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }, 50));
  FakePeer& next = it.connect();  // in the same slot
  next.send(pings(2));
  it.handler.tick = [] {};
  EXPECT_TRUE(it.turn_until([&] { return next.closed || next.received == pongs(2); }));
}

// --- Rates ---------------------------------------------------------------------------------------

ShardOptions rated(std::uint32_t frames_per_s, std::uint32_t bytes_per_s) {
  ShardOptions options = shares(256, 1024);
  options.client_frames_per_s = frames_per_s;
  options.client_bytes_per_s = bytes_per_s;
  return options;
}

TEST(ShardRate, AClientIsReadAtItsRateAndLosesNothing) {
  FakeShard it(1, {}, rated(100, 0));
  FakePeer& peer = it.connect();
  FakePeer& other = it.connect();
  peer.send(pings(1000));
  pass(it, 1000);
  // A second's worth at once, and what a second gives; a receive counts as a whole.
  const int first = pongs_in(peer.received);
  EXPECT_GE(first, 100);
  EXPECT_LE(first, 600);
  other.send(pings(1));
  EXPECT_TRUE(it.turn_until([&] { return other.received == pongs(1); }));
  pass(it, 10'000);
  EXPECT_EQ(pongs_in(peer.received), 1000);
  EXPECT_EQ(peer.received, pongs(1000));
  EXPECT_GT(it.shard.counters().get(Counter::kThrottled), 1U);
}

TEST(ShardRate, BelowItNothingIsHeldUp) {
  FakeShard it(1, {}, rated(100, 10'000));
  FakePeer& peer = it.connect();
  for (int i = 0; i < 200; ++i) {
    peer.send(pings(1));
    pass(it, 20);
  }
  EXPECT_EQ(pongs_in(peer.received), 200);
  EXPECT_EQ(it.shard.counters().get(Counter::kThrottled), 0U);
}

TEST(ShardRate, BytesCountToo) {
  FakeShard it(1, {}, rated(0, 5000));
  FakePeer& peer = it.connect();
  const std::string large(900, 'x');
  for (int i = 0; i < 50; ++i) peer.send(frame(Opcode::kBinary, large));
  pass(it, 2000);
  EXPECT_GT(it.shard.counters().get(Counter::kThrottled), 0U);
  EXPECT_FALSE(peer.inbound.empty());
  pass(it, 20'000);
  EXPECT_TRUE(peer.inbound.empty());
  EXPECT_EQ(it.shard.counters().get(Counter::kBytesIn), 50U * (900 + kTcpFrameHeadBytes));
}

TEST(ShardRate, ADryRunCountsAndHoldsUpNothing) {
  ShardOptions options = rated(100, 0);
  options.limits_dry_run = true;
  FakeShard it(1, {}, options);
  FakePeer& peer = it.connect();
  peer.send(pings(1000));
  pass(it, 500);
  EXPECT_EQ(pongs_in(peer.received), 1000);
  EXPECT_GT(it.shard.counters().get(Counter::kThrottled), 1U);
}

// What a read brings at once is not forgiven.
TEST(ShardRate, WhoNeverPausesGetsNoMoreThanItsRate) {
  FakeShard it(1, {}, rated(10, 0));
  FakePeer& peer = it.connect();
  peer.send(pings(5000));
  pass(it, 20'000);
  EXPECT_GE(pongs_in(peer.received), 190);
  EXPECT_LE(pongs_in(peer.received), 215);
  EXPECT_TRUE(it.handler.reasons.empty());
}

TEST(ShardRate, BytesOfALongReadArePaidFor) {
  FakeShard it(1, {}, rated(0, 1000));
  FakePeer& peer = it.connect();
  for (int i = 0; i < 2000; ++i) peer.send(frame(Opcode::kBinary, std::string(90, 'x')));
  pass(it, 60'000);
  const std::uint64_t in = it.shard.counters().get(Counter::kBytesIn);
  EXPECT_GE(in, 58'000U);
  EXPECT_LE(in, 61'000U + 8'192U) << "a second's worth, and what was read before reading paused";
  EXPECT_TRUE(it.handler.reasons.empty()) << "it is not silent";
}

TEST(ShardRate, OneThatIsPausedMayEndItsSideAndIsAnsweredFirst) {
  FakeShard it(1, {}, rated(50, 0));
  FakePeer& peer = it.connect();
  peer.send(pings(300));
  peer.ended = true;
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }, 50));
  EXPECT_EQ(peer.received, pongs(300));
  it.expect_idle();
}

// --- Accepts -------------------------------------------------------------------------------------

TEST(ShardRate, AfterAnOutageClientsAreAcceptedAtTheRate) {
  ShardOptions options = test::small_shard();
  options.max_clients = 1000;
  options.accepts_per_s = 100;
  FakeShard it(1, {}, options);
  pass(it, 1000);
  std::vector<FakePeer*> peers;
  for (int i = 0; i < 500; ++i) peers.push_back(&it.kernel.connect());
  const auto accepted = [&] {
    return std::ranges::count_if(peers, [](const FakePeer* peer) { return peer->accepted; });
  };
  pass(it, 1000);
  EXPECT_GE(accepted(), 95);
  EXPECT_LE(accepted(), 125);  // and 200 ms' worth that was saved up
  pass(it, 2000);
  EXPECT_GE(accepted(), 290);
  EXPECT_LE(accepted(), 325);
  EXPECT_GT(it.shard.counters().get(Counter::kAcceptRateReached), 0U);
  EXPECT_EQ(it.shard.counters().get(Gauge::kListenersClosed), 0U);
  pass(it, 2500);
  EXPECT_EQ(accepted(), 500);
}

TEST(ShardRate, InADryRunAllAreAcceptedAtOnce) {
  ShardOptions options = test::small_shard();
  options.max_clients = 1000;
  options.accepts_per_s = 100;
  options.limits_dry_run = true;
  FakeShard it(1, {}, options);
  std::vector<FakePeer*> peers;
  for (int i = 0; i < 500; ++i) peers.push_back(&it.kernel.connect());
  pass(it, 500);
  EXPECT_TRUE(std::ranges::all_of(peers, &FakePeer::accepted));
  EXPECT_GT(it.shard.counters().get(Counter::kAcceptRateReached), 0U);
}

// --- Who asks for more than its line takes ------------------------------------------------------

ShardOptions queues(std::size_t most, std::size_t most_answers) {
  ShardOptions options = shares(100, 1000);
  options.limits[0].max_queued_bytes = most;
  options.max_answer_bytes = most_answers;
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

TEST(ShardFull, AShardHasMemoryForSomeOfThem) {
  FakeShard it(1, {}, queues(1000, 256U << 20U));
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

TEST(ShardFull, WhereMemoryIsShortTheOneGoesForWhomMostWaits) {
  FakeShard it(1, {}, queues(1000, 256U << 20U));
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
