#include "services/gateway/parts/drain.h"

#include <algorithm>

#include "services/gateway/parts/signouts.h"
#include "tests/services/gateway/parts/gateway_shard.h"

namespace ringgate {
namespace {

using test::GatewayShard;
using test::kEcho;
using test::kLogin;
using test::TestClient;

class DrainPart : public testing::Test {
 protected:
  DrainPart() {
    gateway_.channel_ended = [this](Connection&, Channel& channel) { signouts_.sign_out(channel); };
  }
  [[nodiscard]] std::size_t closed() const { return gateway_.it.handler.reasons.size(); }
  // How often control has been told since the last call.
  std::size_t told() { return gateway_.told(kMailDrained).size(); }
  void end(const TestClient& client) {
    client.peer->ended = true;
    gateway_.pass(1);
  }

  GatewayShard gateway_;
  Signouts signouts_{gateway_.context};
  Drain drain_{gateway_.context, signouts_};
};

constexpr DrainMail kAtOnce{1'000'000'000, 0};

TEST_F(DrainPart, BeforeItBeginsATickIsNothing) {
  gateway_.channel("alice");
  drain_.on_tick();
  EXPECT_EQ(closed(), 0u);
  EXPECT_FALSE(gateway_.context.draining);
  EXPECT_EQ(told(), 0u);
}

TEST_F(DrainPart, TakesNobodyInAnyMore) {
  EXPECT_GT(gateway_.it.kernel.armed_accepts(), 0u);
  drain_.begin(kAtOnce);
  gateway_.settle();
  EXPECT_EQ(gateway_.it.kernel.armed_accepts(), 0u);
  EXPECT_TRUE(gateway_.context.draining);
}

// Less than one at each look: the rest of a credit is kept.
TEST_F(DrainPart, KeepsASlowPace) {
  for (const char* const account : {"alice", "bob", "carol"}) gateway_.channel(account);
  // One in 500 looks, since a look is a millisecond here.
  drain_.begin({2'000, 0});
  for (const std::size_t gone : {0u, 1u, 2u}) {
    for (int look = 0; look < 499; ++look) drain_.on_tick();
    EXPECT_EQ(closed(), gone);
    drain_.on_tick();
    EXPECT_EQ(closed(), gone + 1);
  }
  EXPECT_TRUE(std::ranges::all_of(gateway_.it.handler.reasons, [](CloseReason reason) {
    return reason == CloseReason::kDraining;
  }));
}

TEST_F(DrainPart, ShardsOfASlowPaceTakeTurns) {
  gateway_.channel("alice");
  drain_.begin({2'000, kDrainCredit - 2'000});  // this one's turn is the first
  drain_.on_tick();
  EXPECT_EQ(closed(), 1u);
}

TEST_F(DrainPart, AWidePaceClosesSeveralAtEachLookAndNobodyTwice) {
  for (const char* const account : {"alice", "bob", "carol"}) gateway_.channel(account);
  drain_.begin({2'000'000, 0});
  drain_.on_tick();
  EXPECT_EQ(closed(), 2u);
  drain_.on_tick();
  drain_.on_tick();
  EXPECT_EQ(closed(), 3u);
}

TEST_F(DrainPart, IsDoneOnceWhenClientsAreGoneAndTheirSignOutsSaid) {
  const TestClient alice = gateway_.channel("alice");
  drain_.begin(kAtOnce);
  drain_.on_tick();
  drain_.on_tick();
  EXPECT_EQ(told(), 0u) << "she still reads her last bytes";
  end(alice);
  ASSERT_EQ(gateway_.it.shard.table().clients(), 0u);
  drain_.on_tick();
  EXPECT_EQ(told(), 0u) << "her sign-out waits for a login service";
  test::FakePeer& login = gateway_.link(kLogin);
  login.window = 0;  // it reads nothing
  signouts_.retry();
  drain_.on_tick();
  EXPECT_EQ(told(), 0u) << "it is still in the link's queue";
  login.window = SIZE_MAX;
  gateway_.settle();
  drain_.on_tick();
  EXPECT_EQ(told(), 1u);
  drain_.on_tick();
  EXPECT_EQ(told(), 0u);
}

TEST_F(DrainPart, IsNotDoneWhileAnAnswerIsOutstanding) {
  gateway_.link(kEcho);
  Upstream& echo = *gateway_.context.upstreams.find(kEcho);
  ASSERT_TRUE(echo.outstanding.add({0, 7, 1, "echo.test"}, gateway_.it.shard.now_ms()));
  drain_.begin(kAtOnce);
  drain_.on_tick();
  EXPECT_EQ(told(), 0u);
  ASSERT_TRUE(echo.outstanding.retire(7, 1));
  drain_.on_tick();
  EXPECT_EQ(told(), 1u);
}

}  // namespace
}  // namespace ringgate
