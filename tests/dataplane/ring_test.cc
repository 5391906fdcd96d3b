// The real ring by itself, and groups that cannot start.
#include "dataplane/ring.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/ring_size.h"
#include "tests/common/quiet_handler.h"
#include "tests/dataplane/loopback.h"

namespace ringgate {
namespace {

RingOptions tiny_ring() {
  RingOptions options = test::options_under_test();
  options.sq_entries = 8;
  options.cq_entries = 1024;
  options.client_buffers = 4;
  options.link_buffers = 4;
  return options;
}

TEST(Ring, QueuesFollowThePlacesOfAShard) {
  RingOptions ring;
  for (const auto& [clients, completions] :
       {std::pair{0U, 4096U}, std::pair{5'000U, 4096U}, std::pair{15'873U, 8192U},
        std::pair{500'000U, 32'768U}}) {
    size_queues(ring, clients);
    EXPECT_EQ(ring.cq_entries, completions) << clients;
    EXPECT_EQ(ring.sq_entries, completions / 8) << clients;
  }
}

// With a queue of completions for a few of them: the kernel keeps the others, and may end receives.
TEST(Ring, MoreCompletionsThanTheQueueHoldsAreNotLost) {
  constexpr std::size_t kPairs = 200;
  RingOptions options = tiny_ring();
  options.cq_entries = 16;
  options.client_buffers = 256;
  auto ring = Ring::create(options);
  ASSERT_TRUE(ring) << ring.error().message;
  std::vector<std::array<int, 2>> pairs(kPairs);
  const auto receive = [&](std::size_t i) {
    (*ring)->recv_multishot({pairs[i][0], false}, BufferGroup::kClients, i);
  };
  for (std::size_t i = 0; i < kPairs; ++i) {
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i].data()), 0);
    receive(i);
  }
  (*ring)->submit_and_wait(0);
  for (int round = 0; round < 3; ++round) {
    for (const auto& pair : pairs) ASSERT_EQ(write(pair[1], "x", 1), 1);
    for (std::size_t got = 0; got < kPairs;) {
      (*ring)->submit_and_wait(20'000);
      std::array<Completion, 8> completions;
      const unsigned count = (*ring)->reap(completions);
      ASSERT_GT(count, 0U) << got << " of " << kPairs << " have come";
      for (const Completion& one : std::span(completions).first(count)) {
        if (one.has_buffer) {
          EXPECT_EQ(one.result, 1);
          ++got;
          (*ring)->recycle(BufferGroup::kClients, one.buffer_id);
        }
        if (!one.more) receive(one.tag);
      }
      (*ring)->publish_buffers();
    }
  }
  for (const auto& pair : pairs) {
    for (const int fd : pair) close(fd);
  }
}

TEST(Ring, SaysWhichLimitADirectTableExceeds) {
  if (test::ring_under_test() == RingKind::kEpoll) GTEST_SKIP() << "its table is memory of ours";
  RingOptions options = tiny_ring();
  options.direct_files = 1u << 22;
  const auto ring = Ring::create(options);
  ASSERT_FALSE(ring);
  EXPECT_NE(ring.error().message.find("RLIMIT_NOFILE"), std::string::npos) << ring.error().message;
  EXPECT_NE(ring.error().message.find("4194304"), std::string::npos);
}

TEST(Ring, SaysThatTheAddressSpaceIsLimited) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's own memory does not fit into it";
#endif
  if (test::ring_under_test() == RingKind::kEpoll) GTEST_SKIP() << "it maps nothing";
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  const rlimit little{64ULL << 20, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &little), 0);
  RingOptions options = tiny_ring();
  options.client_buffers = 32'768;
  options.client_buffer_bytes = 65'536;
  const auto ring = Ring::create(options);
  ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
  ASSERT_FALSE(ring);
  const std::string& said = ring.error().message;
  EXPECT_NE(said.find("RLIMIT_AS is 65536 KiB; raise it (ulimit -v)"), std::string::npos) << said;
  EXPECT_EQ(said.find("(ulimit -l)"), std::string::npos) << said;
  EXPECT_EQ(said.find("Linux 6.1"), std::string::npos) << said;
}

TEST(Ring, AGroupThatCannotStartSaysWhyAndEnds) {
  if (test::ring_under_test() == RingKind::kEpoll) GTEST_SKIP() << "its table is memory of ours";
  ShardGroupOptions options = test::one_shard();
  options.shards = 2;
  options.shard.max_clients = 1u << 22;
  auto sockets = ListenerSet::open({"127.0.0.1", 0}, 2, false);
  ASSERT_TRUE(sockets);
  Listener listener{std::move(*sockets)};
  auto group =
      ShardGroup::create(options, [](std::uint32_t) { return std::make_unique<QuietHandler>(); });
  ASSERT_TRUE(group);
  const Result<void> started = (*group)->start({&listener, 1});
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("RLIMIT_NOFILE"), std::string::npos);
}

