// Waits in which completions gather, and receive buffers that come and go with need.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "dataplane/ring.h"
#include "tests/dataplane/loopback.h"
#include "tests/dataplane/ring_under_test.h"

namespace ringgate {
namespace {

constexpr unsigned kLongMs = 60'000;
constexpr unsigned kLongUs = 60'000'000;

struct Pair {
  std::array<int, 2> ends{-1, -1};
  Pair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0); }
  Pair(Pair&& other) noexcept : ends(std::exchange(other.ends, {-1, -1})) {}
  ~Pair() {
    for (const int fd : ends) {
      if (fd >= 0) close(fd);
    }
  }
  void say() const { EXPECT_EQ(write(ends[1], "x", 1), 1); }
};

class RingGatherTest : public testing::Test {
 protected:
  void SetUp() override {
    RingOptions options = test::options_under_test();
    options.client_buffers = 4096;
    options.link_buffers = 4;
    auto ring = Ring::create(options);
    ASSERT_TRUE(ring) << ring.error().message;
    ring_ = std::move(*ring);
  }
  void listen_to(std::size_t pairs) {
    pairs_.resize(pairs);
    for (std::size_t i = 0; i < pairs; ++i) {
      ring_->recv_multishot({pairs_[i].ends[0], false}, BufferGroup::kClients, i);
    }
    ring_->submit_and_wait(0);
  }
  // Takes everything that is there; the number of those with data.
  std::size_t take() {
    std::array<Completion, 256> completions;
    std::size_t with_data = 0;
    for (unsigned count = 256; count == 256;) {
      count = ring_->reap(completions);
      for (const Completion& one : std::span(completions).first(count)) {
        if (one.has_buffer) {
          ++with_data;
          ring_->recycle(BufferGroup::kClients, one.buffer_id);
        }
        if (!one.more) {
          ring_->recv_multishot({pairs_[one.tag].ends[0], false}, BufferGroup::kClients, one.tag);
        }
      }
    }
    ring_->publish_buffers();
    return with_data;
  }
  // All of them say something, and nothing is given back before all has been received or no buffer
  // is left.
  void burst() {
    for (const Pair& pair : pairs_) pair.say();
    std::vector<std::uint16_t> taken;
    std::vector<std::uint64_t> ended;
    std::array<Completion, 256> completions;
    while (taken.size() + ended.size() < pairs_.size()) {
      ring_->submit_and_wait(kLongMs);
      for (unsigned i = 0, count = ring_->reap(completions); i < count; ++i) {
        if (completions[i].has_buffer) taken.push_back(completions[i].buffer_id);
        if (!completions[i].more) ended.push_back(completions[i].tag);
      }
    }
    for (const std::uint16_t id : taken) ring_->recycle(BufferGroup::kClients, id);
    ring_->publish_buffers();
    for (const std::uint64_t tag : ended) {
      ring_->recv_multishot({pairs_[tag].ends[0], false}, BufferGroup::kClients, tag);
    }
    for (std::size_t late = ended.size(); late > 0;) {
      ring_->submit_and_wait(kLongMs);
      late -= std::min(late, take());
    }
  }

  std::unique_ptr<Ring> ring_;
  std::vector<Pair> pairs_;
};

TEST_F(RingGatherTest, WaitsUntilSoManyAreThere) {
  if (!ring_->gathers()) GTEST_SKIP() << "no io_uring of Linux 6.12";
  listen_to(Ring::kGathered);
  std::thread clients([this] {
    for (const Pair& pair : pairs_) {
      pair.say();
      std::this_thread::yield();
    }
  });
  ring_->wait_gathering(kLongMs, kLongUs);
  EXPECT_EQ(take(), Ring::kGathered) << "neither the first alone, nor a minute later";
  clients.join();
}

// A few wait until it is over, and not for the end of the wait.
TEST_F(RingGatherTest, TheTimeToGatherEndsBeforeTheWaitDoes) {
  if (!ring_->gathers()) GTEST_SKIP() << "no io_uring of Linux 6.12";
  listen_to(2);
  pairs_[0].say();
  const auto begun = std::chrono::steady_clock::now();
  ring_->wait_gathering(kLongMs, 1000);
  EXPECT_EQ(take(), 1U);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(kLongMs / 2));
}

TEST_F(RingGatherTest, WhereNothingHasGatheredTheNextOneEndsTheWait) {
  if (!ring_->gathers()) GTEST_SKIP() << "no io_uring of Linux 6.12";
  listen_to(2);
  ring_->wait_gathering(20, 1000);
  EXPECT_EQ(take(), 0U) << "the wait has its own end";
  std::thread client([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // long after what may gather
    pairs_[1].say();
  });
  ring_->wait_gathering(kLongMs, 1000);
  EXPECT_EQ(take(), 1U);
  client.join();
}

TEST_F(RingGatherTest, WhatWaitsToBeSubmittedIsAndNothingGathersMeanwhile) {
  listen_to(2);
  ring_->send({pairs_[0].ends[1], false}, reinterpret_cast<const std::uint8_t*>("y"), 1, 9);
  ring_->wait_gathering(kLongMs, kLongUs);
  std::array<Completion, 8> completions;
  EXPECT_GT(ring_->reap(completions), 0U);
}

TEST_F(RingGatherTest, ReceiveBuffersFollowTheNeed) {
  if (test::ring_under_test() == RingKind::kEpoll) GTEST_SKIP() << "it touches only what it needs";
  listen_to(600);
  const std::size_t few = ring_->buffer_bytes();
  for (int i = 0; i < 5; ++i) burst();
  const std::size_t many = ring_->buffer_bytes();
  EXPECT_GE(many, std::size_t{600} * 2048);
  EXPECT_LE(many, std::size_t{2048} * 2048 + few) << "and no more";
  ring_->trim_buffers();  // they were needed
  EXPECT_EQ(ring_->buffer_bytes(), many);
  // Now one at a time. The kernel uses up what it had been given before it is taken back.
  for (int i = 0; i < 20'000 && ring_->buffer_bytes() > few; ++i) {
    pairs_[0].say();
    ring_->submit_and_wait(kLongMs);
    EXPECT_EQ(take(), 1U);
    if (i % 100 == 0) ring_->trim_buffers();
  }
  EXPECT_EQ(ring_->buffer_bytes(), few);
  for (int i = 0; i < 3; ++i) burst();
  EXPECT_GE(ring_->buffer_bytes(), std::size_t{600} * 2048) << "and back again";
}

// Nothing comes that would have the kernel use up what it had been given.
TEST_F(RingGatherTest, ReceiveBuffersOfASilentShardGoBackToo) {
  if (test::ring_under_test() == RingKind::kEpoll) GTEST_SKIP() << "it touches only what it needs";
  listen_to(600);
  const std::size_t few = ring_->buffer_bytes();
  for (int i = 0; i < 5; ++i) burst();
  ASSERT_GT(ring_->buffer_bytes(), 4 * few);
  for (int i = 0; i < 10; ++i) ring_->trim_buffers();
  EXPECT_EQ(ring_->buffer_bytes(), few);
  for (int i = 0; i < 3; ++i) burst();  // what is lost or changed is seen there
}

}  // namespace
}  // namespace ringgate
