#include "dataplane/send_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <vector>

#include "dataplane/ring.h"
#include "tests/dataplane/seeded.h"

namespace ringgate {
namespace {

using test::Random;

using Pieces = std::array<iovec, Ring::kMaxPieces>;

std::vector<std::uint8_t> gather(const Pieces& pieces, std::size_t count) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < count; ++i) {
    const auto* from = static_cast<const std::uint8_t*>(pieces[i].iov_base);
    bytes.insert(bytes.end(), from, from + pieces[i].iov_len);
  }
  return bytes;
}

// A queue, what it should hold, and shared blocks that the test has a reference to.
class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed) {}

  void step() {
    switch (random_.below(6)) {
      case 0:
      case 1:
        reserve();
        break;
      case 2:
        append_shared();
        break;
      case 3:
        make_or_drop_block();
        break;
      case 4:
        start();
        break;
      default:
        complete();
    }
    ASSERT_EQ(queue_.queued_bytes(), expected_.size());
    ASSERT_EQ(queue_.in_flight(), flying_);
  }

  void finish() {
    if (flying_) complete();
    while (!queue_.empty()) {
      start();
      complete();
    }
    EXPECT_TRUE(expected_.empty());
    for (SharedBlock* const block : blocks_) {
      EXPECT_EQ(block->references, 1U);
      SharedBlock::release(pool_, block);
    }
    queue_.clear(pool_);
    EXPECT_EQ(pool_.used_bytes(), 0U);
  }

 private:
  void reserve() {
    const std::size_t most = random_.one_in(50) ? 700'000 : 3000;
    const std::size_t bytes = random_.size(most);
    std::uint8_t* const to = queue_.reserve(pool_, bytes, random_.one_in(2) ? 32 : 16'384);
    for (std::size_t i = 0; i < bytes; ++i) {
      to[i] = random_.byte();
      expected_.push_back(to[i]);
    }
  }
  void append_shared() {
    if (blocks_.empty()) return;
    SharedBlock* const block = blocks_[random_.below(blocks_.size())];
    ASSERT_TRUE(queue_.append_shared(pool_, {}, 0, block));
    expected_.insert(expected_.end(), block->data(), block->data() + block->bytes);
  }
  void make_or_drop_block() {
    if (blocks_.size() < 4) {
      SharedBlock* const block = SharedBlock::create(pool_, random_.between(1, 2000));
      for (std::uint32_t i = 0; i < block->bytes; ++i) block->data()[i] = random_.byte();
      blocks_.push_back(block);
    } else {  // the queue's own references keep it
      SharedBlock::release(pool_, blocks_.front());
      blocks_.erase(blocks_.begin());
    }
  }
  void start() {
    if (flying_ || queue_.empty()) return;
    Pieces pieces;
    const std::size_t count = queue_.start_send(pieces);
    ASSERT_GE(count, 1U);
    in_flight_ = gather(pieces, count);
    flying_ = true;
    pieces_ = pieces;
    count_ = count;
    ASSERT_LE(in_flight_.size(), SendQueue::kMaxSendBytes);
    ASSERT_LE(in_flight_.size(), expected_.size());
    ASSERT_TRUE(std::equal(in_flight_.begin(), in_flight_.end(), expected_.begin()));
  }
  void complete() {
    if (!flying_) return;
    // Until now its memory was the kernel's: nothing may have moved or changed.
    ASSERT_EQ(gather(pieces_, count_), in_flight_);
    std::size_t sent = in_flight_.size();
    if (random_.one_in(3)) sent = random_.between(0, sent);
    queue_.complete_send(pool_, sent);
    expected_.erase(expected_.begin(), expected_.begin() + static_cast<std::ptrdiff_t>(sent));
    flying_ = false;
  }

  Random random_;
  BlockPool pool_;
  SendQueue queue_;
  std::deque<std::uint8_t> expected_;
  std::vector<SharedBlock*> blocks_;
  std::vector<std::uint8_t> in_flight_;
  Pieces pieces_{};
  std::size_t count_ = 0;
  bool flying_ = false;
};

// Of what waits, one long packet does not count, wherever in the queue and however much of it is
// still there.
TEST(SendQueue, CountsWhatIsBesideALongPacket) {
  constexpr std::size_t kLong = 2 * SendQueue::kLongBytes;
  BlockPool pool;
  SendQueue queue;
  EXPECT_EQ(queue.bytes_beside_a_long_one(), 0U);
  const auto add = [&](std::size_t bytes) {
    std::memset(queue.reserve(pool, bytes, 32), 1, bytes);
  };
  std::size_t short_bytes = 0;  // many of them make no long one
  for (; short_bytes < 2 * kLong; short_bytes += 1000) add(1000);
  EXPECT_EQ(queue.bytes_beside_a_long_one(), short_bytes);
  add(kLong);
  EXPECT_EQ(queue.bytes_beside_a_long_one(), short_bytes);
  add(1000);
  EXPECT_EQ(queue.bytes_beside_a_long_one(), short_bytes + 1000);
  add(kLong);  // a second one counts
  EXPECT_EQ(queue.bytes_beside_a_long_one(), short_bytes + 1000 + kLong);
  while (queue.queued_bytes() > kLong / 2) {  // until half of the second one is left
    Pieces pieces;
    const std::size_t bytes = gather(pieces, queue.start_send(pieces)).size();
    queue.complete_send(pool, std::min<std::size_t>(bytes, queue.queued_bytes() - kLong / 2));
  }
  EXPECT_EQ(queue.bytes_beside_a_long_one(), 0U);
  add(1000);
  EXPECT_EQ(queue.bytes_beside_a_long_one(), 1000U);
  queue.clear(pool);
  EXPECT_EQ(queue.bytes_beside_a_long_one(), 0U);
}

