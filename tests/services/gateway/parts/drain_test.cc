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

constexpr std::uint32_t kLong = 3'600'000;
constexpr DrainMail kAtOnce{1'000'000'000, 0, kLong, {}};

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
  drain_.begin({2'000, 0, kLong, {}});
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
  drain_.begin({2'000, kDrainCredit - 2'000, kLong, {}});  // this one's turn is the first
  drain_.on_tick();
  EXPECT_EQ(closed(), 1u);
}

TEST_F(DrainPart, AWidePaceClosesSeveralAtEachLookAndNobodyTwice) {
  for (const char* const account : {"alice", "bob", "carol"}) gateway_.channel(account);
  drain_.begin({2'000'000, 0, kLong, {}});
  drain_.on_tick();
  EXPECT_EQ(closed(), 2u);
  drain_.on_tick();
  drain_.on_tick();
  EXPECT_EQ(closed(), 3u);
}

// As many at each look as it takes for all to be told in time, and never the rest at once.
TEST_F(DrainPart, TheTimeThatThereIsMakesThePaceWhereThatIsFaster) {
  constexpr std::size_t kClients = 20;
  for (std::size_t i = 0; i < kClients; ++i) gateway_.channel("client" + std::to_string(i));
  drain_.begin({1, 0, 1000, {}});
  std::size_t most = 0;
  std::size_t half = 0;
  for (int look = 0; look < 1000; ++look) {
    const std::size_t before = closed();
    gateway_.pass(1);
    drain_.on_tick();
    most = std::max(most, closed() - before);
    if (look == 499) half = closed();
  }
  EXPECT_NEAR(static_cast<double>(half), kClients / 2.0, 1);
  EXPECT_EQ(closed(), kClients);
  EXPECT_EQ(most, 1u);
}

TEST_F(DrainPart, WithoutTimeNobodyIsTold) {
  gateway_.channel("alice");
  drain_.begin({1'000'000'000, 0, 0, {}});
  drain_.on_tick();
  EXPECT_EQ(closed(), 0u);
}

TEST_F(DrainPart, TellsWhenAndWhereToComeAgain) {
  const TestClient alice = gateway_.channel("alice");
  DrainMail mail = kAtOnce;
  mail.farewell.spread_ms = 5000;
  ASSERT_TRUE(mail.farewell.at.set("gateway2:8001"));
  drain_.begin(mail);
  drain_.on_tick();
  gateway_.settle();
  const std::vector<test::Got> got = gateway_.got(*alice.peer);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_TRUE(got[0].closed.starts_with("draining; ")) << got[0].closed;
  const std::optional<RetryHint> hint = parse_retry_hint(got[0].closed);
  ASSERT_TRUE(hint) << got[0].closed;
  EXPECT_LE(hint->in_ms, 5000u);
  EXPECT_EQ(hint->at, "gateway2:8001");
}

TEST_F(DrainPart, WhoWaitsForAnAnswerGoesWithIt) {
  const TestClient alice = gateway_.channel("alice");
  channel_of(*alice.connection)->outstanding = 1;
  drain_.begin(kAtOnce);
  drain_.on_tick();
  EXPECT_EQ(closed(), 0u);
  gateway_.context.farewells.answered(*alice.connection);
  EXPECT_EQ(closed(), 0u) << "it was another one's";
  channel_of(*alice.connection)->outstanding = 0;
  gateway_.context.farewells.answered(*alice.connection);
  EXPECT_EQ(closed(), 1u);
}

// And whoever logs in.
TEST_F(DrainPart, WhoStillWaitsWhenTheTimeIsOverGoesWithout) {
  const TestClient alice = gateway_.channel("alice");
  channel_of(*alice.connection)->outstanding = 1;
  gateway_.channel("bob", ChannelState::kLoggingIn);
  drain_.begin({1'000'000'000, 0, 2000, {}});
  gateway_.pass(1500);
  drain_.on_tick();
  EXPECT_EQ(closed(), 0u);
  gateway_.pass(1000);
  drain_.on_tick();
  EXPECT_EQ(closed(), 2u);
}

TEST_F(DrainPart, WhoHasJustConnectedMayLogIn) {
  gateway_.connect();
  drain_.begin(kAtOnce);
  drain_.on_tick();
  EXPECT_EQ(closed(), 0u);
  gateway_.pass(1000);
  drain_.on_tick();
  EXPECT_EQ(closed(), 1u) << "it says nothing";
}

TEST_F(DrainPart, ControlIsToldWhenNobodyComesInAnyMore) {
  gateway_.channel("alice");
  drain_.begin({2'000, 0, kLong, {}});
  gateway_.settle();
  drain_.on_tick();
  drain_.on_tick();
  EXPECT_EQ(gateway_.told(kMailNotAccepting).size(), 1u);
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
