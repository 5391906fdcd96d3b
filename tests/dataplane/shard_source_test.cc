// Whom a client is believed to be where a proxy is between, over the fake kernel.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "tests/dataplane/proxied_shard.h"

namespace ringgate {
namespace {

using test::behind_proxies;
using test::bytes_of;
using test::FakePeer;
using test::first_words;
using test::kProxyIp;
using test::kStrangerIp;
using test::kTcpListener;
using test::kWsListener;
using test::ProxiedShard;
using test::proxy_v1;
using test::upgrade_request;
using test::operator+;  // NOLINT(misc-unused-using-decls): of vectors, which it does not see

// --- X-Forwarded-For ----------------------------------------------------------------------------

Bytes forwarded_for(std::string_view header) {
  return bytes_of(upgrade_request(header)) + test::ws_frame(Opcode::kBinary, "x");
}

std::string source_of(std::uint32_t ip, const Bytes& bytes) {
  ShardOptions options = behind_proxies();
  options.proxy_protocol = bytes.front() == 'P';
  ProxiedShard it(1, options);
  it.client(ip, kWsListener, bytes);
  EXPECT_EQ(it.sources.size(), 1U);
  const std::string source = it.sources.empty() ? "" : it.sources[0];
  it.leave();
  return source.substr(0, source.rfind(':'));
}

TEST(ShardForwardedFor, IsTheLastThatIsNoProxyAndOnlyFromProxies) {
  EXPECT_EQ(source_of(kProxyIp, forwarded_for("X-Forwarded-For: 192.0.2.1\r\n")), "192.0.2.1");
  EXPECT_EQ(source_of(kProxyIp, forwarded_for("x-forwarded-for: 9.9.9.9, 192.0.2.1\r\n")),
            "192.0.2.1");
  EXPECT_EQ(source_of(kProxyIp, forwarded_for("X-Forwarded-For: 9.9.9.9\r\n"
                                              "X-Forwarded-For: 192.0.2.1, 10.3.3.3\r\n")),
            "192.0.2.1");
  EXPECT_EQ(source_of(kProxyIp, forwarded_for("")), "10.0.0.1");
  EXPECT_EQ(source_of(kProxyIp, forwarded_for("X-Forwarded-For: unknown\r\n")), "10.0.0.1");
  EXPECT_EQ(source_of(kStrangerIp, forwarded_for("X-Forwarded-For: 192.0.2.1\r\n")), "203.0.113.7");
}

TEST(ShardForwardedFor, ComesAfterTheProxyHeader) {
  EXPECT_EQ(source_of(kProxyIp, proxy_v1() + forwarded_for("X-Forwarded-For: 192.0.2.1\r\n")),
            "192.0.2.5")
      << "whom the header names is no proxy, so it is not believed";
  EXPECT_EQ(
      source_of(kProxyIp, proxy_v1("10.7.7.7") + forwarded_for("X-Forwarded-For: 192.0.2.1\r\n")),
      "192.0.2.1");
}

// --- The bound on clients per source ------------------------------------------------------------

TEST(ShardSources, AreCountedByWhereClientsReallyComeFrom) {
  for (const std::size_t listener_index : {kTcpListener, kWsListener}) {
    ProxiedShard it(1, behind_proxies(2));
    const Bytes first = proxy_v1() + first_words(listener_index);
    std::vector<FakePeer*> peers;
    for (int i = 0; i < 2; ++i) peers.push_back(&it.client(kProxyIp, listener_index, first));
    EXPECT_EQ(it.packets.size(), 4U);
    for (int round = 1; round <= 3; ++round) {
      FakePeer& refused = it.client(kProxyIp, listener_index, first);
      EXPECT_TRUE(it.turn_until([&] { return refused.closed; }));
      EXPECT_EQ(it.closed(CloseReason::kTooManyFromAddress), static_cast<std::uint64_t>(round));
      EXPECT_EQ(it.handler.reasons.size(), static_cast<std::size_t>(round))
          << "the handler knew of it";
    }
    EXPECT_EQ(it.packets.size(), 4U) << "no packet of the refused";
    // Others are let in, and a place that comes free is one again, but only one.
    it.client(kProxyIp, listener_index, proxy_v1("192.0.2.6") + first_words(listener_index));
    EXPECT_EQ(it.packets.size(), 6U);
    peers[0]->ended = true;
    ASSERT_TRUE(it.turn_until([&] { return peers[0]->closed; }));
    it.settle();
    it.client(kProxyIp, listener_index, first);
    EXPECT_EQ(it.packets.size(), 8U);
    FakePeer& refused = it.client(kProxyIp, listener_index, first);
    EXPECT_TRUE(it.turn_until([&] { return refused.closed; }));
    it.leave();
  }
}

TEST(ShardSources, TheProxysOwnAddressIsNotBounded) {
  ProxiedShard it(1, behind_proxies(2));
  std::vector<FakePeer*> waiting;  // for their header
  for (std::size_t i = 0; i < 10; ++i) waiting.push_back(&it.client(kProxyIp, i % 2, {}));
  EXPECT_EQ(it.shard.table().clients(), 10U);
  for (int i = 0; i < 5; ++i) {
    it.client(kProxyIp, kTcpListener, bytes_of("PROXY UNKNOWN\r\n") + first_words(kTcpListener));
  }
  EXPECT_EQ(it.packets.size(), 10U);
  EXPECT_TRUE(it.handler.reasons.empty());
  // Those never counted are not taken off anybody's count either.
  for (FakePeer* const peer : waiting) peer->ended = true;
  ASSERT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 5; }));
  it.leave();
}

