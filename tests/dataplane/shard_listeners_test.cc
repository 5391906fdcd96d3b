// Several listeners on one shard: they share its room. Over the fake kernel, which reports an
// accept that the table has no room for, and one whose listener is closed under it.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "tests/dataplane/ws_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::FakeWsShard;
using test::kUpgraded;
using test::ws_basic_ping;

constexpr std::size_t kTcpListener = 0;
constexpr std::size_t kWsListener = 1;

struct TwoListeners : FakeWsShard {
  explicit TwoListeners(std::uint32_t max_clients, std::uint64_t seed = 1,
                        const test::Faults& faults = {})
      : TwoListeners(with(max_clients), seed, faults) {}
  explicit TwoListeners(const ShardOptions& options, std::uint64_t seed = 1,
                        const test::Faults& faults = {})
      : FakeWsShard(seed, faults, options, nullptr, {Transport::kTcp, Transport::kWebSocket}) {}
  static ShardOptions with(std::uint32_t max_clients) {
    ShardOptions options = test::small_shard();
    options.max_clients = max_clients;
    return options;
  }
  [[nodiscard]] std::uint16_t port(std::size_t index) const {
    return listeners[index].sockets.port();
  }
  [[nodiscard]] bool open(std::size_t index) const { return listeners[index].sockets.fd(0) >= 0; }
  // False: it is not accepted, however long it waits.
  [[nodiscard]] bool gets_in(FakePeer& peer) {
    return turn_until([&] { return peer.accepted; }, 50, 100);
  }
  [[nodiscard]] bool served(std::size_t index, FakePeer& peer) {
    const std::size_t before = peer.received.size();
    const bool ws = index == kWsListener;
    const std::size_t upgrade_bytes = ws ? kUpgraded.size() : 0;
    if (ws) peer.send(as_bytes(test::upgrade_request()));
    peer.send(ws ? ByteView(ws_basic_ping()) : ByteView(kTcpPing));
    const std::size_t pong_bytes = ws ? kWsPong.size() : kTcpPong.size();
    return turn_until([&] { return peer.received.size() == before + upgrade_bytes + pong_bytes; });
  }
  void pass(std::uint64_t ms) {
    const std::uint64_t end = test::FakeKernel::now_ms() + ms;
    while (test::FakeKernel::now_ms() < end) turn(50);
  }
};

TEST(ShardListeners, BothAccept) {
  TwoListeners it(20);
  std::vector<Transport> transports;
  it.handler.accepted = [&](Connection& connection) { transports.push_back(connection.transport); };
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(it.served(kTcpListener, it.connect(kTcpListener)));
    EXPECT_TRUE(it.served(kWsListener, it.connect(kWsListener)));
  }
  EXPECT_EQ(std::ranges::count(transports, Transport::kTcp), 4);
  EXPECT_EQ(std::ranges::count(transports, Transport::kWebSocket), 4);
  EXPECT_EQ(it.shard.counters().get(Gauge::kWebSockets), 4U);
  EXPECT_EQ(it.shard.counters().get(Gauge::kClients), 8U);
}

TEST(ShardListeners, ShareTheRoomEvenlyAtFirst) {
  TwoListeners it(20);
  it.turn(0);
  EXPECT_EQ(it.kernel.armed_accepts(it.port(kTcpListener)), 10U);
  EXPECT_EQ(it.kernel.armed_accepts(it.port(kWsListener)), 10U);
}

TEST(ShardListeners, FullBothCloseAndBothReopen) {
  for (const std::uint32_t max : {3U, 20U, 100U}) {
    SCOPED_TRACE(max);
    TwoListeners it(max, 1, {.stall = 2});
    std::vector<FakePeer*> peers;
    for (std::uint32_t i = 0; i < max; ++i) {
      peers.push_back(&it.kernel.connect());  // whichever accepts
      ASSERT_TRUE(it.gets_in(*peers.back()));
    }
    it.pass(300);
    EXPECT_EQ(it.kernel.armed_accepts(), 0U);
    EXPECT_FALSE(it.open(kTcpListener));
    EXPECT_FALSE(it.open(kWsListener));
    for (FakePeer* const peer : peers) peer->ended = true;
    EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }, 50));
    it.pass(300);
    EXPECT_TRUE(it.open(kTcpListener));
    EXPECT_TRUE(it.open(kWsListener));
    EXPECT_TRUE(it.served(kTcpListener, it.connect(kTcpListener)));
    EXPECT_TRUE(it.served(kWsListener, it.connect(kWsListener)));
  }
}

