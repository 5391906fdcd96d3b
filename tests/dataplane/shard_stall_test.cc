// A process or machine that stands still for a while: what arrived meanwhile is read before anyone
// is judged, and the time in which nobody ran is held against nobody.
#include "tests/dataplane/shard_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::FakeShard;

constexpr std::uint32_t kTimeoutMs = 3000;
constexpr std::uint64_t kStallMs = 60'000;

ShardOptions stalling() {
  ShardOptions options = test::small_shard();
  options.stall_ms = 1000;
  options.sweep_parts = 1;
  for (RoleLimits& limits : options.limits) limits.read_timeout_ms = kTimeoutMs;
  return options;
}

void pass(FakeShard& it, std::uint64_t ms) {
  const std::uint64_t end = test::FakeKernel::now_ms() + ms;
  while (test::FakeKernel::now_ms() < end) it.turn(50);
}

TEST(ShardStall, BytesThatArrivedInItAreReadBeforeAnyoneIsIdle) {
  test::for_each_seed(30, [](std::uint64_t seed) {
    FakeShard it(seed, {}, stalling());
    std::vector<FakePeer*> peers;
    for (int i = 0; i < 20; ++i) peers.push_back(&it.connect());
    peers.push_back(&it.adopt());
    pass(it, kTimeoutMs - 50);  // so that the little that counts of the stall ends their time
    for (FakePeer* const peer : peers) peer->send(kTcpPing);
    it.kernel.set_faults({.stall = 5});  // their receives complete in turns of their own
    it.kernel.advance(kStallMs);
    EXPECT_TRUE(it.turn_until([&] {
      return std::ranges::all_of(peers, [](FakePeer* peer) { return !peer->received.empty(); });
    }));
    EXPECT_TRUE(it.handler.reasons.empty());
  });
}

TEST(ShardStall, IsNoTimeOfThoseWhoWereSilent) {
  FakeShard it(1, {}, stalling());
  it.connect();
  it.kernel.advance(kStallMs);
  pass(it, kTimeoutMs - 300);
  EXPECT_TRUE(it.handler.reasons.empty());
  pass(it, 600);
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kIdleTimeout});
}

TEST(ShardStall, DeadlinesAndTicksWaitToo) {
  FakeShard it(1, {}, stalling());
  it.handler.accepted = [&](Connection& connection) { it.shard.set_deadline(connection, 500); };
  it.connect();
  const int ticks = it.handler.ticks;
  it.kernel.advance(kStallMs);
  it.turn(0);
  EXPECT_EQ(it.handler.deadlines, 0);
  EXPECT_EQ(it.handler.ticks, ticks) << "a tick retires requests without an answer";
  pass(it, 700);
  EXPECT_EQ(it.handler.deadlines, 1);
  EXPECT_GT(it.handler.ticks, ticks);
}

TEST(ShardStall, AFloodAfterItPutsTheSweepOffForASecondAtMost) {
  ShardOptions options = stalling();
  options.max_clients = 200;
  options.ring.client_buffers = 512;
  FakeShard it(1, {}, options);
  std::vector<FakePeer*> peers;
  for (int i = 0; i < 100; ++i) peers.push_back(&it.connect());
  const auto flood = [&] {
    for (FakePeer* const peer : peers) peer->send(kTcpPing);
    it.turn(0);
    it.kernel.advance(1);
  };
  it.kernel.advance(kStallMs);
  const int ticks = it.handler.ticks;
  const std::uint64_t began = test::FakeKernel::now_ms();
  while (test::FakeKernel::now_ms() - began < 900) flood();
  EXPECT_EQ(it.handler.ticks, ticks);
  while (test::FakeKernel::now_ms() - began < 1500) flood();
  EXPECT_GT(it.handler.ticks, ticks);
}

TEST(ShardStall, SlowTurnsAreNone) {
  FakeShard it(1, {}, stalling());
  it.connect();
  for (int i = 0; i < 5; ++i) {
    it.kernel.advance(900);
    it.turn(0);
  }
  it.turn(0);
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kIdleTimeout});
}

}  // namespace
}  // namespace ringgate
