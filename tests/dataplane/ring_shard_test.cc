// Shards over real rings and real loopback sockets.
#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <set>

#include "tests/common/quiet_handler.h"
#include "tests/dataplane/loopback.h"
#include "tests/dataplane/test_names.h"

namespace ringgate {
namespace {

using test::Client;
using test::eventually;
using test::one_shard;
using test::RealShards;
using test::TestClose;

std::vector<std::uint8_t> frame(Opcode opcode, std::string_view payload) {
  std::vector<std::uint8_t> bytes(kTcpFrameHeadBytes + payload.size());
  write_tcp_frame_head(bytes.data(), opcode, static_cast<std::uint32_t>(payload.size()));
  std::ranges::copy(payload, bytes.begin() + kTcpFrameHeadBytes);
  return bytes;
}

constexpr std::size_t kMuch = 200 * 1024;

// Does what the first letter of a packet says.
class Letters : public QuietHandler {
 public:
  std::atomic<int> accepted = 0;
  std::atomic<int> adopted = 0;
  std::atomic<int> closed = 0;

  [[nodiscard]] HandlerNames names() const noexcept override { return test::kTestNames; }
  void on_start(Shard& shard) override { shard_ = &shard; }
  void on_accept(Connection&) override { ++accepted; }
  void on_adopt(Connection&, const AdoptedFor&) override { ++adopted; }
  void on_packet(Connection& connection, ByteView payload) override {
    switch (payload.empty() ? 0 : payload[0]) {
      case 'e':  // echo
        say(connection, payload);
        return;
      case 'f':  // much, then the end
        say(connection, std::vector<std::uint8_t>(kMuch, 'm'));
        shard_->finish(connection, TestClose::kKickedOut);
        return;
      case 's':  // without end
        flooded_ = &connection;
        return;
      default:
        return;
    }
  }
  void on_close(Connection& connection, CloseReason) override {
    ++closed;
    if (flooded_ == &connection) flooded_ = nullptr;
  }
  void on_tick() override {
    const std::vector<std::uint8_t> words(60'000, 's');
    for (int i = 0; i < 4 && flooded_ != nullptr; ++i) say(*flooded_, words);
  }

 private:
  void say(Connection& connection, ByteView payload) {
    std::uint8_t* const to = shard_->reserve(connection, kTcpFrameHeadBytes + payload.size());
    if (to == nullptr) return;
    write_tcp_frame_head(to, Opcode::kBinary, static_cast<std::uint32_t>(payload.size()));
    std::memcpy(to + kTcpFrameHeadBytes, payload.data(), payload.size());
  }
  Shard* shard_ = nullptr;
  Connection* flooded_ = nullptr;
};

RealShards start(const ShardGroupOptions& options) {
  return RealShards(options, [](std::uint32_t) { return std::make_unique<Letters>(); });
}

Letters& letters(RealShards& shards, std::uint32_t index = 0) {
  return dynamic_cast<Letters&>(shards.group->handler(index));
}

void expect_pong(Client& client) {
  EXPECT_TRUE(std::ranges::equal(client.read(kTcpPong.size()), kTcpPong));
}

TEST(RingShard, APingInAnyTwoPartsIsAnswered) {
  RealShards shards = start(one_shard());
  Client client = shards.connect();
  std::uint64_t receives = 0;
  for (std::size_t cut = 1; cut < kTcpPing.size(); ++cut) {
    client.send(ByteView(kTcpPing).first(cut));
    // The second part is sent when the first has been read.
    EXPECT_TRUE(eventually([&] { return shards.count(Counter::kReceives) > receives; }));
    client.send(ByteView(kTcpPing).subspan(cut));
    expect_pong(client);
    receives = shards.count(Counter::kReceives);
  }
  EXPECT_EQ(shards.count(Counter::kPings), kTcpPing.size() - 1);
}

TEST(RingShard, ManyPingsInOneWriteAreAllAnswered) {
  RealShards shards = start(one_shard());
  Client client = shards.connect();
  std::vector<std::uint8_t> pings;
  for (int i = 0; i < 5000; ++i) pings.insert(pings.end(), kTcpPing.begin(), kTcpPing.end());
  client.send(pings);
  for (int i = 0; i < 5000 && !testing::Test::HasFailure(); ++i) expect_pong(client);
}

TEST(RingShard, APingFrameIsEchoed) {
  RealShards shards = start(one_shard());
  Client client = shards.connect();
  for (const std::size_t bytes : {0u, 1u, 125u, 5000u, 64u * 1024}) {
    const std::string words(bytes, 'p');
    client.send(frame(Opcode::kPing, words));
    EXPECT_EQ(client.read(bytes + kTcpFrameHeadBytes), frame(Opcode::kPong, words));
  }
}

TEST(RingShard, HalfAFrameAndSilenceEndInTheIdleTimeout) {
  ShardGroupOptions options = one_shard();
  options.shard.limits[0].read_timeout_ms = 100;
  RealShards shards = start(options);
  Client client = shards.connect();
  client.send(ByteView(kTcpPing).first(8));
  EXPECT_EQ(client.read_all(), frame(Opcode::kClose, describe(CloseReason::kIdleTimeout).name));
  EXPECT_TRUE(client.ended());
}

TEST(RingShard, ASlowReaderClosesOnlyItself) {
  RealShards shards = start(one_shard());
  Client slow = shards.connect(4096);
  Client other = shards.connect();
  slow.send(frame(Opcode::kBinary, "s"));
  EXPECT_TRUE(eventually([&] {
    other.send(kTcpPing);
    expect_pong(other);
    return shards.closed(CloseReason::kSlowConsumer) == 1;
  }));
  other.send(kTcpPing);
  expect_pong(other);
  EXPECT_EQ(letters(shards).closed, 1);
}

TEST(RingShard, TwoThousandConnectionsComeAndGo) {
  ShardGroupOptions options = one_shard();
  options.shard.max_clients = 2100;
  RealShards shards = start(options);
  {
    std::vector<Client> clients;
    for (int i = 0; i < 2000; ++i) clients.push_back(shards.connect());
    EXPECT_TRUE(eventually([&] { return shards.count(Gauge::kClients) == 2000; }));
    for (const Client& client : clients) client.send(kTcpPing);
    for (Client& client : clients) expect_pong(client);
  }
  EXPECT_TRUE(eventually([&] { return shards.count(Gauge::kClients) == 0; }));
  EXPECT_EQ(letters(shards).closed, 2000);
  Client again = shards.connect();
  again.send(kTcpPing);
  expect_pong(again);
}

TEST(RingShard, AFullShardTakesOthersWhenSomeLeave) {
  ShardGroupOptions options = one_shard();
  options.shard.max_clients = 40;
  RealShards shards = start(options);
  for (int round = 0; round < 3; ++round) {
    std::vector<Client> clients;
    for (int i = 0; i < 40; ++i) {
      clients.push_back(shards.connect());
      clients.back().send(kTcpPing);
      expect_pong(clients.back());
    }
    EXPECT_TRUE(eventually([&] {
      return shards.count(Counter::kListenerClosed) == static_cast<std::uint64_t>(round) + 1;
    }));
    clients.clear();
    // A shard without a listener refuses; it is open again when a connection succeeds.
    EXPECT_TRUE(eventually([&] { return shards.count(Gauge::kClients) == 0; }));
    EXPECT_TRUE(eventually([&] {
      const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (fd < 0) return false;
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      to.sin_port = htons(shards.listener.sockets.port());
      const bool open = connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
      close(fd);
      return open;
    }));
    EXPECT_TRUE(eventually([&] {
      return shards.count(Counter::kClosed) == shards.count(Counter::kAccepted) &&
             shards.count(Counter::kAccepted) == static_cast<std::uint64_t>(round + 1) * 41;
    }));
  }
}

// Bytes of the peer that nobody reads must not turn the end into a reset.
TEST(RingShard, FinishFlushesAllAlsoToAPeerThatStillTalks) {
  RealShards shards = start(one_shard());
  Client client = shards.connect();
  client.send(frame(Opcode::kBinary, "f"));
  client.send(std::vector<std::uint8_t>(50'000, 0));
  std::vector<std::uint8_t> expected = frame(Opcode::kBinary, std::string(kMuch, 'm'));
  std::ranges::copy(frame(Opcode::kClose, describe(TestClose::kKickedOut).name),
                    std::back_inserter(expected));
  EXPECT_TRUE(client.read_all() == expected);
  EXPECT_TRUE(client.ended());
}

TEST(RingShard, AcceptedLinksAreHandedToAllShardsInTurn) {
  ShardGroupOptions options = one_shard();
  options.shards = 2;
  options.accept = AcceptMode::kHandOut;
  RealShards shards(options, [](std::uint32_t) { return std::make_unique<Letters>(); });
  std::vector<Client> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(Client(shards.listener.sockets.port()));
    clients.back().send(frame(Opcode::kBinary, "echo"));
    EXPECT_EQ(clients.back().read(9), frame(Opcode::kBinary, "echo"));
  }
  EXPECT_EQ(letters(shards, 0).accepted, 3);
  EXPECT_EQ(letters(shards, 1).accepted, 3);
  clients.clear();
  EXPECT_TRUE(eventually([&] { return shards.count(Gauge::kLinks) == 0; }));
}

TEST(RingShard, StoppingEndsEveryConnection) {
  for (const AcceptMode mode : {AcceptMode::kDirect, AcceptMode::kHandOut}) {
    ShardGroupOptions options = one_shard();
    options.accept = mode;
    RealShards shards = start(options);
    std::vector<Client> clients;
    for (int i = 0; i < 5; ++i) {
      clients.push_back(shards.connect());
      clients.back().send(kTcpPing);
      expect_pong(clients.back());
    }
    shards.group->stop();
    for (Client& client : clients) {
      EXPECT_TRUE(client.read_all().empty());
      EXPECT_TRUE(client.ended()) << "not while the group still exists";
    }
  }
}

// Holds a block of its shard's pool until its own end.
class BlockHolder : public QuietHandler {
 public:
  explicit BlockHolder(std::atomic<std::size_t>& left) : left_(left) {}
  ~BlockHolder() override {
    pool_->give(block_);
    left_ = pool_->used_bytes();
  }
  void on_start(Shard& shard) override {
    pool_ = &shard.pool();
    block_ = pool_->take(2 * BlockPool::kMaxPooledBytes);
  }

 private:
  std::atomic<std::size_t>& left_;
  BlockPool* pool_ = nullptr;
  Block block_;
};

TEST(RingShard, WhatAHandlerHoldsIsGivenBackBeforeItsPoolEnds) {
  std::atomic<std::size_t> left = SIZE_MAX;
  {
    const RealShards shards(one_shard(),
                            [&](std::uint32_t) { return std::make_unique<BlockHolder>(left); });
  }
  EXPECT_EQ(left, 0U);
}

TEST(RingShard, AnAdoptedSocketMayBeNonBlocking) {
  RealShards shards = start(one_shard());
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
  ASSERT_EQ(fcntl(pair[1], F_SETFL, 0), 0);  // ours waits
  const AdoptMail mail{pair[0], 0, PeerAddress(), {}};
  shards.group->post(0, kMailAdopt, mail);
  shards.group->flush();
  EXPECT_TRUE(eventually([&] { return letters(shards).adopted == 1; }));
  EXPECT_EQ(fcntl(pair[0], F_GETFL) & O_NONBLOCK, 0) << "the ring would spin on EAGAIN";
  const std::vector<std::uint8_t> words = frame(Opcode::kBinary, "echo");
  ASSERT_EQ(write(pair[1], words.data(), words.size()), static_cast<ssize_t>(words.size()));
  std::vector<std::uint8_t> back(words.size());
  ASSERT_EQ(recv(pair[1], back.data(), back.size(), MSG_WAITALL),
            static_cast<ssize_t>(back.size()));
  EXPECT_EQ(back, words);
  close(pair[1]);
  EXPECT_TRUE(eventually([&] { return shards.count(Gauge::kLinks) == 0; }));
}

}  // namespace
}  // namespace ringgate
