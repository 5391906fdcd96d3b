// Where clients come from when a proxy is between, over the fake kernel.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "tests/dataplane/ws_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::FakeWsShard;
using test::kUpgraded;
using test::text;
using test::upgrade_request;

constexpr std::uint32_t kProxyIp = 0x0A000001;     // 10.0.0.1
constexpr std::uint32_t kStrangerIp = 0xCB007107;  // 203.0.113.7
constexpr std::size_t kTcpListener = 0;
constexpr std::size_t kWsListener = 1;

ShardOptions behind_proxies(std::uint32_t max_per_address = 0) {
  ShardOptions options = test::small_shard();
  options.trusted_proxies = {*AddressRange::parse("10.0.0.0/8")};
  options.proxy_protocol = true;
  options.max_clients_per_address = max_per_address;
  return options;
}

struct ProxiedShard : FakeWsShard {
  explicit ProxiedShard(std::uint64_t seed, const ShardOptions& options = behind_proxies(),
                        const test::Faults& faults = {})
      : FakeWsShard(seed, faults, options, nullptr, {Transport::kTcp, Transport::kWebSocket}) {
    handler.packet = [this](Connection& connection, ByteView payload) {
      packets.emplace_back(as_text(payload));
      sources.push_back(connection.peer.ip() + ":" + std::to_string(connection.peer.port()));
    };
  }
  // Which sends all of it at once.
  FakePeer& client(std::uint32_t ip, std::size_t listener_index, ByteView bytes) {
    FakePeer& peer = kernel.connect(listeners[listener_index].sockets.port());
    peer.ip = ip;
    peer.send(bytes);
    EXPECT_TRUE(turn_until([&] { return peer.accepted && peer.inbound.empty(); }));
    settle();
    return peer;
  }
  std::size_t carried() {
    std::size_t bytes = 0;
    shard.table().for_each_client([&](Connection& one) { bytes += one.carry.size; });
    return bytes;
  }
  void leave() {
    shard.table().for_each_client(
        [this](Connection& connection) { shard.abort(connection, CloseReason::kDraining); });
    EXPECT_TRUE(turn_until([&] { return shard.table().clients() == 0; }));
    expect_idle();
  }

  std::vector<std::string> packets;
  std::vector<std::string> sources;  // of the packets
};

Bytes bytes_of(std::string_view words) {
  return {words.begin(), words.end()};
}

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Bytes proxy_v1(std::string_view source = "192.0.2.5") {
  return bytes_of("PROXY TCP4 " + std::string(source) + " 198.51.100.1 4711 443\r\n");
}

Bytes proxy_v2(std::uint8_t command = 0x21, std::uint8_t family = 0x11) {
  Bytes bytes = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
  const Bytes rest = {command, family, 0, 12, 192, 0, 2, 5, 198, 51, 100, 1, 0x12, 0x67, 1, 0xbb};
  return bytes + rest;
}

// With so many bytes behind the addresses.
Bytes proxy_v2_with(std::size_t tlv_bytes, std::uint8_t command = 0x21,
                    std::uint8_t family = 0x11) {
  Bytes bytes = proxy_v2(command, family);
  const std::size_t length = 12 + tlv_bytes;
  bytes[14] = static_cast<std::uint8_t>(length >> 8);
  bytes[15] = static_cast<std::uint8_t>(length);
  bytes.resize(bytes.size() + tlv_bytes, 0x20);
  return bytes;
}

// The first packets of a client of that listener.
Bytes first_words(std::size_t listener_index) {
  if (listener_index == kTcpListener) {
    return test::frame(Opcode::kBinary, "one") + test::frame(Opcode::kBinary, "two");
  }
  return bytes_of(upgrade_request()) + test::ws_frame(Opcode::kBinary, "one") +
         test::ws_frame(Opcode::kBinary, "two");
}

