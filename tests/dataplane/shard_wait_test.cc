// How long a shard waits before a turn.
#include "tests/simulation/shard_wait.h"

#include "tests/dataplane/share_fixture.h"

namespace ringgate {
namespace {

using sim::wait_of;
using test::FakeShard;

TEST(ShardWait, IsNoLongerThanItsHandlerWantsItAndForOneTurn) {
  FakeShard it(1);
  it.turn();
  EXPECT_GT(wait_of(it.shard), 50U) << "until the next sweep";
  it.shard.want_turn(50);
  it.shard.want_turn(7);
  it.shard.want_turn(9);
  EXPECT_EQ(wait_of(it.shard), 7U);
  it.shard.want_turn();
  EXPECT_EQ(wait_of(it.shard), 0U);
  it.turn();
  EXPECT_GT(wait_of(it.shard), 50U) << "it has had it";
  it.shard.want_turn(1'000'000);
  EXPECT_LE(wait_of(it.shard), it.shard.options().sweep_ms);
}

TEST(ShardSends, AreCountedUntilTheSocketHasTakenThem) {
  FakeShard it(1);
  Connection* client = nullptr;
  it.handler.accepted = [&](Connection& connection) { client = &connection; };
  test::FakePeer& peer = it.connect();
  ASSERT_NE(client, nullptr);
  peer.window = 0;
  EXPECT_EQ(it.shard.sends_due(), 0U);
  ASSERT_NE(it.shard.reserve_frame(*client, Opcode::kPong, 0), nullptr);
  ASSERT_NE(it.shard.reserve_frame(*client, Opcode::kPong, 0), nullptr);
  EXPECT_EQ(it.shard.sends_due(), 1U);
  it.turn();
  EXPECT_EQ(it.shard.sends_due(), 0U);
  EXPECT_EQ(it.shard.sends_under_way(), 1U);
  it.turn();
  EXPECT_EQ(it.shard.sends_under_way(), 1U);
  peer.window = SIZE_MAX;
  EXPECT_TRUE(it.turn_until([&] { return it.shard.sends_under_way() == 0; }));
  EXPECT_FALSE(peer.received.empty());
}

}  // namespace
}  // namespace ringgate
