// Logging in: who gets in, and what those hear who do not.
#include <gmock/gmock.h>

#include <ctime>
#include <set>

#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

using testing::StartsWith;

// What every refused client sees: the answer, a close frame with the reason, the end. In this order
// and complete: an answer that a close overtakes is lost.
void expect_refused(FrameSocket& client, std::uint32_t sequence, pkt::Status status,
                    std::string_view reason) {
  const Event answer = client.next();
  EXPECT_TRUE(answer.is_answer(sequence, status)) << answer;
  EXPECT_FALSE(answer.parse<pkt::ErrorResp>().message().empty());
  const Event close = client.next();
  EXPECT_EQ(close.kind, Event::Kind::kClose) << close;
  EXPECT_EQ(close.payload, reason);
  EXPECT_EQ(client.next().kind, Event::Kind::kEnd);
}

std::string base64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string encoded;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    bits = (bits << 8U) | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) encoded += kDigits[(bits >> (count - 6)) & 63U];
  }
  if (count > 0) encoded += kDigits[(bits << (6 - count)) & 63U];
  return encoded;
}

// Good claims under another header than HS256's.
std::string token_with_header(std::string_view json, std::string_view signature) {
  return base64(json) + "." + base64(R"({"acc":"alice","app":"kim","exp":4102444800})") + "." +
         std::string(signature);
}

TEST(Login, TheAnswerIsTheFirstPacketAndNamesTheChannel) {
  Bench bench;
  FrameSocket client = bench.gateway.connect();
  client.send(login(token("alice"), 41));
  const Event request = bench.link.request("login.signin");
  EXPECT_EQ(request.header.sequence(), 41U);
  pkt::LoginResp body;
  body.set_channelid(request.header.channelid());
  body.set_account("alice");
  bench.link.respond(request, body.SerializeAsString());

  const Event answer = client.next();
  ASSERT_TRUE(answer.is_answer(41)) << answer;
  EXPECT_EQ(answer.header.command(), "login.signin");
  EXPECT_THAT(answer.parse<pkt::LoginResp>().channelid(), StartsWith("g1_alice_"));
  EXPECT_EQ(answer.parse<pkt::LoginResp>().channelid(), request.header.channelid());
  EXPECT_EQ(answer.header.meta_size(), 0) << "the dest metas are the gateway's business";
}

TEST(Login, TheServiceGetsASessionInPlaceOfTheToken) {
  Bench bench{{{"Zone", "zone_b"}}};
  pkt::LoginReq login_request;
  login_request.set_token(token("alice", {.app = "shop"}));
  login_request.set_isp("isp_a");
  login_request.set_zone("zone_a");
  login_request.add_tags("t1");
  login_request.add_tags("t2");
  FrameSocket client = bench.gateway.connect();
  client.send(packet(header("login.signin", 1), login_request.SerializeAsString()));

  const Event request = bench.link.request("login.signin");
  const auto session = request.parse<pkt::Session>();
  EXPECT_EQ(session.channelid(), request.header.channelid());
  EXPECT_EQ(session.gateid(), "g1");
  EXPECT_EQ(session.account(), "alice");
  EXPECT_EQ(session.app(), "shop");
  EXPECT_EQ(session.isp(), "isp_a");
  EXPECT_EQ(session.zone(), "zone_a");
  EXPECT_EQ(session.remoteip(), "127.0.0.1");
  EXPECT_THAT(session.tags(), testing::ElementsAre("t1", "t2"));
  EXPECT_EQ(request.meta("app"), "shop");
  EXPECT_EQ(request.meta("account"), "alice");
  EXPECT_EQ(request.meta("dest.server"), "g1");
}

TEST(Login, ChannelIdsAreNeverTheSameAgain) {
  Bench bench;
  std::set<std::string> seen;
  for (int i = 0; i < 20; ++i) {
    Client client = bench.log_in("alice");
    seen.insert(client.channel);
    client.frames.socket().close();  // its slot is free for the next one
    EXPECT_EQ(bench.link.request("login.signout").header.channelid(), client.channel);
  }
  EXPECT_EQ(seen.size(), 20U);
}

TEST(Login, TheLongestAccountWorks) {
  Bench bench;
  const std::string account(128, 'x');
  Client client = bench.log_in(account);
  client.send(packet(header("chat.user.talk", 2)));  // no chat here: answered by the gateway
  EXPECT_TRUE(client.next().is_answer(2, pkt::SystemException));
}

TEST(Login, ARefusalOfTheServiceIsDeliveredAndThenTheConnectionCloses) {
  Bench bench;
  FrameSocket client = bench.gateway.connect();
  client.send(login(token("alice"), 7));
  pkt::ErrorResp error;
  error.set_message("not today");
  bench.link.respond(bench.link.request("login.signin"), error.SerializeAsString(),
                     pkt::SystemException);
  expect_refused(client, 7, pkt::SystemException, "login_refused");
}

struct BadToken {
  std::string name;
  std::string token;
};
void PrintTo(const BadToken& bad, std::ostream* to) {
  *to << bad.name;
}

class BadTokens : public testing::TestWithParam<BadToken> {};

TEST_P(BadTokens, AreAnsweredWith105ThenClosed) {
  Bench bench;
  FrameSocket client = bench.gateway.connect();
  client.send(login(GetParam().token, 9));
  expect_refused(client, 9, pkt::Unauthorized, "login_refused");
  EXPECT_FALSE(bench.link.has_next()) << "nothing of it reaches the login service";
}

