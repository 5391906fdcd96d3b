// What a shard does by time (a fake one), and its acceptor.
#include <algorithm>
#include <cstring>
#include <vector>

#include "tests/dataplane/shard_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::FakeShard;
using test::frame;

// Turns until so much fake time has passed.
void pass(FakeShard& it, std::uint64_t ms) {
  const std::uint64_t end = test::FakeKernel::now_ms() + ms;
  while (test::FakeKernel::now_ms() < end) it.turn(50);
}

ShardOptions three_seconds_to_write() {
  ShardOptions options = test::small_shard();
  options.write_timeout_ms = 3000;
  return options;
}

TEST(ShardTime, HalfAFrameAndSilenceEndInTheIdleTimeout) {
  ShardOptions options = test::small_shard();
  options.limits[0].read_timeout_ms = 5000;
  FakeShard it(1, {}, options);
  FakePeer& peer = it.connect();
  peer.send(ByteView(kTcpPing).first(7));
  pass(it, 4900);
  EXPECT_TRUE(it.handler.reasons.empty());
  pass(it, 1200);  // the timeout and a whole sweep
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kIdleTimeout});
  it.turn_until([&] { return it.shard.table().clients() == 0; }, 50);
  it.expect_idle();
  EXPECT_EQ(peer.received, frame(Opcode::kClose, describe(CloseReason::kIdleTimeout).name));
}

TEST(ShardTime, AByteNowAndThenKeepsAConnectionOpen) {
  ShardOptions options = test::small_shard();
  options.limits[0].read_timeout_ms = 5000;
  FakeShard it(1, {}, options);
  FakePeer& peer = it.connect();
  for (int i = 0; i < 10; ++i) {
    peer.send(kTcpPing);
    pass(it, 4000);
  }
  EXPECT_TRUE(it.handler.reasons.empty());
}

TEST(ShardTime, ZeroMeansNoIdleTimeout) {
  ShardOptions options = test::small_shard();
  options.limits[0].read_timeout_ms = 0;
  FakeShard it(1, {}, options);
  it.connect();
  pass(it, 500'000);
  EXPECT_TRUE(it.handler.reasons.empty());
}

TEST(ShardTime, ASendThatDoesNotCompleteEndsInTheWriteTimeout) {
  FakeShard it(1, {}, three_seconds_to_write());
  FakePeer& peer = it.connect();
  peer.window = 4;
  peer.send(kTcpPing);
  pass(it, 2900);
  EXPECT_TRUE(it.handler.reasons.empty());
  pass(it, 1300);
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kWriteTimeout});
  it.turn_until([&] { return it.shard.table().clients() == 0; }, 50);
  it.expect_idle();
}

// A send that is in flight for minutes, as a long answer over a slow line is.
TEST(ShardTime, WhoTakesALittleNowAndThenIsNotLate) {
  constexpr std::size_t kBytes = 50'000;
  for (const bool ends : {false, true}) {
    ShardOptions options = three_seconds_to_write();
    options.limits[0].read_timeout_ms = 0;
    FakeShard it(1, {}, options);
    const std::vector<std::uint8_t> answer(kBytes);
    it.handler.packet = [&](Connection& connection, ByteView) {
      std::uint8_t* const to =
          it.shard.reserve_frame(connection, Opcode::kBinary, kBytes, Why::kAsked);
      ASSERT_NE(to, nullptr);
      std::ranges::copy(answer, to);
      if (ends) it.shard.finish(connection, CloseReason::kDraining);
    };
    FakePeer& peer = it.connect();
    peer.window = 0;
    peer.send(frame(Opcode::kBinary, "page"));
    for (int i = 0; i < 40; ++i) {
      peer.window = kBytes / 50;
      pass(it, 2000);
      ASSERT_FALSE(peer.saw_end) << i;
    }
    EXPECT_GE(peer.received.size(), kBytes * 3 / 4);
    EXPECT_EQ(peer.user_timeout_ms, 0U) << "the kernel would say that it has taken too long";
    pass(it, 4500);
    EXPECT_TRUE(peer.saw_end) << "it takes nothing more";
    EXPECT_EQ(peer.user_timeout_ms, 3000U) << "who has gone is the kernel's to judge";
    it.turn_until([&] { return it.shard.table().clients() == 0; }, 50);
    it.expect_idle();
  }
}

