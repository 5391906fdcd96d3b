// Clients that say nothing for a while: a poll instead of a receive, and what becomes of it. Over
// the fake kernel, which reports two of them armed at once and a close under one that is.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/dataplane/idle_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::Faults;
using test::frame;
using test::Idle;
using test::kPollAfterMs;
using test::kSweepMs;
using test::polling;

TEST(ShardIdle, ASilentClientIsPolledAndHoldsNoReceive) {
  Idle it;
  it.connect();
  it.pass(kPollAfterMs - 100);
  EXPECT_EQ(it.polled(), 0U);
  EXPECT_EQ(it.kernel.armed(OpKind::kRecv), 1U);
  it.pass(kSweepMs + 200);
  EXPECT_EQ(it.polled(), 1U);
  EXPECT_EQ(it.kernel.armed(OpKind::kRecv), 0U);
  EXPECT_EQ(it.kernel.armed(OpKind::kPoll), 1U);
  EXPECT_EQ(it.count(Counter::kIdlePolls), 1U);
  it.pass(60'000);
  EXPECT_EQ(it.count(Counter::kIdlePolls), 1U) << "once is enough";
}

TEST(ShardIdle, ThoseWhoFallSilentTogetherChangeOverAFewAtATime) {
  ShardOptions options = polling();
  options.sweep_parts = 1;
  options.polls_per_sweep = 3;
  Idle it(1, {}, options);
  for (int i = 0; i < 20; ++i) it.connect();
  std::uint64_t before = 0;
  while (it.polled() < 20) {
    it.turn(options.sweep_ms);
    EXPECT_LE(it.count(Counter::kIdlePolls) - before, 3U);
    before = it.count(Counter::kIdlePolls);
    ASSERT_LT(test::FakeKernel::now_ms(), 20'000U);
  }
}

// A late answer that its line cannot take: it is not read from until it has got that, and the poll
// that waits for its next byte stays the only one.
TEST(ShardIdle, APolledClientThatWasBehindWithItsAnswersIsNotPolledTwice) {
  ShardOptions options = polling();
  options.limits[0].max_queued_bytes = 1000;
  options.max_answer_bytes = 1 << 20U;
  Idle it(1, {}, options);
  FakePeer& peer = it.silent();
  peer.window = 0;
  std::size_t bytes = 0;
  while (!it.last->full) {
    std::uint8_t* const to = it.shard.reserve(*it.last, 100, Why::kAsked);
    ASSERT_NE(to, nullptr);
    std::fill_n(to, 100, std::uint8_t{'a'});
    bytes += 100;
  }
  peer.window = SIZE_MAX;
  EXPECT_TRUE(it.turn_until([&] { return peer.received.size() == bytes && !it.last->full; }));
  it.pass(kSweepMs);
  EXPECT_EQ(it.polled(), 1U);
  EXPECT_EQ(it.kernel.armed(OpKind::kPoll) + it.kernel.armed(OpKind::kRecv), 1U);
  peer.received.clear();
  peer.send(kTcpPing);
  EXPECT_EQ(it.pongs(peer, 1), 1U);
}

TEST(ShardIdle, AClientThatTalksKeepsItsReceive) {
  Idle it;
  FakePeer& peer = it.connect();
  for (std::size_t i = 1; i <= 10; ++i) {
    peer.send(kTcpPing);
    it.pass(kPollAfterMs - 1000);
    EXPECT_EQ(it.pongs(peer, i), i);
  }
  EXPECT_EQ(it.count(Counter::kIdlePolls), 0U);
  EXPECT_EQ(it.kernel.armed(OpKind::kRecv), 1U);
}

TEST(ShardIdle, ASlowHeartbeatNeverTakesAReceiveThatStays) {
  test::for_each_seed(20, [](std::uint64_t seed) {
    Idle it(seed, {.stall = 3});
    it.kernel.receive_whole();
    FakePeer& peer = it.silent();
    for (std::size_t i = 1; i <= 10; ++i) {
      peer.send(kTcpPing);
      EXPECT_EQ(it.pongs(peer, i), i);
      EXPECT_TRUE(it.turn_until([&] { return it.polled() == 1; }));
      EXPECT_EQ(it.kernel.armed(OpKind::kRecv), 0U);
      it.pass(kPollAfterMs + 100);
    }
    EXPECT_EQ(it.count(Counter::kIdlePolls), 1U);
  });
}

TEST(ShardIdle, AClientThatIsBusyAgainGetsItsReceiveBack) {
  Idle it;
  FakePeer& peer = it.silent();
  for (std::size_t i = 1; i <= 2; ++i) {
    peer.send(kTcpPing);
    EXPECT_EQ(it.pongs(peer, i), i);
  }
  EXPECT_TRUE(it.turn_until([&] { return it.kernel.armed(OpKind::kRecv) == 1; }));
  EXPECT_EQ(it.polled(), 0U);
  it.pass(kPollAfterMs + kSweepMs + 200);
  EXPECT_EQ(it.polled(), 1U);
  EXPECT_EQ(it.count(Counter::kIdlePolls), 2U);
}

TEST(ShardIdle, WhatComesWhileTheReceiveIsCancelledIsAnswered) {
  test::for_each_seed(300, [](std::uint64_t seed) {
    Idle it(seed, {.stall = 2, .recv_ends = 3});
    FakePeer& peer = it.connect();
    test::Random random(seed);
    ASSERT_TRUE(it.turn_until([&] { return it.count(Counter::kIdlePolls) == 1; }, 50));
    for (std::size_t turns = random.below(4); turns > 0; --turns) it.turn(0);
    peer.send(ByteView(kTcpPing).first(7));
    for (std::size_t turns = random.below(4); turns > 0; --turns) it.turn(0);
    peer.send(ByteView(kTcpPing).subspan(7));
    peer.send(kTcpPing);
    EXPECT_EQ(it.pongs(peer, 2), 2U);
    it.pass(kPollAfterMs + kSweepMs + 200);
    EXPECT_EQ(it.polled(), 1U);
    peer.ended = true;
    EXPECT_TRUE(it.gone());
    it.expect_idle();
  });
}

TEST(ShardIdle, TheEndAndAResetOfAPolledClientAreSeen) {
  for (const bool reset : {false, true}) {
    test::for_each_seed(20, [&](std::uint64_t seed) {
      Idle it(seed, {.stall = 2});
      FakePeer& peer = it.silent();
      (reset ? peer.reset : peer.ended) = true;
      EXPECT_TRUE(it.gone());
      EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{reset ? CloseReason::kPeerReset
                                                                   : CloseReason::kPeerClosed});
      it.expect_idle();
    });
  }
}

TEST(ShardIdle, WhatIsSentRightBeforeTheEndIsAnswered) {
  Idle it;
  FakePeer& peer = it.silent();
  peer.send(kTcpPing);
  peer.send(kTcpPing);
  peer.ended = true;
  EXPECT_TRUE(it.gone());
  EXPECT_EQ(it.pongs(peer, 2), 2U);
  it.expect_idle();
}

TEST(ShardIdle, APollThatLiesOrFailsDoesNoHarm) {
  for (const Faults& faults : {Faults{.poll_lies = 1}, Faults{.poll_fails = 1},
                               Faults{.stall = 2, .poll_lies = 3, .poll_fails = 3}}) {
    Idle it(1, faults);
    FakePeer& peer = it.connect();
    ASSERT_TRUE(it.turn_until([&] { return it.count(Counter::kIdlePolls) == 1; }, 50));
    for (std::size_t i = 1; i <= 10; ++i) {
      it.pass(kPollAfterMs + 100);
      peer.send(kTcpPing);
      EXPECT_EQ(it.pongs(peer, i), i);
    }
    it.pass(1000);
    EXPECT_LE(it.kernel.armed(OpKind::kRecv) + it.kernel.armed(OpKind::kPoll), 1U);
    peer.ended = true;
    EXPECT_TRUE(it.gone());
    it.expect_idle();
  }
}

TEST(ShardIdle, WaitsForABufferWhenThereIsNone) {
  test::for_each_seed(20, [](std::uint64_t seed) {
    Idle it(seed, {.no_buffers = 2});
    it.kernel.receive_whole();
    FakePeer& peer = it.silent();
    for (std::size_t i = 1; i <= 5; ++i) {
      peer.send(kTcpPing);
      EXPECT_EQ(it.pongs(peer, i), i);
      it.pass(kPollAfterMs + 100);
      EXPECT_EQ(it.polled(), 1U);
    }
    EXPECT_GT(it.count(Counter::kBuffersExhausted), 0U);
  });
}

TEST(ShardIdle, MoreThanABufferHoldsIsReadToItsEnd) {
  Idle it;
  FakePeer& peer = it.silent();
  const std::string words(5000, 'p');
  peer.send(frame(Opcode::kPing, words));
  EXPECT_TRUE(it.turn_until([&] { return peer.received.size() == words.size() + 5; }));
  EXPECT_EQ(peer.received, frame(Opcode::kPong, words));
}

// Both cancel the receive, each for its own reason.
TEST(ShardIdle, HoldingAndPausingAPolledClientLosesNothing) {
  test::for_each_seed(100, [](std::uint64_t seed) {
    ShardOptions options = polling();
    options.max_held_bytes = 500;
    Idle it(seed, {.stall = 2, .no_buffers = 5}, options);
    FakePeer& peer = it.connect();
    test::Random random(seed);
    ASSERT_TRUE(it.turn_until([&] { return it.count(Counter::kIdlePolls) == 1; }, 50));
    for (std::size_t turns = random.below(4); turns > 0; --turns) it.turn(0);
    it.shard.hold_input(*it.last);
    for (int i = 0; i < 200; ++i) peer.send(kTcpPing);
    EXPECT_TRUE(it.turn_until([&] { return it.last->read_paused && !it.last->reading(); }));
    EXPECT_FALSE(peer.inbound.empty());
    it.pass(2 * kPollAfterMs);
    EXPECT_FALSE(it.last->reading()) << "it is paused";
    it.shard.release_input(*it.last);
    EXPECT_EQ(it.pongs(peer, 200), 200U);
    it.pass(kPollAfterMs + kSweepMs + 200);
    EXPECT_EQ(it.polled(), 1U);
  });
}

// --- Reload -------------------------------------------------------------------------------------

TEST(ShardIdle, CanBeTurnedOffAndOnAgain) {
  Idle it;
  FakePeer& peer = it.silent();
  const WsUpgradeOptions rules;
  ShardOptions options = polling();
  options.poll_after_ms = 0;
  it.shard.reconfigure(options, std::span(&rules, 1));
  it.pass(2 * kPollAfterMs);
  peer.send(kTcpPing);
  EXPECT_EQ(it.pongs(peer, 1), 1U);
  EXPECT_TRUE(it.turn_until([&] { return it.kernel.armed(OpKind::kRecv) == 1; }));
  it.pass(2 * kPollAfterMs);
  EXPECT_EQ(it.polled(), 0U);
  it.shard.reconfigure(polling(), std::span(&rules, 1));
  it.pass(kSweepMs + 100);
  EXPECT_EQ(it.polled(), 1U);
}

// --- WebSocket ----------------------------------------------------------------------------------

TEST(ShardIdle, AWebSocketClientIsPolledToo) {
  Idle it(1, {}, polling(), Transport::kWebSocket);
  it.kernel.receive_whole();
  FakePeer& peer = it.upgrade();
  it.pass(kPollAfterMs + kSweepMs + 100);
  EXPECT_EQ(it.polled(), 1U);
  std::string heard;
  it.handler.packet = [&](Connection&, ByteView payload) { heard += as_text(payload); };
  peer.send(test::ws_frame(Opcode::kBinary, "half ", false));  // each part a heartbeat apart
  it.pass(2 * kPollAfterMs);
  const Bytes rest = test::ws_frame(Opcode::kContinuation, "and half");
  peer.send(ByteView(rest).first(3));
  it.pass(2 * kPollAfterMs);
  EXPECT_EQ(heard, "");
  peer.send(ByteView(rest).subspan(3));
  peer.send(test::ws_basic_ping());
  it.settle();
  EXPECT_EQ(heard, "half and half");
  EXPECT_TRUE(std::ranges::equal(test::after_upgrade(peer), kWsPong));
  EXPECT_EQ(it.polled(), 1U);
  peer.send(test::ws_frame(Opcode::kClose, ""));
  it.settle();
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kPeerCloseFrame});
  EXPECT_TRUE(it.end(peer));
  it.expect_idle();
}

TEST(ShardIdle, AWebSocketClientIsNotBeforeItsUpgrade) {
  Idle it(1, {}, polling(), Transport::kWebSocket);
  FakePeer& peer = it.connect();
  peer.send(as_bytes(test::upgrade_request()).first(20));
  it.pass(4 * kPollAfterMs);
  EXPECT_EQ(it.count(Counter::kIdlePolls), 0U);
}

TEST(ShardIdle, APingToASilentClientAndItsAnswerDoNotEndThePolling) {
  ShardOptions options = polling();
  options.ws_ping_after_ms = 20'000;
  Idle it(1, {}, options, Transport::kWebSocket);
  it.kernel.receive_whole();
  FakePeer& peer = it.upgrade();
  for (std::size_t i = 1; i <= 5; ++i) {
    EXPECT_TRUE(it.turn_until([&] { return test::after_upgrade(peer).size() == 2 * i; }, 50));
    EXPECT_EQ(it.polled(), 1U);
    peer.send(test::ws_frame(Opcode::kPong, ""));
    it.pass(100);
    EXPECT_EQ(it.polled(), 1U);
  }
  EXPECT_EQ(it.count(Counter::kIdlePolls), 1U);
}

}  // namespace
}  // namespace ringgate