// Where the last places go to a burst no accept is left whose completion would arm others.
TEST(ShardListeners, WhoWaitsForAPlaceComesInWhenOneIsFree) {
  for (const std::size_t index : {kTcpListener, kWsListener}) {
    SCOPED_TRACE("listener " + std::to_string(index));
    ShardOptions options = TwoListeners::with(20);
    options.sweep_ms = 60'000;  // later than this test
    TwoListeners it(options);
    std::vector<FakePeer*> peers;
    for (int i = 0; i < 20; ++i) {
      peers.push_back(&it.kernel.connect());
      ASSERT_TRUE(it.turn_until([&] { return peers.back()->accepted; }));
    }
    FakePeer& waiting = it.kernel.connect(it.port(index));
    for (int i = 0; i < 2; ++i) peers[static_cast<std::size_t>(i)]->ended = true;  // one for each
    EXPECT_TRUE(it.turn_until([&] { return waiting.accepted; }));
    EXPECT_EQ(it.handler.ticks, 0) << "no sweep has seen to it";
  }
}

TEST(ShardListeners, StayClosedUntilFivePercentAreFree) {
  TwoListeners it(100);
  std::vector<FakePeer*> peers;
  for (int i = 0; i < 100; ++i) {
    peers.push_back(&it.kernel.connect());
    ASSERT_TRUE(it.gets_in(*peers.back()));
  }
  it.pass(300);
  for (int i = 0; i < 5; ++i) peers[static_cast<std::size_t>(i)]->ended = true;
  ASSERT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 95; }, 50));
  it.pass(300);
  EXPECT_FALSE(it.open(kTcpListener));
  EXPECT_FALSE(it.open(kWsListener));
  peers[5]->ended = true;
  ASSERT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 94; }, 50));
  it.pass(300);
  EXPECT_TRUE(it.open(kTcpListener));
  EXPECT_TRUE(it.open(kWsListener));
}

// What one listener has armed and nobody uses is no reason to keep the other's clients out: only
// when there are fewer places than listeners does one of them go without.
TEST(ShardListeners, ClientsOfOneListenerGetAllPlacesButOne) {
  for (const std::uint32_t max : {2U, 3U, 20U, 100U}) {
    for (const std::size_t busy : {kTcpListener, kWsListener}) {
      SCOPED_TRACE("listener " + std::to_string(busy) + " of " + std::to_string(max) + " places");
      TwoListeners it(max);
      for (std::uint32_t i = 0; i + 1 < max; ++i) {
        FakePeer& peer = it.kernel.connect(it.port(busy));
        EXPECT_TRUE(it.gets_in(peer)) << "client " << i + 1;
        if (HasFailure()) break;
        EXPECT_TRUE(it.served(busy, peer));
      }
    }
  }
}

// The kernel resets whoever waits in the backlog of a listener that is closed: not while there is
// room, and not again and again.
TEST(ShardListeners, AListenerClosesOnlyWhenThereIsNoRoom) {
  for (const std::uint32_t max : {6U, 20U, 100U}) {
    for (const std::size_t busy : {kTcpListener, kWsListener}) {
      SCOPED_TRACE("listener " + std::to_string(busy) + " of " + std::to_string(max) + " places");
      TwoListeners it(max);
      for (std::uint32_t i = 0; i < max * 2 / 3; ++i) {
        it.kernel.connect(it.port(busy));
        it.pass(100);
      }
      it.pass(5000);
      EXPECT_EQ(it.count(Counter::kListenerClosed), 0U);
      EXPECT_TRUE(it.open(kTcpListener));
      EXPECT_TRUE(it.open(kWsListener));
    }
  }
}

TEST(ShardListeners, TheOneWithoutTheLastPlaceClosesOnce) {
  for (const std::size_t busy : {kTcpListener, kWsListener}) {
    TwoListeners it(3);
    for (int i = 0; i < 2; ++i) {
      it.kernel.connect(it.port(busy));
      it.pass(100);
    }
    it.pass(5000);
    EXPECT_LE(it.count(Counter::kListenerClosed), 1U);
    EXPECT_EQ(it.kernel.armed_accepts(), 1U);
  }
}

TEST(ShardListeners, ASmallTableServesClientsOfEither) {
  test::for_each_seed(20, [](std::uint64_t seed) {
    test::Random random(seed);
    TwoListeners it(3, seed, {.stall = 2, .accept_fails = 6});
    for (int i = 0; i < 30; ++i) {
      const std::size_t index = random.below(2);
      FakePeer& peer = it.kernel.connect(it.port(index));
      ASSERT_TRUE(it.gets_in(peer));
      EXPECT_TRUE(it.served(index, peer));
      peer.ended = true;
      ASSERT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }, 50));
    }
    it.expect_idle();
  });
}