TEST(ShardProxy, AHeaderGivesTheSourceInEveryChunking) {
  for (const std::size_t listener_index : {kTcpListener, kWsListener}) {
    for (const Bytes& header : {proxy_v1(), proxy_v2()}) {
      const Bytes all = header + first_words(listener_index);
      for (std::size_t cut = 0; cut <= std::min(all.size(), header.size() + 40); ++cut) {
        SCOPED_TRACE(cut);
        ProxiedShard it(cut + 1);
        FakePeer& peer = it.client(kProxyIp, listener_index, ByteView(all).first(cut));
        peer.send(ByteView(all).subspan(cut));
        EXPECT_TRUE(it.turn_until([&] { return it.packets.size() == 2; }));
        EXPECT_EQ(it.packets, (std::vector<std::string>{"one", "two"}));
        EXPECT_EQ(it.sources, (std::vector<std::string>(2, "192.0.2.5:4711")));
        it.leave();
        if (HasFailure()) return;
      }
    }
  }
}

TEST(ShardProxy, ByteByByteAndUnderFaults) {
  test::for_each_seed(60, [](std::uint64_t seed) {
    ShardOptions options = behind_proxies();
    options.ring.client_buffer_bytes = static_cast<unsigned>(1 + seed % 40);
    ProxiedShard it(seed, options, {.stall = 3, .no_buffers = 4, .recv_ends = 4});
    const std::size_t listener_index = seed % 2;
    const Bytes header = seed % 3 == 0 ? proxy_v1() : proxy_v2();
    it.client(kProxyIp, listener_index, header + first_words(listener_index));
    EXPECT_TRUE(it.turn_until([&] { return it.packets.size() == 2; }));
    EXPECT_EQ(it.sources, (std::vector<std::string>(2, "192.0.2.5:4711")));
    it.leave();
  });
}

// As a client's certificate makes it: longer than a receive's buffer, cut anywhere, and nothing of
// it is kept.
TEST(ShardProxy, ALongHeaderIsSkippedAsItComes) {
  for (const std::size_t tlv_bytes : {1U, 508U, 509U, 3000U, 16U * 1024 - 28}) {
    for (const std::size_t listener_index : {kTcpListener, kWsListener}) {
      const Bytes all = proxy_v2_with(tlv_bytes) + first_words(listener_index);
      for (const std::size_t cut : {std::size_t{20}, std::size_t{28}, 28 + tlv_bytes / 2,
                                    27 + tlv_bytes, 28 + tlv_bytes, 29 + tlv_bytes}) {
        SCOPED_TRACE(cut);
        ProxiedShard it(cut + 1);
        FakePeer& peer = it.client(kProxyIp, listener_index, ByteView(all).first(cut));
        EXPECT_LE(it.carried(), 28U);
        peer.send(ByteView(all).subspan(cut));
        EXPECT_TRUE(it.turn_until([&] { return it.packets.size() == 2; }));
        EXPECT_EQ(it.sources, (std::vector<std::string>(2, "192.0.2.5:4711")));
        it.leave();
        if (HasFailure()) return;
      }
    }
  }
}

TEST(ShardProxy, WhatIsSkippedMayComeByteByByteAndUnderFaults) {
  test::for_each_seed(30, [](std::uint64_t seed) {
    ShardOptions options = behind_proxies();
    options.ring.client_buffer_bytes = static_cast<unsigned>(1 + seed % 40);
    ProxiedShard it(seed, options, {.stall = 3, .no_buffers = 4, .recv_ends = 4});
    const std::size_t listener_index = seed % 2;
    // LOCAL's and an unspecified family's bytes mean nothing, whatever they are.
    const std::uint8_t command = seed % 3 == 0 ? 0x20 : 0x21;
    const std::uint8_t family = seed % 5 == 0 ? 0x00 : 0x11;
    it.client(kProxyIp, listener_index,
              proxy_v2_with(900, command, family) + first_words(listener_index));
    EXPECT_TRUE(it.turn_until([&] { return it.packets.size() == 2; }));
    const bool told = command == 0x21 && family == 0x11;
    ASSERT_EQ(it.sources.size(), 2U);
    EXPECT_TRUE(it.sources[0].starts_with(told ? "192.0.2.5:" : "10.0.0.1:")) << it.sources[0];
    it.leave();
  });
}

