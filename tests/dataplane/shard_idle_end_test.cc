// Who is not polled, and how a connection ends that is, or is about to be. Over the fake kernel,
// which reports a close under a poll that is armed.
#include <vector>

#include "tests/dataplane/idle_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::frame;
using test::Idle;
using test::kPollAfterMs;
using test::kSweepMs;
using test::polling;
using test::TestClose;

TEST(ShardNotPolled, ALink) {
  ShardOptions options = polling();
  options.limits[1].read_timeout_ms = 0;
  Idle it(1, {}, options);
  it.adopt();
  it.pass(60'000);
  EXPECT_EQ(it.polled(), 0U);
  EXPECT_EQ(it.kernel.armed(OpKind::kRecv), 1U);
}

TEST(ShardNotPolled, AnyoneWhereItsTimeIsZero) {
  ShardOptions options = polling();
  options.poll_after_ms = 0;
  Idle it(1, {}, options);
  it.connect();
  it.pass(100'000);
  EXPECT_EQ(it.count(Counter::kIdlePolls), 0U);
}

TEST(ShardNotPolled, AClientThatIsHeldBeforeItIsReleased) {
  Idle it;
  FakePeer& peer = it.connect();
  it.shard.hold_input(*it.last);
  it.pass(2 * kPollAfterMs);
  EXPECT_EQ(it.polled(), 0U);
  peer.send(kTcpPing);
  it.pass(2 * kPollAfterMs);
  EXPECT_EQ(it.polled(), 0U);
  it.shard.release_input(*it.last);
  it.pass(kSweepMs + 100);
  EXPECT_EQ(it.pongs(peer, 1), 1U);
  EXPECT_EQ(it.polled(), 1U);
}

// --- The end of a connection that is polled -----------------------------------------------------

TEST(ShardIdleEnd, FinishFlushesLingersAndSeesTheEnd) {
  test::for_each_seed(20, [](std::uint64_t seed) {
    Idle it(seed, {.stall = 2});
    FakePeer& peer = it.silent();
    it.shard.finish(*it.last, CloseReason::kDraining);
    EXPECT_TRUE(it.turn_until([&] { return peer.saw_end; }));
    EXPECT_EQ(peer.received, frame(Opcode::kClose, "draining"));
    EXPECT_FALSE(peer.closed);
    peer.send(kTcpPing);  // nobody answers any more
    for (int i = 0; i < 20; ++i) it.turn(0);
    const std::uint64_t before = test::FakeKernel::now_ms();
    peer.ended = true;
    EXPECT_TRUE(it.turn_until([&] { return peer.closed; }, 10));
    EXPECT_LT(test::FakeKernel::now_ms() - before, 500U) << "not by the time that it may linger";
    EXPECT_TRUE(it.gone());
    EXPECT_EQ(peer.received, frame(Opcode::kClose, "draining"));
    it.expect_idle();
  });
}

TEST(ShardIdleEnd, APeerThatDoesNotEndItsSideLingersBounded) {
  Idle it;
  it.silent();
  it.shard.finish(*it.last, CloseReason::kDraining);
  EXPECT_TRUE(it.gone());
  it.expect_idle();
}

TEST(ShardIdleEnd, AbortWaitsForThePoll) {
  test::for_each_seed(20, [](std::uint64_t seed) {
    Idle it(seed, {.stall = 2});
    FakePeer& peer = it.silent();
    const std::uint64_t before = test::FakeKernel::now_ms();
    it.shard.abort(*it.last, TestClose::kReplaced);
    EXPECT_TRUE(it.turn_until([&] { return peer.closed; }));
    EXPECT_LT(test::FakeKernel::now_ms() - before, 100U) << "the shutdown ends it, no cancel";
    EXPECT_TRUE(it.gone());
    it.expect_idle();
  });
}

// Anywhere between the cancel and the poll.
TEST(ShardIdleEnd, AbortAndFinishInTheMiddleOfTheTrade) {
  test::for_each_seed(200, [](std::uint64_t seed) {
    Idle it(seed, {.stall = 2});
    FakePeer& peer = it.connect();
    test::Random random(seed);
    ASSERT_TRUE(it.turn_until([&] { return it.count(Counter::kIdlePolls) == 1; }, 50));
    for (std::size_t turns = random.below(4); turns > 0; --turns) it.turn(0);
    if (random.one_in(2)) peer.send(kTcpPing);
    if (random.one_in(2)) {
      it.shard.abort(*it.last, TestClose::kReplaced);
    } else {
      it.shard.finish(*it.last, CloseReason::kDraining);
    }
    for (std::size_t turns = random.below(4); turns > 0; --turns) it.turn(0);
    peer.ended = random.one_in(2);
    EXPECT_TRUE(it.gone());
    it.expect_idle();
  });
}

TEST(ShardIdleEnd, TheIdleTimeoutStillEndsIt) {
  ShardOptions options = polling();
  options.limits[0].read_timeout_ms = 20'000;
  Idle it(1, {}, options);
  FakePeer& peer = it.silent();
  it.pass(20'000 - kPollAfterMs - kSweepMs - 500);
  EXPECT_TRUE(it.handler.reasons.empty());
  it.pass(3000);
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kIdleTimeout});
  peer.ended = true;
  EXPECT_TRUE(it.gone());
}

TEST(ShardIdleEnd, ASendThatFailsEndsIt) {
  Idle it;
  it.silent();
  it.kernel.set_faults({.broken_send = 1});
  ASSERT_NE(it.shard.reserve(*it.last, 10), nullptr);
  EXPECT_TRUE(it.gone());
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kSendFailed});
  it.expect_idle();
}

}  // namespace
}  // namespace ringgate
