// Connections whose reset no receive is told of, because it was there with bytes when the receive
// was armed: the sweep finds them, on whatever way and in whatever stage they are.
#include "tests/dataplane/idle_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::Idle;
using test::kSweepMs;
using test::TestClose;

constexpr std::string_view kThreeBytes("\2\0\0", 3);  // of a frame

void send_and_reset(FakePeer& peer, std::string_view bytes) {
  peer.send(as_bytes(bytes));
  peer.reset_behind = true;
}

// Within three looks at the table: it has fallen silent, is looked at, and has another go if the
// look was not answered at once.
void expect_found(Idle& it) {
  it.pass(3 * kSweepMs);
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kPeerReset});
  EXPECT_TRUE(it.turn_until(
      [&] { return it.shard.table().clients() + it.shard.table().links() == 0; }, 50));
  it.expect_idle();
}

TEST(ShardLook, AResetBeforeTheAcceptIsFound) {
  for (const Transport transport : {Transport::kTcp, Transport::kWebSocket}) {
    Idle it(1, {.stall = 2}, test::small_shard(), transport);
    const std::string_view bytes = transport == Transport::kTcp ? kThreeBytes : "GET";
    send_and_reset(it.kernel.connect(it.listener.sockets.port()), bytes);
    expect_found(it);
    EXPECT_EQ(it.shard.counters().get(Counter::kResetsFound), 1U);
  }
}

TEST(ShardLook, OneInAProxysHeaderIsFound) {
  ShardOptions options = test::small_shard();
  options.proxy_protocol = true;
  options.trusted_proxies = {*AddressRange::parse("127.0.0.0/8")};
  Idle it(1, {}, options);
  send_and_reset(it.connect(), "PRO");
  expect_found(it);
}

TEST(ShardLook, OneOfALinkIsFound) {
  Idle it(1, {}, test::small_shard());
  send_and_reset(it.adopt(), as_text(kTcpPing).substr(0, 9));
  expect_found(it);
}

TEST(ShardLook, WhatIsHeldIsHandledFirst) {
  Idle it(1, {}, test::small_shard());
  std::vector<std::uint8_t> packets;
  it.handler.packet = [&](Connection&, ByteView payload) { packets.push_back(payload[0]); };
  FakePeer& peer = it.connect();
  it.shard.hold_input(*it.last);
  peer.send(test::frame(Opcode::kBinary, "a"));
  peer.reset_behind = true;
  it.pass(5000);
  EXPECT_TRUE(it.handler.reasons.empty());
  it.shard.release_input(*it.last);
  EXPECT_EQ(packets, std::vector<std::uint8_t>{'a'});
  expect_found(it);
}

// Its receive was armed earlier, and takes the bytes after the look has seen them.
TEST(ShardLook, OneThatIsLookedAtBeforeItsReceiveIsDoneIsFound) {
  Idle it(1, {}, test::small_shard());
  FakePeer& peer = it.connect();
  peer.receive_waits = true;
  send_and_reset(peer, kThreeBytes);
  it.pass(2 * kSweepMs);
  EXPECT_GT(it.kernel.added(OpKind::kLook), 0U);
  EXPECT_TRUE(it.handler.reasons.empty());
  peer.receive_waits = false;
  expect_found(it);
}

TEST(ShardLook, APolledClientNeedsNone) {
  Idle it;
  FakePeer& peer = it.silent();
  const std::size_t looks = it.kernel.added(OpKind::kLook);
  send_and_reset(peer, as_text(kTcpPing).substr(0, 9));
  EXPECT_TRUE(it.gone());
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kPeerReset});
  EXPECT_EQ(it.kernel.added(OpKind::kLook), looks);
}

TEST(ShardLook, WhoIsSilentIsLookedAtOnceForEachReceive) {
  ShardOptions options = test::small_shard();
  options.limits[0].read_timeout_ms = 0;
  Idle it(1, {}, options);
  FakePeer& peer = it.connect();
  for (int i = 0; i < 40; ++i) {
    peer.send(kTcpPing);
    it.pass(200);
  }
  EXPECT_EQ(it.kernel.added(OpKind::kLook), 0U);
  it.pass(20 * kSweepMs);
  EXPECT_EQ(it.kernel.added(OpKind::kLook), 1U);
  peer.send(kTcpPing);
  it.pass(20 * kSweepMs);
  EXPECT_EQ(it.kernel.added(OpKind::kLook), 1U) << "a heartbeat costs no look";
  EXPECT_TRUE(it.handler.reasons.empty());
}

TEST(ShardLook, ManyThatFallSilentTogetherAreLookedAtInSeveralSweeps) {
  ShardOptions options = test::small_shard();
  options.sweep_parts = 1;
  options.looks_per_sweep = 3;
  Idle it(1, {}, options);
  for (int i = 0; i < 20; ++i) it.connect();
  std::size_t most = 0;
  for (int sweep = 0; sweep < 20; ++sweep) {
    const std::size_t before = it.kernel.added(OpKind::kLook);
    it.turn(options.sweep_ms);
    most = std::max(most, it.kernel.added(OpKind::kLook) - before);
  }
  EXPECT_EQ(most, 3U);
  EXPECT_EQ(it.kernel.added(OpKind::kLook), 20U);
}

TEST(ShardLook, ThePeersEndAndOurOwnMayMeetIt) {
  test::for_each_seed(50, [](std::uint64_t seed) {
    ShardOptions options = test::small_shard();
    options.sweep_ms = 1;
    options.sweep_parts = 1;
    Idle it(seed, {.stall = 2}, options);
    test::Random random(seed);
    for (int i = 0; i < 10; ++i) {
      FakePeer& peer = it.connect();
      it.pass(random.below(4));
      if (random.one_in(3)) peer.ended = true;
      if (random.one_in(3)) send_and_reset(peer, kThreeBytes);
      if (random.one_in(3) && it.last->open()) it.shard.abort(*it.last, TestClose::kKickedOut);
      peer.ended = true;
    }
    EXPECT_TRUE(it.gone());
    it.expect_idle();
  });
}

}  // namespace
}  // namespace ringgate