std::vector<BadToken> bad_tokens() {
  const std::string good = token("alice");
  const std::string signature = good.substr(good.rfind('.') + 1);
  return {
      {"Missing", ""},
      {"NotAToken", "alice"},
      {"AnotherSecret", token("alice", {.secret = "another secret"})},
      {"Expired", token("alice", {.expires_in_s = -1})},
      {"AlgorithmNone", token_with_header(R"({"alg":"none","typ":"JWT"})", "")},
      {"AlgorithmHs384", token_with_header(R"({"alg":"HS384","typ":"JWT"})", signature)},
      {"SignatureCutOff", good.substr(0, good.rfind('.') + 1)},
      {"EmptyAccount", token("")},
      {"CommaInAccount", token("alice,bob")},
      {"ControlInAccount", token("ali\nce")},
      {"AccountTooLong", token(std::string(129, 'x'))},
      {"AccountNotUtf8", token("ali\xff")},
      {"EmptyApp", token("alice", {.app = ""})},
  };
}

INSTANTIATE_TEST_SUITE_P(Login, BadTokens, testing::ValuesIn(bad_tokens()),
                         [](const auto& test) { return test.param.name; });

TEST(Login, BothSecretsAreGoodWhileOneIsBeingReplaced) {
  Bench bench{{{"AppSecretPrevious", "the old secret of the tests"}}};
  const Client alice = bench.log_in("alice");
  FrameSocket client = bench.gateway.connect();
  client.send(login(token("bob", {.secret = "the old secret of the tests"})));
  EXPECT_EQ(bench.link.request("login.signin").meta("account"), "bob");
}

TEST(Login, ATokenThatExpiresEndsItsConnection) {
  Bench bench;
  FrameSocket client = bench.gateway.connect();
  client.send(login(token("alice", {.expires_in_s = 2})));
  const Event request = bench.link.request("login.signin");
  bench.link.respond(request);
  EXPECT_TRUE(client.next().is_answer(1));
  const Event close = client.next();
  EXPECT_EQ(close.kind, Event::Kind::kClose) << close;
  EXPECT_EQ(close.payload, "token_expired");
  EXPECT_EQ(bench.link.request("login.signout").header.channelid(), request.header.channelid());
}

TEST(Login, TokenGraceKeepsAConnectionBeyondItsTokensExp) {
  Bench bench{{{"TokenGrace", "1h"}}};
  FrameSocket client = bench.gateway.connect();
  const std::time_t expires = std::time(nullptr) + 2;
  client.send(login(token("alice", {.expires_in_s = 2})));
  bench.link.respond(bench.link.request("login.signin"));
  EXPECT_TRUE(client.next().is_answer(1));
  wait_until("the token is over", [&] { return std::time(nullptr) > expires + 1; });
  client.send(ping());
  EXPECT_EQ(client.next().kind, Event::Kind::kPong);
}

TEST(Login, WithoutALoginServiceTheAnswerIs300ThenClose) {
  const World world;
  const Server gateway(world, "gateway", "g1");
  FrameSocket client = gateway.connect();
  client.send(login(token("alice"), 5));
  expect_refused(client, 5, pkt::SystemException, "no_login_service");
}

TEST(Login, AServiceThatNeverAnswersMeans300AfterItsTimeThenClose) {
  Bench bench{{{"LoginAnswerTimeout", "300ms"}}};
  FrameSocket client = bench.gateway.connect();
  client.send(login(token("alice"), 6));
  const Event request = bench.link.request("login.signin");
  expect_refused(client, 6, pkt::SystemException, "login_answer_timeout");
  client.socket().close();
  bench.gateway.wait_metric("ringgate_closed_by_reason_total", 1, "login_answer_timeout");
  EXPECT_EQ(bench.gateway.metric("ringgate_closed_by_reason_total", "login_timeout"), 0);
  // Its sign-in was forwarded, so a sign-out follows; an answer that comes now goes nowhere.
  EXPECT_EQ(bench.link.request("login.signout").header.channelid(), request.header.channelid());
  bench.link.respond(request);
  bench.log_in("bob");
}

TEST(Login, WhatIsPushedBeforeTheAnswerArrivesAfterIt) {
  Bench bench;
  FrameSocket client = bench.gateway.connect();
  client.send(login(token("alice")));
  const Event request = bench.link.request("login.signin");
  bench.link.push("g1", request.header.channelid(), "early one");
  bench.link.push("g1", request.header.channelid(), "early two");
  bench.link.respond(request);
  bench.link.push("g1", request.header.channelid(), "late");
  EXPECT_TRUE(client.next().is_answer(1));
  EXPECT_EQ(client.next().body, "early one");
  EXPECT_EQ(client.next().body, "early two");
  EXPECT_EQ(client.next().body, "late");
}

TEST(Login, AKickOutBeforeTheAnswerArrivesAfterItAndCloses) {
  Bench bench;
  FrameSocket client = bench.gateway.connect();
  client.send(login(token("alice")));
  const Event request = bench.link.request("login.signin");
  bench.link.kick_out("g1", request.header.channelid());
  bench.link.respond(request);
  EXPECT_TRUE(client.next().is_answer(1));
  EXPECT_EQ(client.next().header.flag(), pkt::Push);
  EXPECT_EQ(client.next().payload, "kicked_out");
  EXPECT_EQ(client.next().kind, Event::Kind::kEnd);
}

}  // namespace
}  // namespace ringgate::test