TEST(ShardProxy, AHeaderAboveTheBoundHasAReasonOfItsOwn) {
  ShardOptions options = behind_proxies();
  options.max_proxy_header_bytes = 1000;
  for (const std::size_t listener_index : {kTcpListener, kWsListener}) {
    ProxiedShard it(1, options);
    it.client(kProxyIp, listener_index, proxy_v2_with(972) + first_words(listener_index));
    EXPECT_EQ(it.packets.size(), 2U);
    FakePeer& peer =
        it.client(kProxyIp, listener_index, proxy_v2_with(973) + first_words(listener_index));
    EXPECT_TRUE(it.turn_until([&] { return peer.saw_end; }));
    EXPECT_EQ(it.handler.reasons, std::vector{CloseReason::kProxyHeaderTooLong});
    EXPECT_EQ(it.packets.size(), 2U);
    peer.ended = true;
    it.leave();
  }
}

TEST(ShardProxy, AHeaderWithoutASourceLeavesTheProxys) {
  for (const Bytes& header : {bytes_of("PROXY UNKNOWN\r\n"), proxy_v2(0x20), proxy_v2(0x21, 0)}) {
    for (const std::size_t listener_index : {kTcpListener, kWsListener}) {
      ProxiedShard it(1);
      it.client(kProxyIp, listener_index, header + first_words(listener_index));
      ASSERT_EQ(it.packets.size(), 2U);
      EXPECT_TRUE(it.sources[0].starts_with("10.0.0.1:")) << it.sources[0];
      it.leave();
    }
  }
}

TEST(ShardProxy, ABadHeaderClosesTheConnection) {
  for (const std::size_t listener_index : {kTcpListener, kWsListener}) {
    for (const Bytes& bad :
         {bytes_of("PROXY TCP4 nonsense\r\n"), bytes_of("PROXY TCP4 192.0.2.5 1.2.3.4 1 99999\r\n"),
          proxy_v2(0x31), first_words(listener_index), bytes_of("P\r\n"),
          bytes_of("PROXY " + std::string(200, 'x'))}) {
      ProxiedShard it(1);
      FakePeer& peer = it.client(kProxyIp, listener_index, bad);
      EXPECT_TRUE(it.turn_until([&] { return peer.saw_end; }));
      peer.ended = true;
      EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }));
      EXPECT_EQ(it.handler.reasons, std::vector{CloseReason::kBadProxyHeader});
      EXPECT_TRUE(it.packets.empty());
      EXPECT_TRUE(peer.received.empty());
      it.expect_idle();
    }
  }
}

TEST(ShardProxy, TheConnectionMayGoInTheMiddleOfAHeader) {
  for (const bool reset : {false, true}) {
    for (const std::size_t bytes : {0U, 1U, 10U, 20U, 100U, 301U}) {
      ProxiedShard it(bytes + 1);
      const Bytes header = bytes < 100 ? proxy_v2() : proxy_v2_with(500);
      FakePeer& peer = it.client(kProxyIp, bytes % 2, ByteView(header).first(bytes));
      (reset ? peer.reset : peer.ended) = true;
      EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }));
      it.expect_idle();
    }
  }
}

TEST(ShardProxy, NobodyElseIsBelieved) {
  ProxiedShard it(1);
  FakePeer& tcp = it.client(kStrangerIp, kTcpListener, proxy_v1() + first_words(kTcpListener));
  EXPECT_TRUE(it.turn_until([&] { return tcp.saw_end; }));
  EXPECT_EQ(it.handler.reasons, std::vector{CloseReason::kBadFrame});
  FakePeer& ws = it.client(kStrangerIp, kWsListener, proxy_v1() + first_words(kWsListener));
  EXPECT_TRUE(it.turn_until([&] { return ws.saw_end; }));
  EXPECT_TRUE(text(ws.received).starts_with("HTTP/1.1 400 ")) << text(ws.received);
  EXPECT_TRUE(it.packets.empty());
  it.client(kStrangerIp, kTcpListener, first_words(kTcpListener));
  it.client(kStrangerIp, kWsListener, first_words(kWsListener));
  EXPECT_EQ(it.packets.size(), 4U) << "those need no header";
  EXPECT_TRUE(it.sources[0].starts_with("203.0.113.7:"));
}

TEST(ShardProxy, WithoutTheOptionAHeaderIsNoFrame) {
  ShardOptions options = behind_proxies();
  options.proxy_protocol = false;
  ProxiedShard it(1, options);
  it.client(kProxyIp, kTcpListener, proxy_v1());
  EXPECT_EQ(it.handler.reasons, std::vector{CloseReason::kBadFrame});
}

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
