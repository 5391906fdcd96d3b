// Real sockets whose peer sends its last bytes and a reset together. A multishot receive that is
// armed when both are there is never told of the reset.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string_view>

#include "tests/common/quiet_handler.h"
#include "tests/dataplane/loopback.h"

namespace ringgate {
namespace {

using test::Client;
using test::eventually;
using test::one_shard;
using test::RealShards;

constexpr std::string_view kThreeBytes("\2\0\0", 3);  // of a frame

// Blocks its shard in a packet, for as long as it is told to.
class Blocking : public QuietHandler {
 public:
  std::atomic<bool> blocked = false;
  std::atomic<bool> go_on = false;

  void on_packet(Connection&, ByteView) override {
    blocked = true;
    while (!go_on) std::this_thread::yield();
  }
};

RealShards start(const ShardGroupOptions& options, Transport transport = Transport::kTcp) {
  return RealShards(options, [](std::uint32_t) { return std::make_unique<Blocking>(); }, transport);
}

void send_and_reset(Client client, std::string_view bytes) {
  client.send(as_bytes(bytes));
  client.reset();
}

// So many that are dead before they are accepted; with `first` they begin.
void expect_all_found(const ShardGroupOptions& options, Transport transport, int connections,
                      std::string_view first) {
  RealShards shards = start(options, transport);
  for (int i = 0; i < connections; ++i) send_and_reset(shards.connect(), first);
  shards.group->start_accepting();
  shards.group->flush();
  const auto all = static_cast<std::uint64_t>(connections);
  EXPECT_TRUE(eventually([&] { return shards.count(Counter::kClosed) == all; }))
      << shards.count(Counter::kClosed) << " of " << all << ", " << shards.count(Counter::kAccepted)
      << " accepted, " << shards.count(Gauge::kClients) << " open";
  EXPECT_EQ(shards.closed(CloseReason::kPeerReset), all);
}

ShardGroupOptions accepting_later(AcceptMode mode = AcceptMode::kDirect) {
  ShardGroupOptions options = one_shard();
  options.accept = mode;
  options.accept_at_start = false;
  options.shard.max_clients = 2000;
  options.shard.max_links = 2000;
  return options;
}

TEST(RingReset, OfClientsBeforeTheAcceptIsFound) {
  expect_all_found(accepting_later(), Transport::kTcp, 1500, kThreeBytes);
}

TEST(RingReset, OfPolledClientsBeforeTheAcceptIsFound) {
  ShardGroupOptions options = accepting_later();
  options.shard.poll_after_ms = 20;
  expect_all_found(options, Transport::kTcp, 300, kThreeBytes);
}

TEST(RingReset, InAnUpgradeIsFound) {
  expect_all_found(accepting_later(), Transport::kWebSocket, 300, "GET");
}

TEST(RingReset, InAProxysHeaderIsFound) {
  ShardGroupOptions options = accepting_later();
  options.shard.proxy_protocol = true;
  options.shard.trusted_proxies = {*AddressRange::parse("127.0.0.0/8")};
  expect_all_found(options, Transport::kTcp, 300, "PRO");
}

TEST(RingReset, OfAcceptedLinksIsFound) {
  expect_all_found(accepting_later(AcceptMode::kHandOut), Transport::kTcp, 300, kThreeBytes);
}

// A shard that is busy for a moment hears of the bytes and of the reset at once.
TEST(RingReset, WithTheLastBytesWhileTheShardIsBusyIsFound) {
  RealShards shards = start(one_shard());
  auto& handler = dynamic_cast<Blocking&>(shards.group->handler(0));
  Client busy = shards.connect();
  Client victim = shards.connect();
  ASSERT_TRUE(eventually([&] { return shards.count(Gauge::kClients) == 2; }));
  const std::uint8_t frame[] = {2, 0, 0, 0, 1, 'w'};
  busy.send(frame);
  ASSERT_TRUE(eventually([&] { return handler.blocked.load(); }));
  send_and_reset(std::move(victim), kThreeBytes);
  handler.go_on = true;
  EXPECT_TRUE(eventually([&] { return shards.closed(CloseReason::kPeerReset) == 1; }));
}

TEST(RingReset, ALookSaysWhatASocketHas) {
  auto ring = Ring::create(test::options_under_test());
  ASSERT_TRUE(ring) << ring.error().message;
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  const auto look = [&] {
    Completion completion;
    (*ring)->look({pair[0], false}, 7);
    (*ring)->submit_and_wait(2000);
    EXPECT_EQ((*ring)->reap({&completion, 1}), 1U);
    return completion.result;
  };
  EXPECT_EQ(look(), -EAGAIN) << "and it does not wait";
  ASSERT_EQ(write(pair[1], "xyz", 3), 3);
  EXPECT_EQ(look(), 1);
  EXPECT_EQ(look(), 1) << "it takes nothing";
  char bytes[8];
  ASSERT_EQ(read(pair[0], bytes, sizeof bytes), 3);
  close(pair[1]);
  EXPECT_EQ(look(), 0);
  close(pair[0]);
}

TEST(RingOption, TheTimeInWhichAPeerHasToTakeSomethingCanBeChanged) {
  static constexpr std::uint32_t kMilliseconds = 4321;
  auto ring = Ring::create(test::options_under_test());
  ASSERT_TRUE(ring) << ring.error().message;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(fd, 0);
  (*ring)->set_user_timeout({fd, false}, kMilliseconds, 7);
  (*ring)->submit_and_wait(0);
  int value = 0;
  socklen_t bytes = sizeof value;
  ASSERT_EQ(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &bytes), 0);
  Completion completion;
  if ((*ring)->reap({&completion, 1}) == 0) {
    EXPECT_EQ(value, static_cast<int>(kMilliseconds));
  } else {
    EXPECT_EQ(completion.result, -EOPNOTSUPP) << "Linux before 6.7";
  }
  close(fd);
}

}  // namespace
}  // namespace ringgate
