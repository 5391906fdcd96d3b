// Who may come in when places are few, and how often an account may log in.
#include <string>
#include <vector>

#include "tests/services/gateway/parts/logins_fixture.h"

namespace ringgate {
namespace {

using test::Got;
using test::kLogin;
using test::LoginsPart;
using test::request;
using test::TestClient;
using test::token;

// 20 places, a tenth of them for logins.
GatewayOptions with_reserve(std::uint32_t percent = 10) {
  GatewayOptions options = test::gateway_options();
  options.login_reserve_percent = percent;
  return options;
}

class AdmissionPart : public LoginsPart {
 protected:
  explicit AdmissionPart(const GatewayOptions& options = with_reserve()) : LoginsPart(options) {
    const auto connected = gateway_.it.handler.accepted;
    gateway_.it.handler.accepted = [this, connected](Connection& connection) {
      connected(connection);
      admission_.accepted(connection);
    };
    gateway_.it.handler.tick = [this] { admission_.on_tick(); };
  }
  void set_dry_run() {
    ShardLimits limits = gateway_.it.shard.options();
    limits.limits_dry_run = true;
    gateway_.it.shard.reconfigure(limits, std::vector<WsUpgradeOptions>(1));
  }
  TestClient logged_in(const std::string& account) {
    if (service_ == nullptr) service_ = &gateway_.link(kLogin);
    const TestClient client = login(request(token(test::kSecret, 3600, account)));
    if (channel_of(*client.connection) != nullptr) answer(client);
    return client;
  }
};

TEST_F(AdmissionPart, TheOldestThatHasNotLoggedInMakesRoom) {
  std::vector<TestClient> silent;
  for (int i = 0; i < 18; ++i) silent.push_back(gateway_.connect());
  EXPECT_EQ(gateway_.count(GatewayCounter::kCrowdedOut), 0U);
  gateway_.connect();
  gateway_.settle();
  EXPECT_EQ(gateway_.it.handler.reasons, std::vector<CloseReason>{GatewayClose::kCrowdedOut});
  EXPECT_TRUE(silent[0].peer->closed);
  EXPECT_FALSE(silent[1].peer->closed);
  for (int i = 0; i < 100; ++i) gateway_.connect();
  EXPECT_EQ(gateway_.count(GatewayCounter::kCrowdedOut), 101U);
  const TestClient alice = logged_in("alice");
  EXPECT_EQ(channel_of(*alice.connection)->state, ChannelState::kLoggedIn);
}

// Eight of twenty places, of which four stay free.
TEST_F(AdmissionPart, WithinTheReserveThereIsTimeForALogin) {
  gateway_.context.options.login_reserve_percent = 40;
  for (int i = 0; i < 12; ++i) logged_in("user" + std::to_string(i));
  for (int i = 0; i < 5; ++i) gateway_.connect();
  gateway_.settle();
  EXPECT_EQ(gateway_.count(GatewayCounter::kCrowdedOut), 0U);
  gateway_.connect();
  EXPECT_EQ(gateway_.count(GatewayCounter::kCrowdedOut), 1U) << "more than four come at once";
  for (int i = 12; i < 19; ++i) logged_in("user" + std::to_string(i));
  EXPECT_EQ(gateway_.gauge(GatewayGauge::kChannels), 19U) << "all places but one";
}

TEST_F(AdmissionPart, WhoWasRefusedAndDoesNotGoMakesRoom) {
  std::vector<TestClient> refused;
  for (int i = 0; i < 18; ++i) refused.push_back(login(request("no token")));
  gateway_.settle();
  for (const TestClient& one : refused) EXPECT_FALSE(one.peer->closed);
  for (int i = 0; i < 100; ++i) login(request("no token"));
  EXPECT_TRUE(refused.front().peer->closed);
  EXPECT_EQ(gateway_.count(GatewayCounter::kCrowdedOut), 0U) << "they had been told already";
  const TestClient alice = logged_in("alice");
  EXPECT_EQ(channel_of(*alice.connection)->state, ChannelState::kLoggedIn);
}

TEST_F(AdmissionPart, WhoHasLoggedInStays) {
  std::vector<TestClient> all;
  for (int i = 0; i < 10; ++i) all.push_back(logged_in("user" + std::to_string(i)));
  for (int i = 0; i < 100; ++i) gateway_.connect();
  for (const TestClient& one : all) EXPECT_FALSE(one.peer->closed);
  for (int i = 10; i < 20; ++i) all.push_back(logged_in("user" + std::to_string(i)));
  gateway_.settle();
  EXPECT_EQ(gateway_.gauge(GatewayGauge::kChannels), 20U);
  for (const TestClient& one : all) EXPECT_FALSE(one.peer->closed);
}

TEST_F(AdmissionPart, ADryRunOnlyCounts) {
  set_dry_run();
  for (int i = 0; i < 20; ++i) gateway_.connect();
  EXPECT_EQ(gateway_.count(GatewayCounter::kCrowdedOut), 2U);
  EXPECT_TRUE(gateway_.it.handler.reasons.empty());
}

// Its token was good: who only keeps a place busy does not drive it away.
TEST_F(AdmissionPart, WhoseLoginIsBeingAnsweredStays) {
  service_ = &gateway_.link(kLogin);
  const TestClient alice = login(request(token(test::kSecret, 3600, "alice")));
  ASSERT_EQ(channel_of(*alice.connection)->state, ChannelState::kLoggingIn);
  for (int i = 0; i < 100; ++i) gateway_.connect();
  EXPECT_GT(gateway_.count(GatewayCounter::kCrowdedOut), 0U);
  EXPECT_FALSE(alice.peer->closed);
  answer(alice);
  EXPECT_EQ(channel_of(*alice.connection)->state, ChannelState::kLoggedIn);
}

class WithoutReserve : public AdmissionPart {
 protected:
  WithoutReserve() : AdmissionPart(with_reserve(0)) {}
};

TEST_F(WithoutReserve, AllPlacesAreForWhoComesFirst) {
  for (int i = 0; i < 20; ++i) gateway_.connect();
  EXPECT_EQ(gateway_.count(GatewayCounter::kCrowdedOut), 0U);
  EXPECT_TRUE(gateway_.it.handler.reasons.empty());
}

// All places were taken when the reserve came: nobody can be accepted for whom one would go.
TEST_F(WithoutReserve, AReserveThatComesLaterMakesRoom) {
  for (int i = 0; i < 20; ++i) gateway_.connect();
  gateway_.pass(5);
  EXPECT_EQ(gateway_.count(GatewayCounter::kCrowdedOut), 0U);
  gateway_.context.options.login_reserve_percent = 10;
  gateway_.pass(1'100);
  EXPECT_GT(gateway_.count(GatewayCounter::kCrowdedOut), 0U);
  const TestClient alice = logged_in("alice");
  EXPECT_EQ(channel_of(*alice.connection)->state, ChannelState::kLoggedIn);
}

// However many others do.
TEST_F(AdmissionPart, BetweenTwoLoginsOfAnAccountIsItsPartOfTenSeconds) {
  gateway_.context.options.logins_per_account = 1;
  EXPECT_EQ(channel_of(*logged_in("alice").connection)->state, ChannelState::kLoggedIn);
  for (int i = 0; i < 9; ++i) {
    gateway_.pass(1'000);
    const TestClient other = logged_in("other" + std::to_string(i));
    gateway_.it.shard.abort(*other.connection, CloseReason::kPeerClosed);
    EXPECT_FALSE(logged_in("alice").connection->has_user()) << i;
  }
  gateway_.pass(1'000);
  EXPECT_NE(channel_of(*logged_in("alice").connection), nullptr);
}

TEST_F(AdmissionPart, AnAccountLogsInSoOftenAndIsThenAnswered300) {
  gateway_.context.options.logins_per_account = 3;
  for (int i = 0; i < 3; ++i) {
    gateway_.it.shard.abort(*logged_in("alice").connection, CloseReason::kPeerClosed);
  }
  gateway_.got(*service_);
  const TestClient fourth = logged_in("alice");
  expect_refused(fourth, Status::kSystemException, "logins_too_often",
                 "this account logs in too often; try again later");
  EXPECT_TRUE(gateway_.got(*service_).empty());  // so that nobody is kicked out
  EXPECT_EQ(gateway_.count(GatewayCounter::kLoginsTooOften), 1U);
  const TestClient bob = logged_in("bob");
  EXPECT_EQ(channel_of(*bob.connection)->state, ChannelState::kLoggedIn);
  gateway_.pass(10'000);
  const TestClient later = logged_in("alice");
  EXPECT_EQ(channel_of(*later.connection)->state, ChannelState::kLoggedIn);
}

// --- Of all accounts
// ------------------------------------------------------------------------------

TEST_F(AdmissionPart, AllTogetherLogInAtARate) {  // from the start on
  gateway_.context.options.logins_per_s = 2;
  for (int i = 0; i < 2; ++i) {
    EXPECT_NE(channel_of(*logged_in("first" + std::to_string(i)).connection), nullptr);
  }
  gateway_.got(*service_);
  const TestClient third = logged_in("third");
  expect_refused(third, Status::kSystemException, "logins_too_often",
                 "too many log in at the moment; try again later");
  EXPECT_TRUE(gateway_.got(*service_).empty());
  EXPECT_EQ(gateway_.count(GatewayCounter::kLoginRateReached), 1U);
  gateway_.pass(600);
  EXPECT_NE(channel_of(*logged_in("third").connection), nullptr);
  EXPECT_FALSE(logged_in("fourth").connection->has_user()) << "a second is not over";
}

TEST_F(AdmissionPart, WhoLogsInTooOftenTakesNothingOfTheRateFromOthers) {
  gateway_.context.options.logins_per_s = 3;
  gateway_.context.options.logins_per_account = 1;
  gateway_.pass(1'000);
  for (int i = 0; i < 10; ++i) logged_in("alice");
  EXPECT_NE(channel_of(*logged_in("bob").connection), nullptr);
  EXPECT_EQ(gateway_.count(GatewayCounter::kLoginRateReached), 0U);
}

TEST_F(AdmissionPart, WhoIsRefusedByTheRateTakesNothingOfItsAccounts) {
  gateway_.context.options.logins_per_s = 1;
  gateway_.context.options.logins_per_account = 1;
  gateway_.pass(1'000);
  EXPECT_NE(channel_of(*logged_in("first").connection), nullptr);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(logged_in("alice").connection->has_user());
  EXPECT_EQ(gateway_.count(GatewayCounter::kLoginRateReached), 3U);
  gateway_.pass(1'000);
  EXPECT_NE(channel_of(*logged_in("alice").connection), nullptr);
  EXPECT_EQ(gateway_.count(GatewayCounter::kLoginsTooOften), 0U);
}

TEST_F(AdmissionPart, ADryRunCountsALoginOnceOnly) {
  gateway_.context.options.logins_per_s = 1;
  gateway_.context.options.logins_per_account = 1;
  set_dry_run();
  gateway_.pass(1'000);
  for (int i = 0; i < 3; ++i) logged_in("alice");
  EXPECT_EQ(gateway_.count(GatewayCounter::kLoginsTooOften), 2U);
  EXPECT_EQ(gateway_.count(GatewayCounter::kLoginRateReached), 0U)
      << "they would not have got there";
}

TEST_F(AdmissionPart, ADryRunOfTheRateOnlyCounts) {
  gateway_.context.options.logins_per_s = 1;
  set_dry_run();
  gateway_.pass(1'000);
  for (int i = 0; i < 3; ++i) {
    EXPECT_NE(channel_of(*logged_in("user" + std::to_string(i)).connection), nullptr);
  }
  EXPECT_EQ(gateway_.count(GatewayCounter::kLoginRateReached), 2U);
}

// --- Addresses ----------------------------------------------------------------------------------

TEST_F(AdmissionPart, AnAddressAsksOnlySoOften) {
  gateway_.context.options.logins_per_address = 2;
  const TestClient alice = logged_in("alice");
  EXPECT_EQ(channel_of(*alice.connection)->state, ChannelState::kLoggedIn);
  login(request("no token"));  // asks, too
  const TestClient bob = logged_in("bob");
  EXPECT_FALSE(bob.connection->has_user());
  EXPECT_EQ(gateway_.count(GatewayCounter::kAddressTooOften), 1U);
  const std::vector<Got> got = gateway_.got(*bob.peer);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0].header.status(), pkt::SystemException);
  EXPECT_NE(got[1].closed.find("logins_too_often"), std::string::npos);

  ShardLimits limits = gateway_.it.shard.options();
  limits.exempt_addresses = {*AddressRange::parse("127.0.0.0/8")};
  gateway_.it.shard.reconfigure(limits, std::vector<WsUpgradeOptions>(1));
  EXPECT_NE(channel_of(*logged_in("carol").connection), nullptr);
  limits.exempt_addresses = {};
  gateway_.it.shard.reconfigure(limits, std::vector<WsUpgradeOptions>(1));
  gateway_.pass(10'001);
  EXPECT_NE(channel_of(*logged_in("dave").connection), nullptr) << "a new window";
}

TEST_F(AdmissionPart, FromARefusedAddressNobodyComesIn) {
  const TestClient alice = logged_in("alice");
  gateway_.context.options.refused_addresses = {*AddressRange::parse("127.0.0.1")};
  const TestClient bob = logged_in("bob");
  EXPECT_EQ(channel_of(*alice.connection)->state, ChannelState::kLoggedIn) << "who is in stays";
  EXPECT_EQ(gateway_.it.handler.reasons, std::vector<CloseReason>{GatewayClose::kAddressRefused});
  EXPECT_TRUE(bob.peer->saw_end);
  gateway_.context.options.refused_addresses = {*AddressRange::parse("10.0.0.0/8")};
  EXPECT_NE(channel_of(*logged_in("carol").connection), nullptr);
  EXPECT_EQ(gateway_.count(GatewayCounter::kAddressesRefused), 1U);
}

TEST_F(AdmissionPart, ADryRunOfRefusedAddressesOnlyCounts) {
  gateway_.context.options.refused_addresses = {*AddressRange::parse("127.0.0.1")};
  set_dry_run();
  const TestClient bob = gateway_.connect();
  EXPECT_FALSE(admission_.refuses(bob.connection->peer));
  EXPECT_FALSE(admission_.refuses_login(bob.connection->peer));
  EXPECT_EQ(gateway_.count(GatewayCounter::kAddressesRefused), 1U) << "once for each";
}

}  // namespace
}  // namespace ringgate
