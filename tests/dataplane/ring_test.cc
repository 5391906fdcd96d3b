// The real ring by itself, and groups that cannot start.
#include "dataplane/ring.h"

#include <array>
#include <cstring>
#include <vector>

#include "tests/dataplane/loopback.h"

namespace ringgate {
namespace {

RingOptions tiny_ring() {
  RingOptions options;
  options.sq_entries = 8;
  options.cq_entries = 1024;
  options.client_buffers = 4;
  options.link_buffers = 4;
  return options;
}

TEST(Ring, SaysWhichLimitADirectTableExceeds) {
  RingOptions options = tiny_ring();
  options.direct_files = 1u << 22;
  const auto ring = Ring::create(options);
  ASSERT_FALSE(ring);
  EXPECT_NE(ring.error().message.find("RLIMIT_NOFILE"), std::string::npos) << ring.error().message;
  EXPECT_NE(ring.error().message.find("4194304"), std::string::npos);
}

class Nothing : public Handler {
  void on_start(Shard&) override {}
  void on_accept(Connection&) override {}
  void on_adopt(Connection&, const AdoptedFor&) override {}
  void on_packet(Connection&, ByteView) override {}
  void on_close(Connection&, CloseReason) override {}
  void on_deadline(Connection&) override {}
  void on_mail(std::uint32_t, MailKind, ByteView) override {}
  void on_tick() override {}
};

TEST(Ring, AGroupThatCannotStartSaysWhyAndEnds) {
  ShardGroupOptions options = test::one_shard();
  options.shards = 2;
  options.shard.max_clients = 1u << 22;
  auto sockets = ListenerSet::open({"127.0.0.1", 0}, 2, false);
  ASSERT_TRUE(sockets);
  Listener listener{std::move(*sockets)};
  auto group =
      ShardGroup::create(options, [](std::uint32_t) { return std::make_unique<Nothing>(); });
  ASSERT_TRUE(group);
  const Result<void> started = (*group)->start({&listener, 1});
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("RLIMIT_NOFILE"), std::string::npos);
}

// A queue of submissions that fills up in the middle of gathers: each socket gets its own bytes.
TEST(Ring, GathersKeepTheirBytesWhenTheSubmissionQueueFillsUp) {
  auto ring = Ring::create(tiny_ring());
  ASSERT_TRUE(ring) << ring.error().message;
  constexpr std::uint32_t kSockets = 300;
  std::vector<std::array<int, 2>> pairs(kSockets);
  std::vector<std::array<std::uint32_t, 2>> words(kSockets);
  for (std::uint32_t i = 0; i < kSockets; ++i) {
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i].data()), 0);
    words[i] = {i, i * 1000};
    const File file{pairs[i][0], false};
    // Plain sends between the gathers, so that both queues fill up at different times.
    if (i % 16 < 7) {
      (*ring)->send(file, reinterpret_cast<const std::uint8_t*>(words[i].data()), 8, i);
    } else {
      const std::array<iovec, 2> pieces = {iovec{&words[i][0], 4}, iovec{&words[i][1], 4}};
      (*ring)->send_gather(file, pieces, i);
    }
  }
  std::array<Completion, 64> completions;
  std::uint32_t completed = 0;
  for (int turns = 0; completed < kSockets && turns < 1000; ++turns) {
    (*ring)->submit_and_wait(20);
    const unsigned count = (*ring)->reap(completions);
    for (unsigned i = 0; i < count; ++i) EXPECT_EQ(completions[i].result, 8);
    completed += count;
  }
  EXPECT_EQ(completed, kSockets);
  for (std::uint32_t i = 0; i < kSockets; ++i) {
    std::array<std::uint32_t, 2> got{};
    ASSERT_EQ(recv(pairs[i][1], got.data(), sizeof got, MSG_DONTWAIT), 8) << i;
    EXPECT_EQ(got, words[i]);
    close(pairs[i][0]);
    close(pairs[i][1]);
  }
}

}  // namespace
}  // namespace ringgate
