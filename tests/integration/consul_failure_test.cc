// Chats that die or are restarted under load.
#include <gmock/gmock.h>

#include <csignal>
#include <cstdio>
#include <set>

#include "tests/integration/consul_traffic.h"

namespace ringgate::test {
namespace {

double ms_between(SteadyClock::time_point from, SteadyClock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

// Requests that went to the dead one are the ones that are answered with 300: the latest of them
// tells when it was still selected.
void print_times(const Traffic::Record& record, SteadyClock::time_point killed) {
  SteadyClock::time_point last_sent = killed;
  SteadyClock::time_point last_answer = killed;
  std::size_t after = 0;
  for (const Traffic::Answer& answer : record.answers) {
    after += answer.sent_at >= killed;
    if (answer.status != pkt::SystemException) continue;
    last_sent = std::max(last_sent, answer.sent_at);
    last_answer = std::max(last_answer, answer.came_at);
  }
  std::printf("from SIGKILL to the last request sent its way: %.1f ms (target: < 50 ms)\n",
              ms_between(killed, last_sent));
  std::printf(
      "from SIGKILL to the last 300 at a client: %.1f ms; %zu of %zu requests since were "
      "answered with 300\n",
      ms_between(killed, last_answer), record.refused(), after);
}

TEST(ConsulFailure, AChatKilledUnderTheLoadOf1000ClientsIsOutAtOnce) {
  ConsulBench bench(2, {{"Shards", "2"}});
  Traffic traffic({bench.gateway.get()}, {.clients = 1000, .pause = 200ms});
  const std::int64_t node_1 = traffic.wait_for_other_node({});
  const std::int64_t node_2 = traffic.wait_for_other_node({node_1});
  traffic.wait_until_all_succeed();
  // From now on it cannot be the registry that tells.
  bench.world.agent.pause();
  const SteadyClock::time_point killed = SteadyClock::now();
  bench.chat(2).process().signal(SIGKILL);
  bench.chat(2).process().wait_exit();
  traffic.wait_until_all_succeed();
  EXPECT_FALSE(known_instances(*bench.gateway).at("chat02").is_up());
  EXPECT_TRUE(known_instances(*bench.gateway).at("chat01").is_up());
  const SteadyClock::time_point settled = SteadyClock::now();
  traffic.wait_until_all_succeed();
  const Traffic::Record record = traffic.stop(Traffic::Await::kAnswers);
  expect_nothing_lost(record);
  std::set<std::int64_t> nodes;
  for (const Traffic::Answer& answer : record.answers) {
    const bool is_after = answer.sent_at >= settled;
    if (answer.came_at < killed || is_after) {
      EXPECT_EQ(answer.status, pkt::Success);
    }
    if (is_after) nodes.insert(answer.node);
  }
  EXPECT_EQ(nodes.size(), 1u);
  EXPECT_TRUE(nodes.contains(node_1) || nodes.contains(node_2));
  print_times(record, killed);
}

TEST(ConsulFailure, ThreeChatsRestartedInTurnLoseNothing) {
  ConsulBench bench(3);
  const std::vector<std::string> ids = {"chat01", "chat02", "chat03"};
  Traffic traffic({bench.gateway.get()}, {.clients = 100, .pause = 50ms});
  traffic.wait_until_all_succeed();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::uint16_t old_port = bench.chats[i]->port();
    bench.chats[i]->process().signal(SIGTERM);
    EXPECT_EQ(bench.chats[i]->process().wait_exit(), 0);
    bench.chats[i] = bench.world.start("chat", ids[i]);
    ASSERT_NE(bench.chats[i]->port(), old_port);
    wait_until("the new address of " + ids[i], [&] {
      const KnownInstances known = known_instances(*bench.gateway);
      const auto at = known.find(ids[i]);
      return at != known.end() &&
             at->second.address == "127.0.0.1:" + std::to_string(bench.chats[i]->port());
    });
    wait_until_up(*bench.gateway, ids);
    traffic.wait_until_all_succeed();
  }
  const Traffic::Record record = traffic.stop();
  expect_nothing_lost(record);
  EXPECT_EQ(record.pushes, record.succeeded());
  std::printf("%zu requests, %zu of them answered with 300\n", record.answers.size(),
              record.refused());
}

}  // namespace
}  // namespace ringgate::test