TEST(ShardSources, StrangersAreCountedAtOnce) {
  ProxiedShard it(1, behind_proxies(2));
  it.client(kStrangerIp, kTcpListener, {});
  it.client(kStrangerIp, kWsListener, {});
  FakePeer& third = it.client(kStrangerIp, kWsListener, {});
  EXPECT_TRUE(it.turn_until([&] { return third.closed; }));
  EXPECT_TRUE(it.handler.reasons.empty()) << "the handler has never heard of it";
  it.leave();
  it.client(kStrangerIp, kTcpListener, {});
  it.client(kStrangerIp, kWsListener, {});
  EXPECT_EQ(it.shard.table().clients(), 2U);
}

TEST(ShardSources, OfAForwardedForAreBoundedToo) {
  ShardOptions options = behind_proxies(2);
  options.proxy_protocol = false;
  ProxiedShard it(1, options);
  const Bytes all = forwarded_for("X-Forwarded-For: 192.0.2.1\r\n");
  for (int i = 0; i < 2; ++i) it.client(kProxyIp, kWsListener, all);
  FakePeer& third = it.client(kProxyIp, kWsListener, all);
  EXPECT_TRUE(it.turn_until([&] { return third.closed; }));
  EXPECT_EQ(it.closed(CloseReason::kTooManyFromAddress), 1U);
  EXPECT_EQ(it.packets.size(), 2U);
  EXPECT_EQ(it.shard.counters().get(Gauge::kWebSockets), 2U);
  it.leave();
  for (int i = 0; i < 2; ++i) it.client(kProxyIp, kWsListener, all);
  EXPECT_EQ(it.packets.size(), 4U);
}

// ExemptAddresses, also of those whose address only their proxy tells. They are counted all the
// same, so that a reload which takes them off the list finds how many there are.
TEST(ShardSources, InADryRunAreCountedOnceEach) {
  for (const std::size_t listener_index : {kTcpListener, kWsListener}) {
    for (const std::uint32_t ip : {kProxyIp, kStrangerIp}) {
      ShardOptions options = behind_proxies(2);
      options.limits_dry_run = true;
      ProxiedShard it(1, options);
      const Bytes header = ip == kProxyIp ? proxy_v1() : Bytes{};
      for (int i = 0; i < 5; ++i)
        it.client(ip, listener_index, header + first_words(listener_index));
      EXPECT_EQ(it.shard.counters().get(Counter::kTooManyFromAddress), 3U) << listener_index;
      EXPECT_EQ(it.shard.table().clients(), 5U);
      it.leave();
    }
  }
}