TEST(ShardTime, WhoHasCaughtUpIsTheKernelsToJudgeAgain) {
  FakeShard it(1, {}, three_seconds_to_write());
  FakePeer& peer = it.connect();
  peer.window = 0;
  peer.send(kTcpPing);
  EXPECT_TRUE(it.turn_until([&] { return peer.user_timeout_ms == 0U; }, 100));
  peer.window = SIZE_MAX;
  pass(it, 2500);
  EXPECT_EQ(peer.user_timeout_ms, 0U) << "the kernel may still hold something for it";
  EXPECT_TRUE(it.turn_until([&] { return peer.user_timeout_ms == 3000U; }, 100));
  EXPECT_TRUE(it.handler.reasons.empty());
}

TEST(ShardTime, AFlushThatDoesNotCompleteEndsToo) {
  FakeShard it(1, {}, three_seconds_to_write());
  FakePeer& peer = it.connect();
  peer.window = 0;
  peer.send(frame(Opcode::kClose, ""));
  pass(it, 1000);
  EXPECT_FALSE(peer.closed);
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }, 50));
  it.expect_idle();
}

TEST(ShardTime, LingeringIsBounded) {
  FakeShard it(1);
  FakePeer& peer = it.connect();
  peer.send(frame(Opcode::kClose, ""));
  it.turn_until([&] { return peer.saw_end; });
  const std::uint64_t began = test::FakeKernel::now_ms();
  EXPECT_TRUE(it.turn_until([&] { return peer.closed; }, 50));  // it never ends its side
  EXPECT_LE(test::FakeKernel::now_ms() - began, 3000U);
  it.turn();
  it.turn_until([&] { return it.shard.table().clients() == 0; });
  it.expect_idle();
}

TEST(ShardTime, ADeadlineFiresOnceAndCanBeCleared) {
  FakeShard it(1);
  std::vector<Connection*> connections;
  it.handler.accepted = [&](Connection& connection) {
    connections.push_back(&connection);
    it.shard.set_deadline(connection, 2000);
  };
  std::vector<Connection*> fired;
  it.handler.deadline = [&](Connection& connection) {
    EXPECT_EQ(connection.deadline_ms, 0U);
    fired.push_back(&connection);
  };
  it.connect();
  it.connect();
  it.shard.set_deadline(*connections[0], 0);
  pass(it, 1900);
  EXPECT_TRUE(fired.empty());
  pass(it, 10'000);
  EXPECT_EQ(fired, std::vector{connections[1]});
}

TEST(ShardTime, TimesSurviveTheWrapOfTheClock) {
  ShardOptions options = test::small_shard();
  options.limits[0].read_timeout_ms = 5000;
  FakeShard it(1, {}, options);
  it.handler.accepted = [&](Connection& connection) { it.shard.set_deadline(connection, 2000); };
  for (int i = 0; i < 4; ++i) {  // times further apart than half the range do not compare
    it.kernel.advance((0xFFFF'FFFFu - 2500u) / 4);
    it.turn();
  }
  it.connect();
  pass(it, 1900);
  EXPECT_EQ(it.handler.deadlines, 0);
  pass(it, 1200);
  EXPECT_EQ(it.handler.deadlines, 1);
  EXPECT_TRUE(it.handler.reasons.empty());
  const int ticks = it.handler.ticks;
  pass(it, 3100);
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kIdleTimeout});
  EXPECT_GT(it.handler.ticks, ticks + 10);
}

TEST(ShardTime, EveryConnectionIsLookedAtInASweep) {
  ShardOptions options = test::small_shard();
  options.limits[0].read_timeout_ms = 5000;
  FakeShard it(1, {}, options);
  for (int i = 0; i < 20; ++i) it.connect();
  pass(it, 6500);
  EXPECT_EQ(it.handler.reasons.size(), 20U);
}

// --- the acceptor -------------------------------------------------------------------------------

TEST(ShardAccept, AFullTableClosesTheListenerAndReopensIt) {
  FakeShard it(1, {.stall = 2});
  const auto max = static_cast<std::size_t>(it.shard.options().max_clients);
  std::vector<FakePeer*> peers;
  for (std::size_t i = 0; i < max; ++i) peers.push_back(&it.connect());
  EXPECT_EQ(it.kernel.armed_accepts(), 0U);
  EXPECT_NE(it.listener.sockets.fd(0), -1) << "a place may be on its way to be free";
  pass(it, 250);
  EXPECT_EQ(it.listener.sockets.fd(0), -1);
  EXPECT_EQ(it.shard.counters().get(Counter::kListenerClosed), 1U);
  it.kernel.connect();
  for (int i = 0; i < 20; ++i) it.turn(50);
  EXPECT_EQ(it.shard.table().clients(), max);
  peers[0]->ended = true;
  it.turn_until([&] { return it.shard.table().clients() == max - 1; }, 50);
  it.turn(100);
  it.turn(100);
  EXPECT_EQ(it.listener.sockets.fd(0), -1) << "it reopens below 95 %";
  peers[1]->ended = true;
  EXPECT_TRUE(it.turn_until([&] { return it.listener.sockets.fd(0) >= 0; }, 50));
  EXPECT_TRUE(it.turn_until([&] { return it.kernel.waiting_peers() == 0; }, 50));
}

TEST(ShardAccept, NeverArmsMoreThanThereIsRoomFor) {
  test::for_each_seed(30, [](std::uint64_t seed) {  // checked by the fake kernel
    FakeShard it(seed, {.stall = 2, .accept_fails = 5});
    std::vector<FakePeer*> peers;
    test::Random random(seed);
    for (int i = 0; i < 300; ++i) {
      if (random.one_in(2)) peers.push_back(&it.kernel.connect());
      if (!peers.empty() && random.one_in(2)) {
        FakePeer& peer = *peers[random.below(peers.size())];
        (random.one_in(2) ? peer.ended : peer.reset) = true;
      }
      it.turn(random.one_in(4) ? 100 : 0);
    }
    for (FakePeer* const peer : peers) peer->ended = true;
    EXPECT_TRUE(it.turn_until(
        [&] { return it.kernel.waiting_peers() == 0 && it.shard.table().clients() == 0; }, 50));
    it.expect_idle();
    EXPECT_EQ(it.handler.reasons.size(), peers.size());
    EXPECT_EQ(it.shard.counters().get(Counter::kAccepted), peers.size());
  });
}

TEST(ShardAccept, StoppingClosesTheListenerAndKeepsTheConnections) {
  test::for_each_seed(20, [](std::uint64_t seed) {
    FakeShard it(seed, {.stall = 2});
    FakePeer& peer = it.connect();
    it.kernel.connect();
    it.shard.stop_accepting();
    EXPECT_TRUE(it.turn_until([&] { return it.listener.sockets.fd(0) == -1; }));
    EXPECT_EQ(it.kernel.armed_accepts(), 0U);
    for (int i = 0; i < 20; ++i) it.turn(50);
    EXPECT_EQ(it.listener.sockets.fd(0), -1) << "it stays closed";
    peer.send(kTcpPing);
    EXPECT_TRUE(it.turn_until([&] { return !peer.received.empty(); }));
  });
}

TEST(ShardAccept, OneAddressGetsNoMoreThanItsShare) {
  ShardOptions options = test::small_shard();
  options.max_clients_per_address = 3;
  FakeShard it(1, {.stall = 2}, options);
  std::vector<FakePeer*> peers;  // all from one address
  for (int i = 0; i < 3; ++i) peers.push_back(&it.connect());
  for (int round = 0; round < 3; ++round) {
    FakePeer& refused = it.connect();
    EXPECT_TRUE(it.turn_until([&] { return refused.closed; }));
    EXPECT_TRUE(refused.received.empty());
  }
  EXPECT_TRUE(it.handler.reasons.empty()) << "the handler has never heard of them";
  peers[0]->ended = true;
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 2; }));
  FakePeer& taken = it.connect();
  taken.send(kTcpPing);
  EXPECT_TRUE(it.turn_until([&] { return !taken.received.empty(); }));
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 3; }));
  EXPECT_EQ(it.shard.counters().closed(CloseReason::kTooManyFromAddress), 3U);
  EXPECT_EQ(it.shard.counters().get(Counter::kTooManyFromAddress), 3U);
}

