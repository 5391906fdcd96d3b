// Idle clients over real rings and real loopback sockets.
#include <algorithm>
#include <cstring>
#include <random>

#include "tests/codec/ws_stream.h"
#include "tests/common/quiet_handler.h"
#include "tests/dataplane/loopback.h"
#include "tests/dataplane/test_names.h"

namespace ringgate {
namespace {

using test::Client;
using test::eventually;
using test::RealShards;
using test::TestClose;

class Quiet : public QuietHandler {
 public:
  [[nodiscard]] HandlerNames names() const noexcept override { return test::kTestNames; }
  void on_start(Shard& shard) override { shard_ = &shard; }
  void on_packet(Connection& connection, ByteView) override {
    shard_->finish(connection, TestClose::kKickedOut);
  }
  // All clients are to go.
  void on_mail(std::uint32_t, MailKind, ByteView) override {
    shard_->table().for_each_client(
        [this](Connection& connection) { shard_->finish(connection, CloseReason::kDraining); });
  }

 private:
  Shard* shard_ = nullptr;
};

struct IdleShards : RealShards {
  explicit IdleShards(std::uint32_t poll_after_ms, std::uint32_t sweep_ms = 20,
                      Transport transport = Transport::kTcp)
      : RealShards(
            options(poll_after_ms, sweep_ms),
            [](std::uint32_t) { return std::make_unique<Quiet>(); }, transport) {}
  static ShardGroupOptions options(std::uint32_t poll_after_ms, std::uint32_t sweep_ms) {
    ShardGroupOptions options = test::one_shard();
    options.shard.max_clients = 200;
    options.shard.poll_after_ms = poll_after_ms;
    options.shard.sweep_ms = sweep_ms;
    return options;
  }
  [[nodiscard]] std::vector<Client> connect_all(std::size_t count) const {
    std::vector<Client> clients;
    clients.reserve(count);
    while (clients.size() < count) clients.push_back(connect());
    return clients;
  }
  bool all_polled(std::uint64_t clients) {
    return eventually([&] { return count(Gauge::kPolled) == clients; });
  }
};

void expect_pong(Client& client) {
  EXPECT_TRUE(std::ranges::equal(client.read(kTcpPong.size()), kTcpPong));
}

TEST(RingIdle, APolledClientIsAnsweredAndPolledAgain) {
  IdleShards shards(50);
  std::vector<Client> clients = shards.connect_all(20);
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(shards.all_polled(clients.size()));
    for (Client& client : clients) client.send(kTcpPing);
    for (Client& client : clients) expect_pong(client);
  }
  EXPECT_EQ(shards.count(Counter::kPings), 60U);
  EXPECT_TRUE(shards.all_polled(clients.size()));
}

TEST(RingIdle, ABusyClientIsNotPolled) {
  IdleShards shards(1000, 20);
  Client client = shards.connect();
  for (int i = 0; i < 100; ++i) {
    client.send(kTcpPing);
    expect_pong(client);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(shards.count(Gauge::kPolled), 0U);
  EXPECT_TRUE(shards.all_polled(1));
}

TEST(RingIdle, ALongFrameToAPolledClientIsReadToItsEnd) {
  IdleShards shards(20);
  Client client = shards.connect();
  EXPECT_TRUE(shards.all_polled(1));
  std::vector<std::uint8_t> ping(kTcpFrameHeadBytes + 60'000, 'p');
  write_tcp_frame_head(ping.data(), Opcode::kPing, 60'000);
  client.send(ping);
  std::vector<std::uint8_t> pong = ping;
  write_tcp_frame_head(pong.data(), Opcode::kPong, 60'000);
  EXPECT_TRUE(client.read(pong.size()) == pong);
}

TEST(RingIdle, TheEndOfAPolledClientIsSeen) {
  IdleShards shards(20);
  {
    std::vector<Client> clients = shards.connect_all(20);
    EXPECT_TRUE(shards.all_polled(clients.size()));
  }
  EXPECT_TRUE(eventually([&] { return shards.count(Gauge::kClients) == 0; }));
  EXPECT_EQ(shards.closed(CloseReason::kPeerClosed), 20U);
  EXPECT_EQ(shards.count(Gauge::kPolled), 0U);
}

TEST(RingIdle, AResetOfAPolledClientIsSeen) {
  IdleShards shards(20);
  Client client = shards.connect();
  EXPECT_TRUE(shards.all_polled(1));
  client.reset();
  EXPECT_TRUE(eventually([&] { return shards.count(Gauge::kClients) == 0; }));
  EXPECT_EQ(shards.closed(CloseReason::kPeerReset), 1U);
}

// Every client speaks about when its receive is cancelled, in two parts.
TEST(RingIdle, WhatComesWhileTheReceiveIsCancelledIsAnswered) {
  IdleShards shards(1, 1);
  std::vector<Client> clients = shards.connect_all(30);
  std::mt19937 random(1);
  for (int round = 0; round < 300 && !testing::Test::HasFailure(); ++round) {
    const std::size_t cut = 1 + random() % (kTcpPing.size() - 1);
    for (Client& client : clients) {
      client.send(ByteView(kTcpPing).first(cut));
      if (random() % 8 == 0) std::this_thread::sleep_for(std::chrono::microseconds(random() % 900));
    }
    for (Client& client : clients) client.send(ByteView(kTcpPing).subspan(cut));
    for (Client& client : clients) expect_pong(client);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 8000));
  }
  EXPECT_EQ(shards.count(Counter::kPings), 9000U);
  EXPECT_GT(shards.count(Counter::kIdlePolls), 100U) << "nothing was tried";
}

TEST(RingIdle, PolledClientsAreTurnedAwayAndEnd) {
  IdleShards shards(20);
  std::vector<Client> clients = shards.connect_all(20);
  EXPECT_TRUE(shards.all_polled(clients.size()));
  shards.group->post(0, MailOf<NothingMore>{kMailHandler}, {});
  shards.group->flush();
  const std::string_view why = describe(CloseReason::kDraining).name;
  for (Client& client : clients) {
    EXPECT_EQ(client.read_all().size(), kTcpFrameHeadBytes + why.size());
    EXPECT_TRUE(client.ended());
  }
  clients.clear();
  EXPECT_TRUE(eventually([&] { return shards.count(Gauge::kClients) == 0; }));
  EXPECT_EQ(shards.count(Gauge::kPolled), 0U);
}

// The poll ends although the peer says nothing: nothing else would let the connection go.
TEST(RingIdle, ThePollOfAConnectionThatIsGivenUpEnds) {
  ShardGroupOptions options = IdleShards::options(20, 20);
  options.shard.linger_ms = 50;
  options.shard.limits[0].read_timeout_ms = 200;
  RealShards shards(options, [](std::uint32_t) { return std::make_unique<Quiet>(); });
  const Client client = shards.connect();
  EXPECT_TRUE(eventually([&] { return shards.count(Gauge::kPolled) == 1; }));
  EXPECT_TRUE(eventually([&] { return shards.count(Counter::kClosed) == 1; }));
  EXPECT_EQ(shards.closed(CloseReason::kIdleTimeout), 1U);
}

TEST(RingIdle, StoppingEndsPolledConnections) {
  IdleShards shards(20);
  Client client = shards.connect();
  EXPECT_TRUE(shards.all_polled(1));
  shards.group->stop();
  EXPECT_TRUE(client.read_all().empty());
  EXPECT_TRUE(client.ended());
}

TEST(RingIdle, AWebSocketClientIsPolledAndAnswered) {
  IdleShards shards(30, 20, Transport::kWebSocket);
  Client client = shards.connect();
  client.send(
      as_bytes("GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"));
  EXPECT_EQ(client.read(129).size(), 129U);
  Bytes ping;
  append_client_frame(ping, Opcode::kBinary, true, ByteView(kTcpPing).subspan(kTcpFrameHeadBytes),
                      {1, 2, 3, 4});
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(shards.all_polled(1));
    client.send(ByteView(ping).first(5));
    EXPECT_TRUE(shards.all_polled(1));
    client.send(ByteView(ping).subspan(5));
    EXPECT_TRUE(std::ranges::equal(client.read(kWsPong.size()), kWsPong));
  }
  Bytes close;
  append_client_frame(close, Opcode::kClose, true, {}, {1, 2, 3, 4});
  client.send(close);
  EXPECT_EQ(client.read_all().size(), 2U);
  EXPECT_TRUE(client.ended());
}

}  // namespace
}  // namespace ringgate
