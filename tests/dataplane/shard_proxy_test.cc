// PROXY headers, over the fake kernel.
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
using test::proxy_v2;
using test::proxy_v2_with;
using test::text;
using test::operator+;  // NOLINT(misc-unused-using-decls): of vectors, which it does not see

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
    EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kProxyHeaderTooLong});
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
      EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kBadProxyHeader});
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
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kBadFrame});
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
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kBadFrame});
}

}  // namespace
}  // namespace ringgate
