// What becomes of a login that is under way, and the deadlines of a client.
#include <string>
#include <vector>

#include "tests/services/gateway/parts/logins_fixture.h"

namespace ringgate {
namespace {

using test::DeliveredPacket;
using test::Got;
using test::kLogin;
using test::kSecret;
using test::LoginsPart;
using test::now_s;
using test::request;
using test::TestClient;
using test::token;

// --- The answer ---------------------------------------------------------------------------------

TEST_F(LoginsPart, InputIsHeldUntilTheAnswerHasComeAndThenHandled) {
  const TestClient client = logging_in();
  send(client, {.command = "echo.test", .sequence = 8});
  EXPECT_EQ(packets_, 0);
  answer(client);
  EXPECT_EQ(packets_, 1);
  EXPECT_EQ(channel_of(*client.connection)->state, ChannelState::kLoggedIn);
  const std::vector<Got> got = gateway_.got(*client.peer);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].header.status(), pkt::Success);
  EXPECT_EQ(gateway_.count(GatewayCounter::kLogins), 1u);
  EXPECT_EQ(login_times().count(Histogram::bucket_of(kTookUs)), 1u);
  EXPECT_EQ(gateway_.gauge(GatewayGauge::kChannels), 1u);
  EXPECT_EQ(gateway_.gauge(GatewayGauge::kWebSocketChannels), 0u);
  gateway_.it.shard.abort(*client.connection, CloseReason::kIdleTimeout);
  EXPECT_EQ(gateway_.gauge(GatewayGauge::kChannels), 0u);
}

TEST_F(LoginsPart, OneThatEndsBeforeItsAnswerWasNeverCounted) {
  const TestClient client = logging_in();
  gateway_.it.shard.abort(*client.connection, CloseReason::kIdleTimeout);
  EXPECT_EQ(gateway_.gauge(GatewayGauge::kChannels), 0u);
}

TEST_F(LoginsPart, ARefusalOfTheServiceIsPassedOnAndIsNoFailure) {
  const TestClient client = logging_in();
  answer(client, Status::kUnauthorized, "as the service put it");
  const std::vector<Got> got = gateway_.got(*client.peer);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].body, "as the service put it");
  EXPECT_EQ(got[1].closed, "login_refused");
  EXPECT_EQ(gateway_.count(GatewayCounter::kLoginsRefused), 1u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kLogins), 0u);
  EXPECT_EQ(login_times().sum(), 0u);
  EXPECT_TRUE(failures().empty());
}

TEST_F(LoginsPart, AFaultOfTheServiceIsToldInItsWords) {
  const TestClient client = logging_in();
  pkt::ErrorResp error;
  error.set_message("its store is away");
  answer(client, Status::kSystemException, error.SerializeAsString());
  EXPECT_EQ(failures(), std::vector<std::string>{"its store is away"});
  EXPECT_EQ(gateway_.count(GatewayCounter::kLoginsFailed), 1u);
}

TEST_F(LoginsPart, AnAnswerWithAnotherSequenceIsNoAnswer) {
  const TestClient client = logging_in();
  take(client, {.command = kCommandSignIn, .sequence = 8, .flag = Flag::kResponse});
  EXPECT_EQ(channel_of(*client.connection)->state, ChannelState::kLoggingIn);
  EXPECT_TRUE(gateway_.got(*client.peer).empty());
}

// --- What comes before it -----------------------------------------------------------------------

TEST_F(LoginsPart, PushesWaitForTheAnswerAndComeBehindItInOrder) {
  const TestClient client = logging_in();
  push(client, "one");
  push(client, "two");
  EXPECT_TRUE(gateway_.got(*client.peer).empty());
  answer(client, Status::kSuccess, "welcome");
  const std::vector<Got> got = gateway_.got(*client.peer);
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[0].body, "welcome");
  EXPECT_EQ(got[1].body, "one");
  EXPECT_EQ(got[2].body, "two");
}

TEST_F(LoginsPart, PushesThatWaitAreForgottenWithARefusedLogin) {
  const TestClient client = logging_in();
  push(client, "one");
  answer(client, Status::kUnauthorized);
  EXPECT_EQ(gateway_.got(*client.peer).size(), 2u);
  client.peer->ended = true;
  gateway_.pass(1);
  EXPECT_EQ(gateway_.it.shard.table().clients(), 0u);
}

TEST_F(LoginsPart, MorePushesThanMayWaitEndTheConnection) {
  const TestClient client = logging_in();
  const DeliveredPacket packet(kLogin, {.command = "chat.user.talk", .flag = Flag::kPush}, "one");
  gateway_.context.options.max_waiting_push_bytes =
      2 * (packet.delivery.bytes() + kTcpFrameHeadBytes);
  push(client, "one");
  push(client, "two");
  EXPECT_TRUE(client.connection->open());
  push(client, "more");
  EXPECT_EQ(gateway_.it.handler.reasons, std::vector<CloseReason>{CloseReason::kSlowConsumer});
}

// --- Kick-outs ----------------------------------------------------------------------------------

