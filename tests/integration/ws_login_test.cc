// WebSocket clients before and during their login: the same rules as on TCP, each close with its
// code.
#include <gtest/gtest.h>

#include "tests/integration/ws_client.h"

namespace ringgate::test {
namespace {

void expect_refused(WsSocket& client, std::uint32_t sequence, pkt::Status status, WsCloseCode code,
                    std::string_view reason) {
  const Arrival answer = client.next();
  EXPECT_TRUE(answer.is_answer(sequence, status)) << answer;
  EXPECT_FALSE(answer.parse<pkt::ErrorResp>().message().empty());
  expect_closed(client, code, reason);
}

TEST(WsLogin, TheAnswerIsTheFirstPacketAndNamesTheChannel) {
  Bench bench{with_ws()};
  WsSocket client = WsSocket::open(bench.gateway.ws_port());
  client.send_packets(login(token("alice"), 0));  // the web SDK's first sequence
  const Event request = bench.link.request("login.signin");
  EXPECT_EQ(request.header.sequence(), 0U);
  const auto session = request.parse<pkt::Session>();
  EXPECT_EQ(session.account(), "alice");
  EXPECT_EQ(session.gateid(), "g1");
  EXPECT_EQ(session.remoteip(), "127.0.0.1");
  EXPECT_EQ(request.meta("dest.server"), "g1");
  pkt::LoginResp body;
  body.set_channelid(request.header.channelid());
  bench.link.respond(request, body.SerializeAsString());
  const Arrival answer = client.next();
  ASSERT_TRUE(answer.is_answer(0)) << answer;
  EXPECT_EQ(answer.parse<pkt::LoginResp>().channelid(), session.channelid());
  EXPECT_EQ(answer.header.meta_size(), 0);
  EXPECT_FALSE(client.has_next());
}

TEST(WsLogin, AWrongTokenIsAnsweredWith105ThenClosedWith1008) {
  Bench bench{with_ws()};
  WsSocket client = WsSocket::open(bench.gateway.ws_port());
  client.send_packets(login(token("alice", {.secret = "another secret"}), 9));
  expect_refused(client, 9, pkt::Unauthorized, WsCloseCode::kPolicyViolation, "login_refused");
  EXPECT_FALSE(bench.link.has_next()) << "nothing of it reaches the login service";
}

TEST(WsLogin, AFirstPacketThatIsNoLoginIsAnsweredWith103ThenClosedWith1008) {
  Bench bench{with_ws()};
  WsSocket client = WsSocket::open(bench.gateway.ws_port());
  client.send_packets(talk("bob", "hello", 77));
  expect_refused(client, 77, pkt::InvalidCommand, WsCloseCode::kPolicyViolation, "not_a_login");
  EXPECT_FALSE(bench.link.has_next());
}

TEST(WsLogin, ARefusalOfTheServiceIsDeliveredThenClosedWith1008) {
  Bench bench{with_ws()};
  WsSocket client = WsSocket::open(bench.gateway.ws_port());
  client.send_packets(login(token("alice"), 7));
  pkt::ErrorResp error;
  error.set_message("not today");
  bench.link.respond(bench.link.request("login.signin"), error.SerializeAsString(),
                     pkt::SystemException);
  expect_refused(client, 7, pkt::SystemException, WsCloseCode::kPolicyViolation, "login_refused");
}

TEST(WsLogin, WithoutALoginServiceTheAnswerIs300ThenClosedWith1013) {
  const World world;
  const Server gateway(world, "gateway", "g1", with_ws());
  WsSocket client = WsSocket::open(gateway.ws_port());
  client.send_packets(login(token("alice"), 5));
  expect_refused(client, 5, pkt::SystemException, WsCloseCode::kTryAgainLater, "no_login_service");
}

TEST(WsLogin, AServiceThatNeverAnswersMeans300AfterItsTimeThenClosed) {
  Bench bench{with_ws({{"LoginAnswerTimeout", "300ms"}})};
  WsSocket client = WsSocket::open(bench.gateway.ws_port());
  client.send_packets(login(token("alice"), 6));
  const Event request = bench.link.request("login.signin");
  expect_refused(client, 6, pkt::SystemException, WsCloseCode::kTryAgainLater,
                 "login_answer_timeout");
  EXPECT_EQ(bench.link.request("login.signout").header.channelid(), request.header.channelid());
}

TEST(WsLogin, ATokenThatExpiresEndsItsConnectionWith1008) {
  Bench bench{with_ws()};
  WsSocket client = WsSocket::open(bench.gateway.ws_port());
  client.send_packets(login(token("alice", {.expires_in_s = 2})));
  bench.link.respond(bench.link.request("login.signin"));
  EXPECT_TRUE(client.next().is_answer(1));
  expect_closed(client, WsCloseCode::kPolicyViolation, "token_expired");
}

// Heads of two, four and ten bytes.
TEST(WsLogin, WhatIsPushedBeforeTheAnswerArrivesAfterIt) {
  Bench bench{with_ws()};
  WsSocket client = WsSocket::open(bench.gateway.ws_port());
  client.send_packets(login(token("alice")));
  const Event request = bench.link.request("login.signin");
  const std::vector<std::string> early = {"early", std::string(1000, 'e'),
                                          std::string(70'000, 'E')};
  for (const std::string& body : early) bench.link.push("g1", request.header.channelid(), body);
  bench.link.respond(request);
  bench.link.push("g1", request.header.channelid(), "late");
  EXPECT_TRUE(client.next().is_answer(1));
  for (const std::string& body : early) EXPECT_TRUE(client.next().body == body) << body.size();
  EXPECT_EQ(client.next().body, "late");
}

TEST(WsLogin, AKickOutBeforeTheAnswerArrivesAfterItAndCloses) {
  Bench bench{with_ws()};
  WsSocket client = WsSocket::open(bench.gateway.ws_port());
  client.send_packets(login(token("alice")));
  const Event request = bench.link.request("login.signin");
  bench.link.kick_out("g1", request.header.channelid());
  bench.link.respond(request);
  EXPECT_TRUE(client.next().is_answer(1));
  EXPECT_EQ(client.next().header.flag(), pkt::Push);
  expect_closed(client, WsCloseCode::kPolicyViolation, "kicked_out");
}

// --- Pipelined ----------------------------------------------------------------------------------

// A request, a login, a ping and a talk at once: whatever could be answered before waits.
std::string everything_at_once() {
  return upgrade_request() + ws_frames_of(login(token("alice")) + ping() + talk("bob", "hello", 2));
}

void expect_answers_in_order(ChatBench& bench, WsSocket& client) {
  EXPECT_EQ(client.read_response().status, 101);
  bench.link.respond(bench.link.request("login.signin"));
  const Event talked = bench.chat_link.request("chat.user.talk");
  EXPECT_EQ(talked.parse<pkt::MessageReq>().body(), "hello");
  EXPECT_EQ(talked.meta("account"), "alice");
  bench.chat_link.respond(talked);
  EXPECT_TRUE(client.next().is_answer(1));
  EXPECT_EQ(client.next().kind, Event::Kind::kPong);
  EXPECT_TRUE(client.next().is_answer(2));
}

TEST(WsPipeline, UpgradeLoginPingAndTalkInOneWriteAreAnsweredInOrder) {
  ChatBench bench{with_ws()};
  WsSocket client(Socket::connect(bench.gateway.ws_port()));
  client.send(everything_at_once());
  expect_answers_in_order(bench, client);
}

TEST(WsPipeline, UpgradeLoginPingAndTalkByteByByteAreAnsweredInOrder) {
  ChatBench bench{with_ws()};
  WsSocket client(Socket::connect(bench.gateway.ws_port()));
  const std::string bytes = everything_at_once();
  for (const char byte : bytes) client.send(std::string_view(&byte, 1));
  expect_answers_in_order(bench, client);
}

// A cut at each place around the request's end, where what follows changes its meaning.
TEST(WsPipeline, ACutAnywhereAroundTheRequestsEndLosesNothing) {
  ChatBench bench{with_ws()};
  const std::size_t request_bytes = upgrade_request().size();
  for (std::size_t cut = request_bytes - 4; cut <= request_bytes + 20; ++cut) {
    SCOPED_TRACE(cut);
    WsSocket client(Socket::connect(bench.gateway.ws_port()));
    const double received = bench.gateway.metric("ringgate_bytes_in_total");
    const std::string bytes = everything_at_once();
    client.send(bytes.substr(0, cut));
    bench.gateway.wait_metric("ringgate_bytes_in_total", received + static_cast<double>(cut));
    client.send(bytes.substr(cut));
    expect_answers_in_order(bench, client);
    client.socket().close();
    bench.link.request("login.signout");
  }
}

TEST(WsPipeline, AFragmentedLoginAndTalkWithPingsBetweenAreAnsweredInOrder) {
  ChatBench bench{with_ws()};
  WsSocket client(Socket::connect(bench.gateway.ws_port()));
  std::string fragments = ws_fragments_of(login(token("alice")), 40);
  client.send(upgrade_request() + fragments + ws_frames_of(ping()) +
              ws_fragments_of(talk("bob", "hello", 2), 10));
  expect_answers_in_order(bench, client);
}

TEST(WsPipeline, AMebibyteBeforeTheLoginsAnswerIsAllAnsweredAfterIt) {
  Bench bench{with_ws({{"MaxLoginBacklogBytes", "16KiB"}, {"MaxQueuedBytes", "4MiB"}})};
  WsSocket client = WsSocket::open(bench.gateway.ws_port());
  client.send_packets(login(token("alice")));
  const Event request = bench.link.request("login.signin");
  const std::string one = ws_frames_of(ping());
  const std::size_t pings = 1024 * 1024 / one.size();
  std::string bytes;
  for (std::size_t i = 0; i < pings; ++i) bytes += one;
  std::size_t sent = client.socket().write_some(bytes);
  bench.gateway.wait_metric("ringgate_read_paused_total", 1);
  EXPECT_FALSE(client.has_next());
  bench.link.respond(request);
  EXPECT_TRUE(client.next().is_answer(1));
  for (std::size_t pongs = 0; pongs < pings; ++pongs) {
    if (sent < bytes.size())
      sent += client.socket().write_some(std::string_view(bytes).substr(sent));
    ASSERT_EQ(client.next().kind, Event::Kind::kPong);
  }
  EXPECT_EQ(sent, bytes.size());
}

// --- Time ---------------------------------------------------------------------------------------

TEST(WsLoginWait, HalfAnUpgradeThenSilenceIsClosed) {
  Bench bench{with_ws({{"LoginWait", "150ms"}})};
  WsSocket client(Socket::connect(bench.gateway.ws_port()));
  const std::string request = upgrade_request();
  client.send(request.substr(0, request.size() / 2));
  EXPECT_EQ(client.next().kind, Event::Kind::kEnd)
      << "without a word: no frame would be understood";
  bench.gateway.wait_metric("ringgate_closed_by_reason_total", 1, "login_timeout");
  bench.gateway.wait_metric_is("ringgate_clients", 0);
  EXPECT_EQ(bench.gateway.metric("ringgate_websockets"), 0);
}

TEST(WsLoginWait, AnUpgradeThatTricklesInDoesNotPutItOff) {
  Bench bench{with_ws({{"LoginWait", "150ms"}})};
  WsSocket client(Socket::connect(bench.gateway.ws_port()));
  client.send("GET / HTTP/1.1\r\nHost: gateway.test\r\nX-Slow: ");
  constexpr int kMostBytes = 7000;  // below the bound on the request's size
  int sent = 0;
  while (!client.has_next(2ms) && ++sent < kMostBytes) client.send("x");
  EXPECT_EQ(client.next().kind, Event::Kind::kEnd);
  bench.gateway.wait_metric("ringgate_closed_by_reason_total", 1, "login_timeout");
}

TEST(WsLoginWait, SilenceAfterTheUpgradeIsClosedWith1008) {
  Bench bench{with_ws({{"LoginWait", "150ms"}})};
  WsSocket client = WsSocket::open(bench.gateway.ws_port());
  expect_closed(client, WsCloseCode::kPolicyViolation, "login_timeout");
}

TEST(WsLoginWait, NeitherPacketPingsNorWebSocketPingsPutItOff) {
  Bench bench{with_ws({{"LoginWait", "150ms"}})};
  WsSocket client = WsSocket::open(bench.gateway.ws_port());
  Arrival arrival;
  do {
    client.send(ws_frames_of(ping()) + ws_frame(Opcode::kPing, "x"));
    arrival = client.next();
  } while (arrival.kind != Event::Kind::kClose);
  EXPECT_EQ(arrival.close_code, 1008);
  EXPECT_EQ(arrival.payload, "login_timeout");
}

TEST(WsLoginWait, HalfAFrameThenSilenceIsClosedWith1008) {
  Bench bench{with_ws({{"LoginWait", "150ms"}})};
  const std::string whole = ws_frames_of(login(token("alice")));
  WsSocket client = WsSocket::open(bench.gateway.ws_port());
  client.send(whole.substr(0, whole.size() / 2));
  expect_closed(client, WsCloseCode::kPolicyViolation, "login_timeout");
  EXPECT_FALSE(bench.link.has_next());
}

}  // namespace
}  // namespace ringgate::test
