// Consul's agent goes away and comes back while clients talk.
#include <gmock/gmock.h>

#include <csignal>
#include <cstdio>

#include "tests/integration/consul_traffic.h"

namespace ringgate::test {
namespace {

TEST(ConsulOutage, AnAgentThatIsStoppedAndStartedIsNotNoticedByClients) {
  ConsulBench bench(2, {{"AdultAfter", "1h"}});  // found again it would be young
  ConsulWorld& world = bench.world;
  Traffic traffic({bench.gateway.get()}, {.clients = 20, .pause = 10ms});
  traffic.wait_until_all_succeed();
  world.agent.stop();
  traffic.wait_until_all_succeed();
  world.agent.start();  // and knows nobody
  for (const char* const id : {"login01", "chat01", "chat02", "gateway01"}) {
    wait_until(std::string(id) + " is back", [&] { return world.agent.has(id); });
  }
  wait_until("the checks pass", [&] { return world.passing("chat") == "chat01 chat02"; });
  wait_until("login passes", [&] { return world.passing("login") == "login01"; });
  wait_until_up(*bench.gateway, {"login01", "chat01", "chat02"});
  traffic.wait_until_all_succeed();
  const Traffic::Record record = traffic.stop();
  expect_nothing_lost(record);
  EXPECT_EQ(record.refused(), 0u);
  EXPECT_EQ(record.pushes, record.succeeded());
  std::printf("%zu requests, all answered with success\n", record.answers.size());
}

TEST(ConsulOutage, WhileTheAgentIsAwayTheDeadAreOutAndAfterwardsTheNewAreIn) {
  ConsulBench bench(2);
  ConsulWorld& world = bench.world;
  Traffic traffic({bench.gateway.get()}, {.clients = 20, .pause = 10ms});
  const std::int64_t node_1 = traffic.wait_for_other_node({});
  const std::int64_t node_2 = traffic.wait_for_other_node({node_1});
  world.agent.kill();
  bench.chat(2).process().signal(SIGKILL);
  bench.chat(2).process().wait_exit();
  // Nobody but the link can have told the gateway.
  traffic.wait_until_all_succeed();
  const Settings chat_3 = world.settings("chat");
  const auto third = world.start("chat", "chat03", chat_3);
  traffic.wait_until_all_succeed();
  EXPECT_EQ(known_instances(*bench.gateway).count("chat03"), 0u);
  world.agent.start();
  wait_until_up(*bench.gateway, {"chat03"});
  traffic.wait_for_other_node({node_1, node_2});
  wait_until("chat02 is forgotten",
             [&] { return !known_instances(*bench.gateway).contains("chat02"); });
  wait_until_up(*bench.gateway, {"chat01", "chat03"});
  traffic.wait_until_all_succeed();
  const Traffic::Record record = traffic.stop(Traffic::Await::kAnswers);
  expect_nothing_lost(record);
  std::printf("%zu requests, %zu of them answered with 300\n", record.answers.size(),
              record.refused());
}

}  // namespace
}  // namespace ringgate::test
