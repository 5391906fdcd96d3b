// TLS on a shard: many handshakes at once, and what TLS has to do with idle clients, proxies and
// reloads.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/dataplane/tls_fixture.h"

namespace ringgate {
namespace {

using test::kPing;
using test::kPong;
using test::kTlsListener;
using test::small_shard;
using test::tcp_frame;
using test::TlsPeer;
using test::TlsShard;

// Each hello waits for its turn, and a ping in between does not wait for any of them.
TEST(ShardTls, AStormOfHandshakesIsTakenAStepATurn) {
  ShardOptions options = small_shard();
  options.max_clients = 60;
  TlsShard it(1, {}, options);
  it.kernel.receive_whole();
  TlsPeer talker(it, kTlsListener);
  ASSERT_TRUE(talker.shake_hands());
  std::vector<std::unique_ptr<TlsPeer>> storm;
  for (int i = 0; i < 20; ++i) {
    storm.push_back(std::make_unique<TlsPeer>(it, kTlsListener));
  }
  for (auto& one : storm) one->pump();  // the hellos, all at once
  ASSERT_TRUE(it.turn_until([&] { return it.gauge(Gauge::kTlsHandshakes) == 20; }, 0));
  talker.send(kPing);
  ASSERT_TRUE(talker.got(kPong.size()));
  const auto answered = [&] {
    return std::ranges::count_if(storm, [](auto& one) { return !one->peer().received.empty(); });
  };
  EXPECT_LT(answered(), 12) << "the ping did not wait for all of them";
  ASSERT_TRUE(it.turn_until([&] {
    for (auto& one : storm) one->pump();
    return std::ranges::all_of(storm, [](auto& one) { return one->client().is_done(); });
  }));
  EXPECT_TRUE(it.turn_until([&] { return it.gauge(Gauge::kTlsHandshakes) == 0; }));
  EXPECT_EQ(it.count(Counter::kTlsHandshakes), 21U);
}

TEST(ShardTls, BeyondTheBoundOnHandshakesClientsWaitInTheBacklog) {
  ShardOptions options = small_shard();
  options.max_clients = 60;
  options.max_handshakes = 4;
  TlsShard it(1, {}, options);
  const std::uint16_t port = it.listeners[kTlsListener].sockets.port();
  // Half a hello each, until no more are accepted.
  std::vector<test::FakePeer*> slow;
  for (int i = 0; i < 40; ++i) {
    slow.push_back(&it.kernel.connect(port));
    slow.back()->send(as_bytes(std::string_view("\x16\x03\x01", 3)));
    for (int turn = 0; turn < 10; ++turn) it.turn();
  }
  EXPECT_GE(it.gauge(Gauge::kTlsHandshakes), 4U);
  EXPECT_EQ(it.count(Counter::kTlsHandshakesFull), 1U);
  EXPECT_EQ(it.kernel.armed_accepts(port), 0U);
  EXPECT_GT(it.kernel.waiting_peers(), 0U);
  EXPECT_EQ(it.gauge(Gauge::kListenersClosed), 0U);
  for (test::FakePeer* const one : slow) one->reset = true;
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }, 50));
  TlsPeer next(it, kTlsListener);
  EXPECT_TRUE(next.shake_hands());
}

TEST(ShardTls, InADryRunTheBoundOnHandshakesOnlyCounts) {
  ShardOptions options = small_shard();
  options.max_clients = 60;
  options.max_handshakes = 4;
  options.limits_dry_run = true;
  TlsShard it(1, {}, options);
  const std::uint16_t port = it.listeners[kTlsListener].sockets.port();
  std::vector<test::FakePeer*> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(&it.kernel.connect(port));
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 20; }, 50));
  EXPECT_EQ(it.count(Counter::kTlsHandshakesFull), 1U);
  TlsPeer next(it, kTlsListener);
  EXPECT_TRUE(next.shake_hands());
  for (test::FakePeer* const one : silent) one->reset = true;
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 1; }, 50));
}

// Else all would be accepted before the first has said a word.
TEST(ShardTls, WhoHasSaidNothingYetCountsAmongHandshakes) {
  ShardOptions options = small_shard();
  options.max_clients = 60;
  options.max_handshakes = 4;
  TlsShard it(1, {}, options);
  const std::uint16_t port = it.listeners[kTlsListener].sockets.port();
  std::vector<test::FakePeer*> silent;
  for (int i = 0; i < 40; ++i) silent.push_back(&it.kernel.connect(port));
  for (int turn = 0; turn < 50; ++turn) it.turn();
  EXPECT_EQ(it.gauge(Gauge::kTlsHandshakes), 4U);
  EXPECT_EQ(it.shard.table().clients(), 4U);
  for (test::FakePeer* const one : silent) one->reset = true;
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }, 50));
  EXPECT_EQ(it.gauge(Gauge::kTlsHandshakes), 0U);
}

TEST(ShardTls, IdleOnesAreWaitedForByAPollToo) {
  ShardOptions options = small_shard();
  options.poll_after_ms = 5000;
  TlsShard it(1, {}, options);
  TlsPeer peer(it, kTlsListener);
  ASSERT_TRUE(peer.shake_hands());
  peer.send(kPing);
  ASSERT_TRUE(peer.got(kPong.size()));
  EXPECT_TRUE(it.turn_until([&] { return it.gauge(Gauge::kPolled) == 1; }, 50));
  peer.send(kPing);
  ASSERT_TRUE(peer.got(2 * kPong.size()));
}

// The header is plain, and says where the client comes from.
TEST(ShardTls, ComesBehindAProxyHeader) {
  test::for_each_seed(20, [](std::uint64_t seed) {
    ShardOptions options = small_shard();
    options.trusted_proxies = {*AddressRange::parse("127.0.0.0/8")};
    options.proxy_protocol = true;
    options.ring.client_buffer_bytes = static_cast<unsigned>(10 + 20 * seed);
    TlsShard it(seed, {.stall = 2}, options);
    std::string source;
    it.handler.packet = [&](Connection& connection, ByteView) { source = connection.peer.ip(); };
    TlsPeer peer(it, kTlsListener);
    peer.send_raw("PROXY TCP4 192.0.2.5 198.51.100.1 4711 443\r\n");
    ASSERT_TRUE(peer.shake_hands());
    peer.send(tcp_frame(Opcode::kBinary, "x"));
    ASSERT_TRUE(peer.until([&] { return !source.empty(); }));
    EXPECT_EQ(source, "192.0.2.5");
  });
}

// A reload's context is for those who come from then on.
TEST(ShardTls, AReloadsContextIsForNewHandshakes) {
  TlsShard it(1);
  TlsPeer before(it, kTlsListener);
  ASSERT_TRUE(before.shake_hands());
  const std::vector<TlsContext> strict(
      2, test::made_tls_context({.min_version = tls::MinVersion::kTls13}));
  const std::vector<WsUpgradeOptions> rules(2);
  it.shard.reconfigure(small_shard(), rules, strict);
  TlsPeer refused(it, kTlsListener, {.max_version = TLS1_2_VERSION});
  EXPECT_TRUE(refused.until([&] { return refused.client().has_failed(); }));
  TlsPeer taken(it, kTlsListener);
  EXPECT_TRUE(taken.shake_hands());
  before.send(kPing);
  EXPECT_TRUE(before.got(kPong.size()));
  EXPECT_EQ(it.count(Counter::kTlsFailed), 1U);
}

}  // namespace
}  // namespace ringgate