TEST_F(LoginsPart, AKickOutThatWasFasterThanTheAnswerEndsItBehindIt) {
  const TestClient client = logging_in();
  channel_of(*client.connection)->kicked_out = true;
  take(client, {.command = kCommandSignIn, .flag = Flag::kPush}, "another device");
  answer(client);
  const std::vector<Got> got = gateway_.got(*client.peer);
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[0].header.flag(), pkt::Response);
  EXPECT_EQ(got[1].body, "another device");
  EXPECT_EQ(got[2].closed, "kicked_out");
}

TEST_F(LoginsPart, WhoIsKickedOutMayStayForALinger) {
  gateway_.context.options.kickout_linger_ms = 50;
  const TestClient client = logging_in();
  channel_of(*client.connection)->kicked_out = true;
  answer(client);
  send(client, {.command = "echo.test", .sequence = 8});
  EXPECT_EQ(packets_, 1) << "its input is not held";
  gateway_.pass(45);
  EXPECT_TRUE(client.connection->open());
  gateway_.pass(10);
  const std::vector<Got> got = gateway_.got(*client.peer);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[1].closed, "kicked_out");
}

// --- Deadlines ----------------------------------------------------------------------------------

TEST_F(LoginsPart, AClientThatSaysNothingIsClosed) {
  const TestClient client = gateway_.connect();
  gateway_.it.shard.set_deadline(*client.connection, 50);
  gateway_.pass(60);
  const std::vector<Got> got = gateway_.got(*client.peer);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].closed, "login_timeout");
}

TEST_F(LoginsPart, AnAnswerThatDoesNotComeInTimeIsGivenUp) {
  gateway_.context.options.login_answer_timeout_ms = 50;
  const TestClient client = logging_in();
  gateway_.pass(45);
  EXPECT_TRUE(client.connection->open());
  EXPECT_EQ(gateway_.gauge(GatewayGauge::kOutstanding), 1u);
  gateway_.pass(10);
  expect_refused(client, Status::kSystemException, "login_answer_timeout",
                 "the login service did not answer in time");
  EXPECT_EQ(failures(), std::vector<std::string>{"the login service did not answer in time"});
  EXPECT_EQ(gateway_.gauge(GatewayGauge::kOutstanding), 0u);
  Upstream& login = *gateway_.context.upstreams.find(kLogin);
  EXPECT_EQ(login.given_up, 1u);
  EXPECT_EQ(login.outstanding.size(), 0u) << "nobody waits: an answer now is a late one";
}

TEST_F(LoginsPart, ALinkThatBreaksEndsALoginThatIsToldOfIt) {
  const TestClient client = logging_in();
  logins_.unanswered(*client.connection, *channel_of(*client.connection));
  const std::vector<Got> got = gateway_.got(*client.peer);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].closed, "no_login_service");
  EXPECT_EQ(failures(), std::vector<std::string>{"the login service did not answer"});
}

TEST_F(LoginsPart, ATokenThatHasEndedEndsItsChannelWhenItsGraceIsOver) {
  const TestClient client = gateway_.channel("alice");
  Channel& channel = *channel_of(*client.connection);
  channel.expires_at_s = static_cast<std::uint32_t>(now_s() - 100);
  gateway_.context.options.token_grace_s = 1000;
  logins_.on_deadline(*client.connection);
  EXPECT_TRUE(client.connection->open());
  EXPECT_NE(client.connection->deadline_ms, 0u) << "it is looked at again";
  gateway_.context.options.token_grace_s = 10;
  logins_.on_deadline(*client.connection);
  const std::vector<Got> got = gateway_.got(*client.peer);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].closed, "token_expired");
}

// Longer than a deadline reaches.
TEST_F(LoginsPart, ATokenThatLivesForYearsIsLookedAtAgainAndAgain) {
  service_ = &gateway_.link(kLogin);
  const TestClient client = login(request(token(kSecret, std::int64_t{20} * 365 * 86'400)));
  answer(client);
  for (int week = 0; week < 3; ++week) {
    const std::uint32_t left_ms = client.connection->deadline_ms - gateway_.it.shard.now_ms();
    EXPECT_EQ(left_ms, 7u * 86'400'000 + 1);
    logins_.on_deadline(*client.connection);
    EXPECT_TRUE(client.connection->open());
  }
}

// --- What control is told of --------------------------------------------------------------------

// Whichever of them is told, /ready knows why; more would only flood control.
TEST_F(LoginsPart, OfManyFailuresInAMomentEightAreToldAndAllCounted) {
  std::vector<TestClient> clients;
  clients.reserve(12);
  for (int i = 0; i < 12; ++i) {
    clients.push_back(gateway_.channel("alice", ChannelState::kLoggingIn));
  }
  const auto fail = [this](const TestClient& client) {
    logins_.unanswered(*client.connection, *channel_of(*client.connection));
  };
  for (std::size_t i = 0; i < 10; ++i) fail(clients[i]);
  EXPECT_EQ(failures().size(), 8u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kLoginsFailed), 10u);
  gateway_.pass(20);
  for (std::size_t i = 10; i < 12; ++i) fail(clients[i]);
  EXPECT_EQ(failures().size(), 2u);
}

}  // namespace
}  // namespace ringgate