TEST(SendQueue, SendsExactlyWhatWasAppendedInOrder) {
  test::for_each_seed(60, [](std::uint64_t seed) {
    Model model(seed);
    for (int i = 0; i < 400 && !testing::Test::HasFailure(); ++i) model.step();
    if (!testing::Test::HasFailure()) model.finish();
  });
}

TEST(SendQueue, SmallAppendsShareAPiece) {
  BlockPool pool;
  SendQueue queue;
  for (int i = 0; i < 1000; ++i) std::memset(queue.reserve(pool, 13, 32), i, 13);
  Pieces pieces;
  EXPECT_LE(queue.start_send(pieces), 12U);
  queue.complete_send(pool, 0);
  queue.clear(pool);
}

TEST(SendQueue, WhatIsAppendedWhileASendIsInFlightGoesIntoTheNext) {
  BlockPool pool;
  SendQueue queue;
  std::memset(queue.reserve(pool, 10, 64), 'a', 10);
  Pieces pieces;
  ASSERT_EQ(queue.start_send(pieces), 1U);
  std::memset(queue.reserve(pool, 5, 64), 'b', 5);
  EXPECT_EQ(pieces[0].iov_len, 10U);
  queue.complete_send(pool, 10);
  ASSERT_EQ(queue.start_send(pieces), 1U);
  EXPECT_EQ(gather(pieces, 1), std::vector<std::uint8_t>(5, 'b'));
  queue.complete_send(pool, 5);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(pool.used_bytes(), 0U);
}

TEST(SendQueue, OnePieceLargerThanASendGoesInParts) {
  BlockPool pool;
  SendQueue queue;
  const std::size_t all = SendQueue::kMaxSendBytes * 2 + 100;
  std::memset(queue.reserve(pool, all, 64), 'x', all);
  std::size_t sent = 0;
  int sends = 0;
  while (!queue.empty()) {
    Pieces pieces;
    const std::size_t count = queue.start_send(pieces);
    const std::size_t bytes = gather(pieces, count).size();
    ASSERT_LE(bytes, SendQueue::kMaxSendBytes);
    queue.complete_send(pool, bytes);
    sent += bytes;
    ++sends;
  }
  EXPECT_EQ(sent, all);
  EXPECT_EQ(sends, 3);
}

TEST(SendQueue, ASharedBlockIsFreedWithItsLastReference) {
  BlockPool pool;
  std::array<SendQueue, 3> queues;
  SharedBlock* const block = SharedBlock::create(pool, 1000);
  std::memset(block->data(), 'p', 1000);
  for (SendQueue& queue : queues) ASSERT_TRUE(queue.append_shared(pool, {}, 0, block));
  EXPECT_EQ(block->references, 4U);
  SharedBlock::release(pool, block);
  queues[0].clear(pool);
  Pieces pieces;
  ASSERT_EQ(queues[1].start_send(pieces), 1U);
  queues[1].complete_send(pool, 400);
  EXPECT_EQ(block->references, 2U);
  queues[1].clear(pool);
  EXPECT_EQ(block->references, 1U);
  EXPECT_GT(pool.used_bytes(), 1000U);
  queues[2].clear(pool);
  EXPECT_EQ(pool.used_bytes(), 0U);
}

// More pieces than a 16-bit count holds.
TEST(SendQueue, VeryManyPiecesKeepTheirOrder) {
  BlockPool pool;
  SendQueue queue;
  SharedBlock* const block = SharedBlock::create(pool, 1);
  *block->data() = 's';
  constexpr std::size_t kMany = 70'000;
  Pieces pieces;
  *queue.reserve(pool, 1, 32) = 'f';
  ASSERT_EQ(queue.start_send(pieces), 1U);
  for (std::size_t i = 0; i < kMany; ++i) {
    ASSERT_TRUE(queue.append_shared(pool, {}, 0, block));
    *queue.reserve(pool, 1, 32) = 'o';
  }
  ASSERT_EQ(gather(pieces, 1), std::vector<std::uint8_t>{'f'});
  queue.complete_send(pool, 1);
  std::size_t at = 0;
  while (!queue.empty()) {
    const std::vector<std::uint8_t> bytes = gather(pieces, queue.start_send(pieces));
    for (const std::uint8_t byte : bytes) ASSERT_EQ(byte, at++ % 2 == 0 ? 's' : 'o');
    queue.complete_send(pool, bytes.size());
  }
  EXPECT_EQ(at, kMany * 2);
  SharedBlock::release(pool, block);
  EXPECT_EQ(pool.used_bytes(), 0U);
}

}  // namespace
}  // namespace ringgate