TEST(ShardAccept, InADryRunTheShareOfOneAddressOnlyCounts) {
  ShardOptions options = test::small_shard();
  options.max_clients_per_address = 3;
  options.limits_dry_run = true;
  FakeShard it(1, {}, options);
  std::vector<FakePeer*> peers;
  for (int i = 0; i < 5; ++i) peers.push_back(&it.connect());
  EXPECT_EQ(it.shard.table().clients(), 5U);
  EXPECT_EQ(it.shard.counters().get(Counter::kTooManyFromAddress), 2U);
  for (FakePeer* const peer : peers) peer->ended = true;
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }));
  it.connect();
  EXPECT_EQ(it.shard.counters().get(Counter::kTooManyFromAddress), 2U) << "those have gone";
}

TEST(ShardAccept, KnowsThePeersAddress) {
  FakeShard it(1);
  std::vector<std::uint16_t> ports;
  it.handler.accepted = [&](Connection& connection) {
    EXPECT_EQ(connection.peer.ip(), "127.0.0.1");
    ports.push_back(connection.peer.port());
  };
  for (int i = 0; i < 10; ++i) it.kernel.connect();
  it.turn_until([&] { return ports.size() == 10; });
  std::ranges::sort(ports);
  EXPECT_EQ(ports, (std::vector<std::uint16_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
}

}  // namespace
}  // namespace ringgate
