// A gateway that stands still (SIGSTOP stands for a suspended machine) for longer than its times:
// what came meanwhile is read before anyone is judged, and nobody who is there is turned away.
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

constexpr auto kStill = 3s;

void go_on(Server& gateway) {
  std::this_thread::sleep_for(kStill);  // nothing of it runs: there is no condition to wait for
  gateway.process().signal(SIGCONT);
}

Settings short_times() {
  return {{"Shards", "2"},
          {"IdleTimeout", "1s"},
          {"AnswerTimeout", "1s"},
          {"LoginWait", "1s"},
          {"LoginAnswerTimeout", "1s"}};
}

TEST(Stall, ClientsThatSpokeInItAreNotIdle) {
  Settings settings = short_times();
  settings["LinkReadTimeout"] = "1s";
  settings["LinkHeartbeat"] = "100ms";
  TalkBench bench(settings);
  std::vector<Client> clients;
  for (int i = 0; i < 150; ++i) {
    clients.push_back(log_in(bench.gateway, "account" + std::to_string(i)));
    // Nobody falls silent while the others log in.
    for (Client& client : clients) client.send(ping());
    for (Client& client : clients) ASSERT_EQ(client.next().kind, Event::Kind::kPong);
  }
  bench.gateway.process().freeze();
  for (Client& client : clients) client.send(ping());
  go_on(bench.gateway);
  for (Client& client : clients) {
    const Event event = client.next();
    ASSERT_EQ(event.kind, Event::Kind::kPong) << event;
  }
  EXPECT_EQ(bench.gateway.metric("ringgate_closed_by_reason_total", "idle_timeout"), 0)
      << "links are judged by the same time";
}

TEST(Stall, AnAnswerThatCameInItIsDelivered) {
  ChatBench bench(short_times());
  Client alice = bench.log_in("alice");
  alice.send(talk("bob", "hello", 2));
  const Event request = bench.chat_link.request("chat.user.talk");
  bench.gateway.process().freeze();
  bench.chat_link.respond(request);
  go_on(bench.gateway);
  const Event answer = alice.next();
  EXPECT_TRUE(answer.is_answer(2)) << answer;
  EXPECT_EQ(bench.gateway.metric("ringgate_answer_timeouts_total"), 0);
}

TEST(Stall, ALoginThatCameInItIsTaken) {
  Bench bench(short_times());
  FrameSocket client = bench.gateway.connect();
  bench.gateway.wait_metric_is("ringgate_clients", 1);
  bench.gateway.process().freeze();
  client.send(login(token("alice")));
  go_on(bench.gateway);
  answer_login(bench.link, "alice");
  EXPECT_TRUE(client.next().is_answer(1));
}

}  // namespace
}  // namespace ringgate::test
