// A shard in its steady state allocates nothing: malloc itself is replaced, hence a program of its
// own (and none under a sanitizer, which replaces malloc too).
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "tests/codec/ws_stream.h"
#include "tests/common/counted_malloc.h"
#include "tests/common/quiet_handler.h"
#include "tests/dataplane/loopback.h"
#include "tests/dataplane/tls_context.h"

namespace {

thread_local bool counted_thread = false;

}  // namespace

bool ringgate::test::counts_malloc() noexcept {
  return counted_thread;
}

namespace ringgate {
namespace {

using test::Client;
using test::counted_mallocs;
using test::fewest_mallocs;
using test::RealShards;

class Echo : public QuietHandler {
  void on_start(Shard& shard) override {
    shard_ = &shard;
    counted_thread = true;
    seen_.resize(1);  // one that must be counted
  }
  void on_packet(Connection& connection, ByteView payload) override {
    std::uint8_t* const to = shard_->reserve_frame(connection, Opcode::kBinary, payload.size());
    if (to != nullptr) std::memcpy(to, payload.data(), payload.size());
  }
  Shard* shard_ = nullptr;
  std::vector<int> seen_;
};

std::vector<std::uint8_t> many_pings(int count) {
  std::vector<std::uint8_t> pings;
  for (int i = 0; i < count; ++i) pings.insert(pings.end(), kTcpPing.begin(), kTcpPing.end());
  return pings;
}

// Each round also ends in the middle of a ping, so that the start of a frame is kept.
void exchange(std::vector<Client>& clients, int rounds) {
  static const std::vector<std::uint8_t> pings = many_pings(100);
  const ByteView half = ByteView(kTcpPing).first(6);
  const ByteView rest = ByteView(kTcpPing).subspan(6);
  for (int round = 0; round < rounds; ++round) {
    for (const Client& client : clients) client.send(half);
    for (const Client& client : clients) client.send(rest);
    for (const Client& client : clients) client.send(pings);
    for (Client& client : clients) {
      ASSERT_EQ(client.read(kTcpPong.size() * 101).size(), kTcpPong.size() * 101);
    }
  }
}

TEST(Allocations, AHundredThousandPingsTakeNone) {
  RealShards shards(test::one_shard(), [](std::uint32_t) { return std::make_unique<Echo>(); });
  EXPECT_GT(counted_mallocs(), 0U) << "nothing is counted";
  std::vector<Client> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(shards.connect());
  exchange(clients, 20);
  EXPECT_EQ(fewest_mallocs([&] { exchange(clients, 100); }), 0U);
  EXPECT_GE(shards.count(Counter::kPings), 100'000U);
}

// Polled and read, again and again.
TEST(Allocations, HeartbeatsOfIdleClientsTakeNone) {
  ShardGroupOptions options = test::one_shard();
  options.shard.poll_after_ms = 1;
  options.shard.sweep_ms = 1;
  RealShards shards(options, [](std::uint32_t) { return std::make_unique<Echo>(); });
  std::vector<Client> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(shards.connect());
  const auto heartbeat = [&] {
    EXPECT_TRUE(test::eventually([&] { return shards.count(Gauge::kPolled) == clients.size(); }));
    for (const Client& client : clients) client.send(kTcpPing);
    for (Client& client : clients) {
      ASSERT_EQ(client.read(kTcpPong.size()).size(), kTcpPong.size());
    }
  };
  for (int round = 0; round < 10; ++round) heartbeat();
  EXPECT_EQ(fewest_mallocs([&] {
              for (int round = 0; round < 200; ++round) heartbeat();
            }),
            0U);
  EXPECT_GT(shards.count(Counter::kIdlePolls), 0U);
}

// --- TLS ----------------------------------------------------------------------------------------

struct TlsPair {
  explicit TlsPair(Client connected) : socket(std::move(connected)) { shake_hands(); }
  void shake_hands() {
    socket.send(as_bytes(client->step()));
    while (!client->is_done()) {
      const Bytes byte = socket.read(1);
      ASSERT_FALSE(byte.empty());
      const std::string more = client->step(as_text(byte));
      if (!more.empty()) socket.send(as_bytes(more));
    }
  }
  // Pongs for so many pings, each in a record of its own.
  void ping(int count) {
    std::string sealed;
    for (int i = 0; i < count; ++i) sealed += client->seal(as_text(kTcpPing));
    socket.send(as_bytes(sealed));
    std::size_t plain = 0;
    while (plain < kTcpPong.size() * static_cast<std::size_t>(count)) {
      const Bytes byte = socket.read(1);
      ASSERT_FALSE(byte.empty());
      plain += client->open(as_text(byte)).size();
    }
  }

  std::unique_ptr<test::TlsClient> client = std::make_unique<test::TlsClient>();
  Client socket;
};

// Records that are opened and sealed, cut anywhere.
TEST(Allocations, TwentyThousandPingsOverTlsTakeNone) {
  RealShards shards(
      test::one_shard(), [](std::uint32_t) { return std::make_unique<Echo>(); }, Transport::kTcp,
      test::made_tls_context());
  EXPECT_GT(counted_mallocs(), 0U) << "nothing is counted";
  std::vector<TlsPair> clients;
  for (int i = 0; i < 10; ++i) clients.emplace_back(shards.connect());
  const auto exchange = [&](int rounds) {
    for (int round = 0; round < rounds; ++round) {
      for (TlsPair& client : clients) client.ping(1 + round % 39);
    }
  };
  exchange(39);
  EXPECT_EQ(fewest_mallocs([&] { exchange(100); }), 0U);
  EXPECT_GE(shards.count(Counter::kPings), 20'000U);
}

// --- WebSocket ----------------------------------------------------------------------------------

constexpr std::string_view kUpgrade =
    "GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
constexpr std::size_t kUpgradedBytes = 129;

struct WsShards : RealShards {
  WsShards()
      : RealShards(
            test::one_shard(), [](std::uint32_t) { return std::make_unique<Echo>(); },
            Transport::kWebSocket) {
    for (int i = 0; i < 10; ++i) {
      clients.push_back(connect());
      clients.back().send(as_bytes(kUpgrade));
      EXPECT_EQ(clients.back().read(kUpgradedBytes).size(), kUpgradedBytes);
    }
  }

  // Each round every client sends all of it, in three pieces, and reads what it is answered with.
  void exchange(const Bytes& bytes, std::size_t answer_bytes, int rounds) {
    const ByteView all = bytes;
    for (int round = 0; round < rounds; ++round) {
      for (const Client& client : clients) client.send(all.first(7));
      for (const Client& client : clients) client.send(all.subspan(7, all.size() - 12));
      for (const Client& client : clients) client.send(all.last(5));
      for (Client& client : clients) {
        ASSERT_EQ(client.read(answer_bytes).size(), answer_bytes);
      }
    }
  }
  void expect_none(const Bytes& bytes, std::size_t answer_bytes, int rounds) {
    EXPECT_GT(counted_mallocs(), 0U) << "nothing is counted";
    exchange(bytes, answer_bytes, 30);
    EXPECT_EQ(fewest_mallocs([&] { exchange(bytes, answer_bytes, rounds); }), 0U);
    EXPECT_EQ(count(Gauge::kWebSockets), clients.size());
  }

  std::vector<Client> clients;
};

// A hundred copies.
Bytes hundred(const Bytes& one) {
  Bytes all;
  for (int i = 0; i < 100; ++i) all.insert(all.end(), one.begin(), one.end());
  return all;
}

constexpr WsMaskKey kKey = {0x37, 0xfa, 0x21, 0x3d};

TEST(Allocations, AHundredThousandWebSocketPingsTakeNone) {
  WsShards shards;
  Bytes ping;
  append_client_frame(ping, Opcode::kBinary, true, ByteView(kTcpPing).subspan(kTcpFrameHeadBytes),
                      kKey);
  shards.expect_none(hundred(ping), 100 * kWsPong.size(), 100);
  Bytes control;
  append_client_frame(control, Opcode::kPing, true, as_bytes("are you there?"), kKey);
  shards.expect_none(hundred(control), 100 * (2 + 14), 20);
  EXPECT_GE(shards.count(Counter::kPings), 120'000U);
}

TEST(Allocations, AHundredThousandWebSocketPacketsTakeNone) {
  WsShards shards;
  Bytes packet;
  const std::string payload(200, 'p');
  append_client_frame(packet, Opcode::kBinary, true, as_bytes(payload), kKey);
  shards.expect_none(hundred(packet), 100 * (4 + payload.size()), 100);
}

TEST(Allocations, TenThousandFragmentedMessagesTakeNone) {
  WsShards shards;
  Bytes message;
  const std::string part(300, 'p');
  append_client_frame(message, Opcode::kBinary, false, as_bytes(part), kKey);
  append_client_frame(message, Opcode::kContinuation, false, as_bytes(part), kKey);
  append_client_frame(message, Opcode::kPong, true, {}, kKey);
  append_client_frame(message, Opcode::kContinuation, true, as_bytes(part), kKey);
  shards.expect_none(hundred(message), 100 * (4 + 3 * part.size()), 10);
}

}  // namespace
}  // namespace ringgate
