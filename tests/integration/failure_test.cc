// Services that die, hang and come back: clients hear of every request, and of nothing else.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/common/free_port.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

// A gateway, a login service, and an echo service whose port stays the same.
struct EchoBench {
  explicit EchoBench(const Settings& settings = {})
      : login(world, "login", "login01", {{"MemorySessions", "true"}}),
        echo_port(free_port()),
        gateway(world, "gateway", "g1", settings) {
    start_echo();
    gateway.wait_metric("ringgate_links", 2);
  }
  void start_echo() {
    if (echo) echo->process().wait_exit();  // the port is free when it is gone
    echo = std::make_unique<Server>(world, "echo", "echo01",
                                    Settings{{"Listen", "127.0.0.1:" + std::to_string(echo_port)}});
  }

  World world;
  Server login;
  std::uint16_t echo_port;
  Server gateway;
  std::unique_ptr<Server> echo;
};

std::string echo(std::uint32_t sequence) {
  return packet(header("echo.it", sequence), "body");
}

// Echoes until the service is there. Every answer is either the echo or 300.
void wait_for_echo(Client& client) {
  std::uint32_t sequence = 1'000'000;
  wait_until("the echo service is back", [&] {
    client.send(echo(++sequence));
    const Event answer = client.next();
    EXPECT_EQ(answer.header.sequence(), sequence);
    return answer.header.status() == pkt::Success;
  });
}

TEST(ServiceKilled, OutstandingRequestsAreAnswered300AtOnce) {
  EchoBench bench{{{"AnswerTimeout", "30s"}}};
  Client alice = log_in(bench.gateway, "alice");
  wait_for_echo(alice);
  bench.echo->process().freeze();  // so that it answers none of these
  constexpr std::uint32_t kRequests = 100;
  for (std::uint32_t i = 0; i < kRequests; ++i) alice.send(echo(50 + i));
  bench.gateway.wait_metric_is("ringgate_outstanding", kRequests);

  const auto killed = SteadyClock::now();
  bench.echo->process().signal(SIGKILL);
  for (std::uint32_t i = 0; i < kRequests; ++i) {
    const Event answer = alice.next();
    EXPECT_TRUE(answer.is_answer(50 + i, pkt::SystemException)) << answer;
  }
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - killed);
  RecordProperty("ms_until_all_were_answered", static_cast<int>(took.count()));
  std::printf("100 requests answered 300 within %d ms of SIGKILL\n",
              static_cast<int>(took.count()));
  EXPECT_LT(took, 5s) << "the link's end tells, not the answer's timeout";
  EXPECT_EQ(bench.gateway.metric("ringgate_answers_failed_by_link_total"), kRequests);
  EXPECT_EQ(bench.gateway.metric("ringgate_outstanding"), 0);

  // Others go on, and what nobody serves is answered.
  const Client bob = log_in(bench.gateway, "bob");
  alice.send(echo(7));
  EXPECT_TRUE(alice.next().is_answer(7, pkt::SystemException));
  bench.start_echo();
  wait_for_echo(alice);
}

TEST(ServiceKilled, InMidTrafficEveryRequestGetsExactlyOneAnswer) {
  EchoBench bench{{{"Shards", "2"}, {"MaxQueuedBytes", "4MiB"}}};
  auto [alice, bob] = log_in_on_two_shards(bench.gateway);
  wait_for_echo(alice);
  wait_for_echo(bob);
  constexpr std::uint32_t kRequests = 5000;
  std::string requests;
  for (std::uint32_t i = 1; i <= kRequests; ++i) requests += echo(i);
  std::thread sender([&, &to_alice = alice, &to_bob = bob] {
    to_alice.send(requests);
    to_bob.send(requests);
  });
  std::vector<int> answers(kRequests + 1);
  for (std::uint32_t i = 0; i < kRequests; ++i) {
    ++answers.at(alice.next().header.sequence());
    if (i == 100) bench.echo->process().signal(SIGKILL);
  }
  for (std::uint32_t i = 0; i < kRequests; ++i) ++answers.at(bob.next().header.sequence());
  sender.join();
  for (std::uint32_t i = 1; i <= kRequests; ++i) ASSERT_EQ(answers[i], 2) << i;
  bench.start_echo();
  wait_for_echo(alice);
  wait_for_echo(bob);
  bench.gateway.wait_metric_is("ringgate_channels", 2);
}