TEST(ShardSources, ThatAreExemptAreNotBound) {
  ShardOptions options = behind_proxies(2);
  options.exempt_addresses = {*AddressRange::parse("203.0.113.0/24"),
                              *AddressRange::parse("192.0.2.6")};
  ProxiedShard it(1, options);
  const Bytes known = proxy_v1("192.0.2.6") + first_words(kTcpListener);
  std::vector<FakePeer*> peers;
  for (int i = 0; i < 5; ++i) {
    peers.push_back(&it.client(kStrangerIp, kTcpListener, {}));
    peers.push_back(&it.client(kProxyIp, kTcpListener, known));
  }
  EXPECT_EQ(it.shard.table().clients(), 10U);
  for (int i = 0; i < 2; ++i) {
    it.client(kProxyIp, kTcpListener, proxy_v1() + first_words(kTcpListener));
  }
  EXPECT_EQ(it.closed(CloseReason::kTooManyFromAddress), 0U);
  FakePeer& other = it.client(kProxyIp, kTcpListener, proxy_v1() + first_words(kTcpListener));
  EXPECT_TRUE(it.turn_until([&] { return other.closed; }));

  const std::vector<WsUpgradeOptions> rules(2);
  options.exempt_addresses = {};
  it.shard.reconfigure(options, rules);
  for (std::size_t i = 0; i < 8; i += 2) peers[i]->ended = true;
  ASSERT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 8; }));
  it.client(kStrangerIp, kTcpListener, {});  // the second
  FakePeer& third = it.client(kStrangerIp, kTcpListener, {});
  EXPECT_TRUE(it.turn_until([&] { return third.closed; }));
  FakePeer& sixth = it.client(kProxyIp, kTcpListener, known);
  EXPECT_TRUE(it.turn_until([&] { return sixth.closed; }));
  EXPECT_EQ(it.closed(CloseReason::kTooManyFromAddress), 3U);
  it.leave();
}

// Comings and goings in every phase leave all counts at nothing: afterwards each source has
// exactly its share again.
TEST(ShardSources, StayBalanced) {
  test::for_each_seed(40, [](std::uint64_t seed) {
    test::Random random(seed);
    ProxiedShard it(seed, behind_proxies(3), {.stall = 3, .recv_ends = 5});
    std::vector<FakePeer*> peers;
    for (int i = 0; i < 60; ++i) {
      const std::size_t listener_index = random.below(2);
      const Bytes all =
          proxy_v1(random.one_in(2) ? "192.0.2.5" : "10.9.9.9") + first_words(listener_index);
      FakePeer& peer = it.kernel.connect(it.listeners[listener_index].sockets.port());
      peers.push_back(&peer);
      peer.ip = random.one_in(4) ? kStrangerIp : kProxyIp;
      peer.send(ByteView(all).first(random.between(0, all.size())));
      for (std::size_t turns = random.below(8); turns > 0; --turns) it.turn(0);
      FakePeer& leaves = *peers[random.below(peers.size())];
      (random.one_in(2) ? leaves.ended : leaves.reset) = true;
    }
    for (FakePeer* const peer : peers) peer->ended = true;
    ASSERT_TRUE(it.turn_until(
        [&] { return it.kernel.waiting_peers() == 0 && it.shard.table().clients() == 0; }, 20));
    it.expect_idle();
    it.kernel.set_faults({});
    const Bytes all = proxy_v1() + first_words(kTcpListener);
    const std::size_t before = it.packets.size();
    for (int i = 0; i < 5; ++i) it.client(kProxyIp, kTcpListener, all);
    EXPECT_EQ(it.packets.size() - before, 3U * 2);
    EXPECT_EQ(it.shard.table().clients(), 3U);
  });
}

}  // namespace
}  // namespace ringgate
