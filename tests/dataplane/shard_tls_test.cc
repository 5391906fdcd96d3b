// TLS on a shard, over the fake kernel, with clients that are OpenSSL's.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/dataplane/tls_fixture.h"

namespace ringgate {
namespace {

using test::kPing;
using test::kPong;
using test::kTlsListener;
using test::kWssListener;
using test::small_shard;
using test::tcp_frame;
using test::TlsClient;
using test::TlsPeer;
using test::TlsShard;

// Sends back what comes.
void echo(TlsShard& it) {
  it.handler.packet = [&it](Connection& connection, ByteView payload) {
    std::uint8_t* const to = it.shard.reserve_frame(connection, Opcode::kBinary, payload.size());
    if (to != nullptr) std::memcpy(to, payload.data(), payload.size());
  };
}

constexpr int kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

struct Way {
  int version;
  const char* suite;
};
constexpr Way kWays[] = {{TLS1_2_VERSION, ""},
                         {TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256"},
                         {TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384"},
                         {TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256"}};

// Small buffers cut the client's records anywhere, and each kind of fault comes in its time.
TEST(ShardTls, PacketsGoBothWaysUnderFaults) {
  test::for_each_seed(24, [](std::uint64_t seed) {
    const Way& way = kWays[seed % 4];
    ShardOptions options = small_shard();
    options.ring.client_buffer_bytes = static_cast<unsigned>(64 + 29 * seed);
    TlsShard it(seed,
                {.stall = 3, .short_send = 3, .no_buffers = 5, .recv_ends = 5, .accept_fails = 0},
                options);
    echo(it);
    TlsPeer peer(it, kTlsListener, {.max_version = way.version, .suites = way.suite});
    ASSERT_TRUE(peer.shake_hands());
    std::string expected;
    for (const std::size_t size : {0U, 1U, 100U, 5000U, 20000U, 3U}) {
      const std::string packet = tcp_frame(Opcode::kBinary, std::string(size, 'x'));
      peer.send(packet + kPing);
      expected += packet + kPong;
    }
    ASSERT_TRUE(peer.got(expected.size()));
    EXPECT_EQ(peer.plain, expected);
    EXPECT_EQ(it.gauge(Gauge::kTlsHandshakes), 0U);
    EXPECT_EQ(it.gauge(Gauge::kTlsSessions), way.version == TLS1_2_VERSION ? 1U : 0U);
    EXPECT_EQ(it.count(Counter::kTlsHandshakes), 1U);
    peer.send(tcp_frame(Opcode::kClose, ""));
    EXPECT_TRUE(peer.end());
    EXPECT_TRUE(peer.was_told_the_end()) << "close_notify";
    EXPECT_EQ(peer.plain, expected + tcp_frame(Opcode::kClose, ""));
    it.expect_idle();
    EXPECT_EQ(it.gauge(Gauge::kTlsSessions), 0U);
  });
}

TEST(ShardTls, WebSocketIsSpokenWithin) {
  test::for_each_seed(8, [](std::uint64_t seed) {
    ShardOptions options = small_shard();
    options.ring.client_buffer_bytes = static_cast<unsigned>(30 + 31 * seed);
    TlsShard it(seed, {.stall = 3, .short_send = 3}, options);
    echo(it);
    TlsPeer peer(it, kWssListener, {.max_version = kVersions[seed % 2]});
    ASSERT_TRUE(peer.shake_hands());
    peer.send(test::upgrade_request());
    const Bytes hello = test::ws_frame(Opcode::kBinary, "hello");
    peer.send(as_text(hello));
    const Bytes answer = test::ws_answer(Opcode::kBinary, "hello");
    const std::string expected = std::string(test::kUpgraded) + std::string(as_text(answer));
    ASSERT_TRUE(peer.got(expected.size()));
    EXPECT_EQ(peer.plain, expected);
    EXPECT_EQ(it.gauge(Gauge::kWebSockets), 1U);
    it.shard.table().for_each_client(
        [&](Connection& one) { it.shard.finish(one, CloseReason::kDraining); });
    EXPECT_TRUE(peer.end());
    EXPECT_TRUE(peer.was_told_the_end());
    it.expect_idle();
  });
}

// The client's last flight and its first words in one write, a key update between them.
TEST(ShardTls, WhatComesBehindTheHandshakeIsNotLost) {
  test::for_each_seed(20, [](std::uint64_t seed) {
    ShardOptions options = small_shard();
    options.ring.client_buffer_bytes = static_cast<unsigned>(8 + 50 * seed);
    TlsShard it(seed, {.stall = 2}, options);
    TlsPeer peer(it, kTlsListener);
    ASSERT_TRUE(it.turn_until([&] {
      const std::string flight(as_text(ByteView(peer.peer().received)));
      if (flight.empty()) {
        peer.send_raw(peer.client().step());
        return false;
      }
      TlsPeer* const self = &peer;
      self->pump();
      return peer.client().is_done();
    }));
    if (seed % 2 == 0) SSL_key_update(peer.client().ssl(), SSL_KEY_UPDATE_REQUESTED);
    peer.send(kPing + kPing);
    ASSERT_TRUE(peer.got(2 * kPong.size()));
    EXPECT_EQ(peer.plain, kPong + kPong);
  });
}

// A client with little memory asks for short records (RFC 6066, section 4) and ends at a long one.
TEST(ShardTls, RecordsAreNoLongerThanTheClientHasAskedFor) {
  constexpr std::size_t kMost = 512;
  // What TLS 1.2 and 1.3 add at most: a nonce and a tag, or a type and a tag.
  constexpr std::size_t kAdded = 24;
  for (const Way& way : kWays) {
    TlsShard it(1);
    echo(it);
    TlsPeer peer(it, kTlsListener,
                 {.max_version = way.version,
                  .suites = way.suite,
                  .max_fragment = TLSEXT_max_fragment_length_512});
    ASSERT_TRUE(peer.shake_hands());
    const std::string packet = tcp_frame(Opcode::kBinary, std::string(20'000, 'x'));
    peer.send(packet);
    ASSERT_TRUE(peer.got(packet.size()));
    EXPECT_EQ(peer.plain, packet);
    ByteView rest(peer.peer().received);
    for (std::size_t bytes = 0; !rest.empty(); rest = rest.subspan(bytes)) {
      bytes = tls::record_bytes(rest);
      ASSERT_LE(bytes, rest.size());
      EXPECT_LE(bytes, tls::kRecordHeadBytes + kMost + kAdded);
    }
  }
}

// As of plain clients: what one sent before it left is handled first.
TEST(ShardTls, LastWordsBehindTheHandshakeAreHeard) {
  test::for_each_seed(40, [](std::uint64_t seed) {
    const int version = kVersions[seed % 2];
    TlsShard it(seed, {.stall = 2});
    std::vector<std::string> heard;
    it.handler.packet = [&](Connection&, ByteView packet) { heard.emplace_back(as_text(packet)); };
    TlsPeer peer(it, kTlsListener, {.max_version = version});
    ASSERT_TRUE(peer.shake_hands());
    peer.send(tcp_frame(Opcode::kBinary, "last words"));
    peer.peer().ended = true;
    EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }));
    EXPECT_EQ(heard, std::vector<std::string>{"last words"});
    EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kPeerClosed});
    it.expect_idle();
  });
}

TEST(ShardTls, KeyUpdatesAreFollowedAndAnswered) {
  TlsShard it(1);
  TlsPeer peer(it, kTlsListener);
  ASSERT_TRUE(peer.shake_hands());
  std::string expected;
  for (const int kind :
       {SSL_KEY_UPDATE_REQUESTED, SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED}) {
    SSL_key_update(peer.client().ssl(), kind);
    peer.send(kPing);
    expected += kPong;
    ASSERT_TRUE(peer.got(expected.size()));
  }
  EXPECT_EQ(peer.plain, expected);
}

TEST(ShardTls, APushOfManyRecordsIsBoundedAsWithoutTls) {
  for (const int version : kVersions) {
    ShardOptions options = small_shard();
    options.limits[0].max_queued_bytes = 300'000;
    TlsShard it(1, {}, options);
    Connection* client = nullptr;
    it.handler.accepted = [&](Connection& connection) { client = &connection; };
    TlsPeer peer(it, kTlsListener, {.max_version = version});
    ASSERT_TRUE(peer.shake_hands());
    it.turn();
    SharedBlock* const block = SharedBlock::create(it.shard.pool(), 100'000);
    std::fill_n(block->data(), block->bytes, std::uint8_t{'p'});
    peer.peer().window = peer.peer().received.size() + 50'000;  // and then it takes nothing
    const std::string head = tcp_frame(Opcode::kBinary, std::string(100'000, 'p')).substr(0, 5);
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(it.shard.append_shared(*client, as_bytes(head), block));
      it.turn();
    }
    EXPECT_EQ(client->output.queued_bytes(), 3U * 100'005U - head.size()) << "all it has not taken";
    EXPECT_EQ(it.shard.reserve(*client, 1), nullptr);
    EXPECT_EQ(client->reason, CloseReason::kSlowConsumer);
    SharedBlock::release(it.shard.pool(), block);
    peer.peer().window = SIZE_MAX;
    peer.peer().ended = true;
    EXPECT_TRUE(it.turn_until([&] { return peer.peer().closed; }));
    it.expect_idle();
  }
}

TEST(ShardTls, APushArrivesWhole) {
  for (const int version : kVersions) {
    ShardOptions options = small_shard();
    options.limits[0].max_queued_bytes = 1'000'000;
    TlsShard it(1, {.stall = 2, .short_send = 2}, options);
    Connection* client = nullptr;
    it.handler.accepted = [&](Connection& connection) { client = &connection; };
    TlsPeer peer(it, kTlsListener, {.max_version = version});
    ASSERT_TRUE(peer.shake_hands());
    SharedBlock* const block = SharedBlock::create(it.shard.pool(), 200'000);
    for (std::uint32_t i = 0; i < block->bytes; ++i) {
      block->data()[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
    }
    ASSERT_TRUE(it.shard.append_shared(*client, as_bytes("head1"), block));
    ASSERT_TRUE(it.shard.append_shared(*client, as_bytes("head2"), block));
    const std::string text(as_text(ByteView(block->data(), block->bytes)));
    SharedBlock::release(it.shard.pool(), block);
    ASSERT_TRUE(peer.got(2 * 200'005));
    EXPECT_EQ(peer.plain, "head1" + text + "head2" + text);
  }
}

TEST(ShardTls, InputThatIsHeldPausesReadingAndIsHandledLater) {
  ShardOptions options = small_shard();
  options.max_held_bytes = 2000;
  TlsShard it(1, {}, options);
  echo(it);
  Connection* client = nullptr;
  it.handler.accepted = [&](Connection& connection) { client = &connection; };
  TlsPeer peer(it, kTlsListener);
  ASSERT_TRUE(peer.shake_hands());
  it.shard.hold_input(*client);
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    const std::string packet =
        tcp_frame(Opcode::kBinary, std::string(500, static_cast<char>('a' + i)));
    peer.send(packet);
    expected += packet;
  }
  ASSERT_TRUE(it.turn_until([&] { return client->read_paused; }));
  for (int i = 0; i < 20; ++i) it.turn();
  EXPECT_FALSE(peer.peer().inbound.empty());
  it.shard.release_input(*client);
  ASSERT_TRUE(peer.got(expected.size()));
  EXPECT_EQ(peer.plain, expected);
}

// --- Ends ---------------------------------------------------------------------------------------

TEST(ShardTls, APeersCloseNotifyEndsItAsItsShutdownWould) {
  for (const int version : kVersions) {
    TlsShard it(1);
    TlsPeer peer(it, kTlsListener, {.max_version = version});
    ASSERT_TRUE(peer.shake_hands());
    peer.send(kPing);
    ASSERT_TRUE(peer.got(kPong.size()));
    SSL_shutdown(peer.client().ssl());
    peer.send_raw(peer.client().take_output());
    EXPECT_TRUE(peer.end());
    EXPECT_TRUE(peer.was_told_the_end());
    EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kPeerClosed});
    it.expect_idle();
  }
}

TEST(ShardTls, AnAlteredRecordIsToldByItsAlertAndNothingElse) {
  for (const int version : kVersions) {
    TlsShard it(1);
    TlsPeer peer(it, kTlsListener, {.max_version = version});
    ASSERT_TRUE(peer.shake_hands());
    std::string record = peer.client().seal(kPing);
    record[7] = static_cast<char>(record[7] ^ 1);
    peer.send_raw(record);
    EXPECT_TRUE(peer.end());
    EXPECT_TRUE(peer.client().has_failed());
    EXPECT_EQ(peer.plain, "");
    EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kTlsBadRecord});
    it.expect_idle();
  }
}

TEST(ShardTls, PlainTextIsAnsweredInWordsOrEnded) {
  TlsShard it(1);
  TlsPeer http(it, kWssListener);
  http.send_raw("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(it.turn_until([&] { return http.peer().saw_end; }));
  EXPECT_TRUE(as_text(ByteView(http.peer().received)).starts_with("HTTP/1.1 400 "));
  http.peer().ended = true;
  TlsPeer tcp(it, kTlsListener);
  tcp.send_raw(kPing);
  ASSERT_TRUE(it.turn_until([&] { return tcp.peer().saw_end; }));
  tcp.peer().ended = true;
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }));
  EXPECT_EQ(it.closed(CloseReason::kTlsPlainText), 2U);
  EXPECT_EQ(it.count(Counter::kTlsFailed), 2U);
  it.expect_idle();
}

// Whatever a handshake has come to when the connection ends, nothing is left of it.
TEST(ShardTls, EndsInTheMiddleOfAHandshakeLeaveNothing) {
  const std::string hello = TlsClient().step();
  for (std::size_t cut = 0; cut <= hello.size(); cut += 9) {
    for (const bool resets : {false, true}) {
      TlsShard it(cut + 1);
      TlsPeer peer(it, kTlsListener);
      peer.send_raw(std::string_view(hello).substr(0, cut));
      for (int i = 0; i < 5; ++i) it.turn(0);
      (resets ? peer.peer().reset : peer.peer().ended) = true;
      EXPECT_TRUE(it.turn_until([&] { return peer.peer().closed; }));
      EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }));
      EXPECT_EQ(it.gauge(Gauge::kTlsHandshakes), 0U);
      EXPECT_LE(it.count(Counter::kTlsFailed), cut == 0 ? 0U : 1U);
      if (cut > 0 && !resets) {
        EXPECT_EQ(it.count(Counter::kTlsFailed), 1U) << cut;
      }
      it.expect_idle();
      if (HasFailure()) return;
    }
  }
}

TEST(ShardTls, AShardThatEndsLeavesNothing) {
  TlsShard it(1);
  TlsPeer done(it, kTlsListener);
  ASSERT_TRUE(done.shake_hands());
  TlsPeer half(it, kTlsListener);
  half.pump();
  it.turn();
}

}  // namespace
}  // namespace ringgate
