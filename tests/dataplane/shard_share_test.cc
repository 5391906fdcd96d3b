// What one connection may have of a turn, and a client of a second, over the fake kernel. Of
// memory: shard_full_test.cc.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/dataplane/share_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::FakeShard;
using test::frame;
using test::pass;
using test::pings;
using test::pongs;
using test::pongs_in;
using test::shares;

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

// --- Links ---------------------------------------------------------------------------------------

ShardOptions link_shares(std::uint32_t link_share) {
  ShardOptions options = shares(256, 1000);
  options.link_share = link_share;
  options.ring.link_buffer_bytes = 4096;
  return options;
}

TEST(ShardShare, ALinkHasAShareOfATurnToo) {
  FakeShard it(1, {}, link_shares(10));
  FakePeer& link = it.adopt();
  it.kernel.receive_whole();
  link.send(pings(45));
  it.turn();
  it.turn();  // what was parsed in one turn is sent in the next
  EXPECT_GE(pongs_in(link.received), 10);
  EXPECT_LE(pongs_in(link.received), 20);
  EXPECT_TRUE(it.turn_until([&] { return link.received == pongs(45); }));
  EXPECT_EQ(it.shard.counters().get(Counter::kDeferred), 4U);
}

TEST(ShardShare, ClientsAndOtherLinksAreAnsweredBesideOneThatFloods) {
  FakeShard it(1, {}, link_shares(10));
  FakePeer& loud = it.adopt();
  FakePeer& other = it.adopt();
  FakePeer& client = it.connect();
  it.kernel.receive_whole();
  loud.send(pings(400));
  it.turn();
  other.send(pings(1));
  client.send(pings(1));
  EXPECT_TRUE(it.turn_until([&] { return !other.received.empty() && !client.received.empty(); }));
  EXPECT_LT(pongs_in(loud.received), 60);
  EXPECT_TRUE(it.turn_until([&] { return loud.received == pongs(400); }));
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

TEST(ShardRate, AnotherRateForgivesWhatWasSpentByThisOne) {
  const std::vector<WsUpgradeOptions> rules(1);
  for (const bool dry_run : {false, true}) {
    ShardOptions options = rated(0, 100);
    FakeShard it(1, {}, options);
    it.kernel.receive_whole();
    FakePeer& peer = it.connect();
    peer.send(pings(2000));  // 4 KiB at once: forty seconds
    pass(it, 5000);
    const int before = pongs_in(peer.received);
    EXPECT_LT(before, 2000);
    options.client_bytes_per_s = 101;
    it.shard.reconfigure(options, rules);
    pass(it, 500);
    EXPECT_GT(pongs_in(peer.received), before) << "once more what a read brings";
    options.client_bytes_per_s = dry_run ? 101 : 0;
    options.limits_dry_run = dry_run;
    it.shard.reconfigure(options, rules);
    pass(it, 1000);
    EXPECT_EQ(pongs_in(peer.received), 2000);
  }
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
  const auto at_first = accepted();
  pass(it, 2000);
  EXPECT_GE(accepted(), at_first + 190);
  EXPECT_LE(accepted(), at_first + 210);
  EXPECT_GT(it.shard.counters().get(Counter::kAcceptRateReached), 0U);
  EXPECT_EQ(it.shard.counters().get(Gauge::kListenersClosed), 0U);
  pass(it, 2500);
  EXPECT_EQ(accepted(), 500);
}

// Those before them in the backlog close at once, or are more of one address than may be.
TEST(ShardRate, WhoGoesWithoutAWordTakesNothingOfIt) {
  for (const bool stays : {false, true}) {
    ShardOptions options = test::small_shard();
    options.max_clients = 1000;
    options.accepts_per_s = 10;
    options.max_clients_per_address = 20;
    FakeShard it(1, {}, options);
    pass(it, 1000);
    for (int i = 0; i < 500; ++i) {
      FakePeer& goes = it.kernel.connect();
      goes.ip = 0x7F000042;
      goes.ended = !stays;
    }
    std::vector<FakePeer*> peers;
    for (int i = 0; i < 10; ++i) peers.push_back(&it.kernel.connect());
    pass(it, 10'000);
    EXPECT_TRUE(std::ranges::all_of(peers, [](const FakePeer* one) { return one->accepted; }))
        << stays;
  }
}

// Of a crowd that waits, whatever the rate is: within a twentieth, over ten seconds.
TEST(ShardRate, AcceptsAreAsManyAsTheRateSays) {
  for (const std::uint32_t rate : {3U, 7U, 33U, 240U}) {
    ShardOptions options = test::small_shard();
    options.max_clients = 3000;
    options.accepts_per_s = rate;
    // Of two listeners each has an accept armed, whatever there is credit for.
    FakeShard it(1, {}, options, nullptr, {Transport::kTcp, Transport::kTcp});
    for (std::uint32_t i = 0; i < 11 * rate; ++i) {
      it.kernel.connect(it.listeners[i % 2].sockets.port());
    }
    pass(it, 10'000);
    const auto accepted = static_cast<double>(it.shard.counters().get(Counter::kAccepted));
    EXPECT_NEAR(accepted, 10.0 * rate, std::max(0.5 * rate, 2.0)) << rate;
  }
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

// --- A full file table ---------------------------------------------------------------------------

// EMFILE, ENFILE, ENOBUFS and ENOMEM in turn.
TEST(ShardShortOfFiles, OldClientsStayAndNewOnesComeInLaterByThemselves) {
  FakeShard it(1);
  FakePeer& old = it.connect();
  it.kernel.set_faults({.accept_short = 1});
  std::vector<FakePeer*> peers;
  for (int i = 0; i < 10; ++i) peers.push_back(&it.kernel.connect());
  const std::size_t accepts = it.kernel.added(OpKind::kAccept);
  pass(it, 5'000);
  EXPECT_TRUE(std::ranges::none_of(peers, &FakePeer::accepted));
  // One round of those that are armed in each sweep, and no more.
  const std::size_t sweeps = 5'000 / it.shard.options().sweep_ms;
  const std::size_t places = it.shard.options().max_clients - 1;
  EXPECT_LE(it.kernel.added(OpKind::kAccept) - accepts, (sweeps + 1) * places);
  EXPECT_GE(it.shard.counters().get(Counter::kAcceptErrors), sweeps / 2);
  old.send(pings(3));
  EXPECT_TRUE(it.turn_until([&] { return old.received == pongs(3); }));
  it.kernel.set_faults({});
  EXPECT_TRUE(it.turn_until([&] { return std::ranges::all_of(peers, &FakePeer::accepted); }, 50));
  peers.front()->send(pings(1));
  EXPECT_TRUE(it.turn_until([&] { return peers.front()->received == pongs(1); }));
  EXPECT_EQ(it.shard.counters().get(Gauge::kListenersClosed), 0U);
  EXPECT_TRUE(it.handler.reasons.empty());
}

}  // namespace
}  // namespace ringgate