TEST(ShardListeners, NeverArmMoreThanThereIsRoomFor) {
  test::for_each_seed(60, [](std::uint64_t seed) {  // checked by the fake kernel
    test::Random random(seed);
    const auto max = static_cast<std::uint32_t>(random.between(1, 70));
    TwoListeners it(max, seed, {.stall = 2, .accept_fails = 5});
    std::vector<FakePeer*> peers;
    for (int i = 0; i < 300; ++i) {
      if (random.one_in(2)) {
        const std::uint16_t port = random.one_in(3) ? 0 : it.port(random.below(2));
        peers.push_back(&it.kernel.connect(port));
      }
      if (!peers.empty() && random.one_in(2)) {
        FakePeer& peer = *peers[random.below(peers.size())];
        (random.one_in(2) ? peer.ended : peer.reset) = true;
      }
      it.turn(random.one_in(4) ? 100 : 0);
      ASSERT_LE(it.kernel.armed_accepts() + it.shard.table().clients(), max);
    }
    for (FakePeer* const peer : peers) peer->ended = true;
    EXPECT_TRUE(it.turn_until(
        [&] { return it.kernel.waiting_peers() == 0 && it.shard.table().clients() == 0; }, 50));
    it.expect_idle();
    EXPECT_EQ(it.count(Counter::kAccepted), peers.size());
  });
}

TEST(ShardListeners, StoppingClosesBothAndKeepsTheConnections) {
  test::for_each_seed(20, [](std::uint64_t seed) {
    TwoListeners it(20, seed, {.stall = 2});
    FakePeer& tcp = it.connect(kTcpListener);
    FakePeer& ws = it.connect(kWsListener);
    it.kernel.connect(it.port(seed % 2));
    it.shard.stop_accepting();
    EXPECT_TRUE(it.turn_until([&] { return !it.open(0) && !it.open(1); }));
    EXPECT_EQ(it.kernel.armed_accepts(), 0U);
    it.pass(1000);
    EXPECT_FALSE(it.open(kTcpListener)) << "it stays closed";
    EXPECT_FALSE(it.open(kWsListener));
    EXPECT_TRUE(it.served(kTcpListener, tcp));
    EXPECT_TRUE(it.served(kWsListener, ws));
  });
}

TEST(ShardListeners, StoppingAFullShardLeavesThemClosed) {
  TwoListeners it(4);
  std::vector<FakePeer*> peers;
  for (int i = 0; i < 4; ++i) {
    peers.push_back(&it.kernel.connect());
    ASSERT_TRUE(it.gets_in(*peers.back()));
  }
  it.pass(200);
  it.shard.stop_accepting();
  for (FakePeer* const peer : peers) peer->ended = true;
  ASSERT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }, 50));
  it.pass(500);
  EXPECT_FALSE(it.open(kTcpListener));
  EXPECT_FALSE(it.open(kWsListener));
  EXPECT_EQ(it.kernel.armed_accepts(), 0U);
}

// So few may be accepted at once that the first listener's accepts would be all of them.
TEST(ShardListeners, ARateOfAcceptsKeepsNoneOfThemShut) {
  ShardOptions options = TwoListeners::with(1000);
  options.accepts_per_s = 10;
  TwoListeners it(options);
  std::vector<FakePeer*> peers;
  const auto accepted = [&] {
    return std::ranges::count_if(peers, [](const FakePeer* peer) { return peer->accepted; });
  };
  for (int i = 0; i < 100; ++i) peers.push_back(&it.kernel.connect(it.port(kWsListener)));
  it.pass(2000);
  EXPECT_GE(accepted(), 15) << "and nobody came through the other";
  for (int i = 0; i < 100; ++i) peers.push_back(&it.kernel.connect(it.port(kTcpListener)));
  const auto before = accepted();
  it.pass(5000);
  EXPECT_GE(accepted() - before, 45);
  EXPECT_LE(accepted() - before, 55) << "both together";
}

TEST(ShardListeners, ThreeShareARoomOfThree) {
  ShardOptions options = test::small_shard();
  options.max_clients = 3;
  FakeWsShard it(1, {}, options, nullptr,
                 {Transport::kTcp, Transport::kWebSocket, Transport::kTcp});
  for (int round = 0; round < 5; ++round) {
    for (const std::size_t index : {0U, 1U, 2U}) {
      FakePeer& peer = it.kernel.connect(it.listeners[index].sockets.port());
      EXPECT_TRUE(it.turn_until([&] { return peer.accepted; }, 50, 100)) << "listener " << index;
      peer.ended = true;
      it.turn_until([&] { return it.shard.table().clients() == 0; }, 50, 100);
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace ringgate