// What a poll and the receive after it say of one end of a pair.
class PollTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kPollTag = 7;
  static constexpr std::uint64_t kRecvTag = 8;

  void SetUp() override {
    auto ring = Ring::create(tiny_ring());
    ASSERT_TRUE(ring) << ring.error().message;
    ring_ = std::move(*ring);
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair_.data()), 0);
  }
  void TearDown() override {
    ring_.reset();
    close(pair_[0]);
    if (pair_[1] >= 0) close(pair_[1]);
  }
  void end_peer() { close(std::exchange(pair_[1], -1)); }
  [[nodiscard]] File file() const { return {pair_[0], false}; }
  // The completions of at most `ms`, no more than are wanted.
  std::vector<Completion> turn(std::size_t wanted, unsigned ms = 2000) {
    std::vector<Completion> all(wanted);
    std::size_t count = 0;
    do {
      ring_->submit_and_wait(ms);
      const unsigned taken = ring_->reap(std::span(all).subspan(count));
      if (taken == 0) break;
      count += taken;
    } while (count < wanted);
    all.resize(count);
    return all;
  }
  void expect_poll_fires() {
    const std::vector<Completion> fired = turn(1);
    ASSERT_EQ(fired.size(), 1U);
    EXPECT_EQ(fired[0].tag, kPollTag);
    EXPECT_GT(fired[0].result, 0);
    EXPECT_FALSE(fired[0].more);
  }
  Completion receive() {
    ring_->recv(file(), BufferGroup::kClients, kRecvTag);
    const std::vector<Completion> completed = turn(1);
    EXPECT_EQ(completed.size(), 1U);
    return completed.empty() ? Completion{} : completed[0];
  }

  std::unique_ptr<Ring> ring_;
  std::array<int, 2> pair_{};
};

TEST_F(PollTest, WaitsForDataThatOneReceiveThenTakes) {
  ring_->poll(file(), kPollTag);
  EXPECT_TRUE(turn(1, 20).empty()) << "there is nothing yet";
  ASSERT_EQ(write(pair_[1], "hello", 5), 5);
  expect_poll_fires();
  const Completion received = receive();
  EXPECT_EQ(received.tag, kRecvTag);
  ASSERT_EQ(received.result, 5);
  EXPECT_FALSE(received.more);
  ASSERT_TRUE(received.has_buffer);
  EXPECT_EQ(as_text(ring_->received(BufferGroup::kClients, received)), "hello");
  ring_->recycle(BufferGroup::kClients, received.buffer_id);
  ASSERT_EQ(write(pair_[1], "more", 4), 4);
  EXPECT_TRUE(turn(1, 20).empty()) << "one completion each";
}

TEST_F(PollTest, FiresAtOnceForDataThatIsThere) {
  ASSERT_EQ(write(pair_[1], "hello", 5), 5);
  ring_->poll(file(), kPollTag);
  expect_poll_fires();
}

TEST_F(PollTest, FiresAtThePeersEndAndAtOurOwnShutdown) {
  ring_->poll(file(), kPollTag);
  EXPECT_TRUE(turn(1, 20).empty());
  ring_->shutdown(file(), SHUT_RDWR, kRecvTag);
  EXPECT_EQ(turn(2).size(), 2U);
  end_peer();
  ring_->poll(file(), kPollTag);
  expect_poll_fires();
  EXPECT_EQ(receive().result, 0);
}

TEST_F(PollTest, ACancelMeetsThePollThatItNames) {
  ring_->poll(file(), kPollTag);
  ring_->cancel(kPollTag + 1, 9);
  std::vector<Completion> completed = turn(1);
  ASSERT_EQ(completed.size(), 1U);
  EXPECT_EQ(completed[0].result, -ENOENT);
  ring_->cancel(kPollTag, 9);
  completed = turn(2);
  ASSERT_EQ(completed.size(), 2U);
  std::ranges::sort(completed, {}, &Completion::tag);
  EXPECT_EQ(completed[0].result, -ECANCELED);
  EXPECT_EQ(completed[1].result, 0);
}

TEST_F(PollTest, AReceiveWithoutABufferSaysSo) {
  ASSERT_EQ(write(pair_[1], "12345", 5), 5);
  for (int i = 0; i < 4; ++i) {  // all there are, and none comes back
    EXPECT_GT(receive().result, 0);
    ASSERT_EQ(write(pair_[1], "12345", 5), 5);
  }
  EXPECT_EQ(receive().result, -ENOBUFS);
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
