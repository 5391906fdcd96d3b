// The real ring over a kernel that refuses to take submissions for a while, or for good. The linker
// puts the functions below before those of liburing.
#include <liburing.h>

#include <array>
#include <cerrno>
#include <vector>

#include "dataplane/ring.h"
#include "tests/dataplane/loopback.h"

namespace {

struct Refusals {
  int error = 0;
  int submits = 0;  // so many calls fail, before any entry is taken
  int waits = 0;
};
Refusals refusals;

bool refuse(int& left) {
  if (left == 0) return false;
  --left;
  return true;
}

}  // namespace

extern "C" {
int __real_io_uring_submit(io_uring* ring);
int __wrap_io_uring_submit(io_uring* ring) {
  return refuse(refusals.submits) ? -refusals.error : __real_io_uring_submit(ring);
}
int __real_io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** cqe, unsigned wait,
                                            __kernel_timespec* timeout, sigset_t* signals);
int __wrap_io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** cqe, unsigned wait,
                                            __kernel_timespec* timeout, sigset_t* signals) {
  if (refuse(refusals.waits)) return -refusals.error;
  return __real_io_uring_submit_and_wait_timeout(ring, cqe, wait, timeout, signals);
}
}

namespace ringgate {
namespace {

std::unique_ptr<Ring> tiny_ring() {
  refusals = {};
  RingOptions options;
  options.sq_entries = 8;
  options.cq_entries = 16;
  options.client_buffers = 4;
  options.link_buffers = 4;
  auto ring = Ring::create(options);
  EXPECT_TRUE(ring) << ring.error().message;
  return std::move(*ring);
}

// Sends of one byte each, so many that the queue of submissions fills up again and again.
class RefusedRing : public testing::TestWithParam<int> {
 protected:
  static constexpr std::uint32_t kSends = 100;

  void SetUp() override {
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair_.data()), 0);
  }
  void TearDown() override {
    for (const int end : pair_) close(end);
  }
  void send_all(Ring& ring) const {
    for (std::uint32_t i = 0; i < kSends; ++i) {
      const File file{pair_[0], false};
      if (i % 2 == 0) {
        ring.send(file, reinterpret_cast<const std::uint8_t*>("s"), 1, i);
      } else {
        const iovec piece{const_cast<char*>("g"), 1};
        ring.send_gather(file, {&piece, 1}, i);
      }
    }
  }
  // Of each send one completion.
  static void expect_all(Ring& ring) {
    std::vector<int> seen(kSends, 0);
    std::array<Completion, 16> completions;
    unsigned total = 0;
    for (int turn = 0; turn < 1000 && total < kSends; ++turn) {
      ring.submit_and_wait(20);
      const unsigned count = ring.reap(completions);
      total += count;
      for (const Completion& one : std::span(completions).first(count)) {
        EXPECT_EQ(one.result, 1) << one.tag;
        ++seen[one.tag];
      }
    }
    EXPECT_EQ(seen, std::vector<int>(kSends, 1));
  }

  std::array<int, 2> pair_{};
};

TEST_P(RefusedRing, AFullQueueIsSubmittedWhenTheKernelTakesItAgain) {
  const auto ring = tiny_ring();
  refusals = {GetParam(), 5, 0};
  send_all(*ring);
  EXPECT_EQ(refusals.submits, 0) << "the queue never filled up";
  expect_all(*ring);
}

TEST_P(RefusedRing, AWaitIsTriedAgain) {
  const auto ring = tiny_ring();
  refusals = {GetParam(), 0, 5};
  send_all(*ring);
  expect_all(*ring);
  EXPECT_EQ(refusals.waits, 0);
}

INSTANTIATE_TEST_SUITE_P(Errors, RefusedRing, testing::Values(EAGAIN, EBUSY, ENOMEM));

using ForbiddenRingDeathTest = RefusedRing;

TEST_P(ForbiddenRingDeathTest, EndsTheProcessWithASentence) {
  const auto ring = tiny_ring();
  refusals = {GetParam(), 1, 1};
  EXPECT_EXIT(ring->submit_and_wait(1), testing::ExitedWithCode(1),
              "^ringgate: io_uring_enter fails: .*seccomp.*\n$");
  EXPECT_EXIT(send_all(*ring), testing::ExitedWithCode(1), "^ringgate: io_uring_enter fails: ");
}

INSTANTIATE_TEST_SUITE_P(Errors, ForbiddenRingDeathTest, testing::Values(EPERM, ENOSYS));

TEST(ForbiddenRing, IsNoRing) {
  for (const int error : {EPERM, ENOSYS}) {
    refusals = {error, 0, 1};
    const auto ring = Ring::create({});
    ASSERT_FALSE(ring);
    EXPECT_NE(ring.error().message.find("io_uring_enter fails"), std::string::npos);
    EXPECT_NE(ring.error().message.find("seccomp"), std::string::npos);
  }
}

}  // namespace
}  // namespace ringgate