TEST(ServiceKilled, LoginsWorkAgainWhenTheLoginServiceIsBack) {
  const World world;
  const Settings settings = {{"MemorySessions", "true"},
                             {"Listen", "127.0.0.1:" + std::to_string(free_port())}};
  auto service = std::make_unique<Server>(world, "login", "login01", settings);
  const Server gateway(world, "gateway", "g1", {{"Shards", "2"}});
  Client alice = log_in(gateway, "alice");
  service->process().signal(SIGKILL);
  service->process().wait_exit();
  gateway.wait_metric_is("ringgate_links", 0);
  wait_until("not ready", [&] { return gateway.get("/ready").status == 503; });
  FrameSocket refused = gateway.connect();
  refused.send(login(token("bob")));
  EXPECT_TRUE(refused.next().is_answer(1, pkt::SystemException));
  service = std::make_unique<Server>(world, "login", "login01", settings);
  wait_until("ready again", [&] { return gateway.get("/ready").status == 200; });
  gateway.wait_metric("ringgate_links", 2);
  log_in(gateway, "bob");
  alice.send(ping());
  EXPECT_EQ(alice.next().kind, Event::Kind::kPong) << "who is logged in stays";
}

TEST(ServiceKilled, ALoginUnderWayIsAnswered300AndClosed) {
  Bench bench;
  FrameSocket client = bench.gateway.connect();
  client.send(login(token("alice"), 4));
  bench.link.request("login.signin");
  bench.link.frames().socket().reset();
  EXPECT_TRUE(client.next().is_answer(4, pkt::SystemException));
  EXPECT_EQ(client.next().payload, "no_login_service");
  EXPECT_EQ(client.next().kind, Event::Kind::kEnd);
}

TEST(AnswerTimeout, Answers300AndALateAnswerIsDroppedAndCounted) {
  ChatBench bench{{{"AnswerTimeout", "150ms"}}};
  Client alice = bench.log_in("alice");
  alice.send(talk("bob", "hello", 15));
  const Event request = bench.chat_link.request("chat.user.talk");
  const Event answer = alice.next();
  EXPECT_TRUE(answer.is_answer(15, pkt::SystemException)) << answer;
  EXPECT_EQ(answer.header.command(), "chat.user.talk");
  EXPECT_NE(answer.parse<pkt::ErrorResp>().message().find("outcome unknown"), std::string::npos);
  bench.chat_link.respond(request, "late");
  bench.chat_link.push("g1", alice.channel, "a push");
  EXPECT_EQ(alice.next().body, "a push") << "and not the late answer";
  EXPECT_EQ(bench.gateway.metric("ringgate_answers_late_total"), 1);
  EXPECT_EQ(bench.gateway.metric("ringgate_answer_timeouts_total"), 1);
}

TEST(AnswerTimeout, AnAnswerIsTakenOnce) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  alice.send(talk("bob", "hello", 15));
  const Event request = bench.chat_link.request("chat.user.talk");
  bench.chat_link.respond(request, "once");
  bench.chat_link.respond(request, "twice");
  bench.chat_link.push("g1", alice.channel, "a push");
  EXPECT_EQ(alice.next().body, "once");
  EXPECT_EQ(alice.next().body, "a push");
}

TEST(Bounds, AFullTableOfOutstandingRequestsIsAnswered300) {
  ChatBench bench{{{"MaxOutstanding", "2"}}};
  Client alice = bench.log_in("alice");
  for (std::uint32_t i = 2; i <= 4; ++i) alice.send(talk("bob", "hello", i));
  EXPECT_TRUE(alice.next().is_answer(4, pkt::SystemException));
  EXPECT_EQ(bench.gateway.metric("ringgate_outstanding_full_total"), 1);
  bench.chat_link.respond(bench.chat_link.request("chat.user.talk"));
  EXPECT_TRUE(alice.next().is_answer(2));
  alice.send(talk("bob", "hello", 5));
  bench.chat_link.respond(bench.chat_link.request("chat.user.talk"));
  EXPECT_TRUE(alice.next().is_answer(3));
  EXPECT_EQ(bench.chat_link.request("chat.user.talk").header.sequence(), 5U);
}

class FullLink : public testing::TestWithParam<const char*> {};

TEST_P(FullLink, IsAnswered300AndPingsGoOn) {
  ChatBench bench{{{"Shards", GetParam()}, {"MaxLinkQueuedBytes", "256KiB"}}};
  auto [alice, bob] = std::string_view(GetParam()) == "1"
                          ? std::pair(bench.log_in("alice"), bench.log_in("bob"))
                          : log_in_on_two_shards(bench.gateway, bench.link);
  const std::string text(32 * 1024, 'x');
  for (Client* const client : {&alice, &bob}) {
    Event event;
    for (std::uint32_t i = 2; event.kind != Event::Kind::kLogic; ++i) {  // nobody reads the link
      client->send(talk("bob", text, i));
      client->send(ping());
      event = client->next();
    }
    EXPECT_EQ(event.header.status(), pkt::SystemException);
  }
  EXPECT_GE(bench.gateway.metric("ringgate_link_queue_full_total"), 2);
  bench.log_in("carol");
}

INSTANTIATE_TEST_SUITE_P(Bounds, FullLink, testing::Values("1", "2"),
                         [](const auto& test) { return std::string("Shards") + test.param; });

}  // namespace
}  // namespace ringgate::test
