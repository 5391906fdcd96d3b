// The played service in a Consul agent, where a real gateway finds it.
#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/benchmarks/played_service_world.h"
#include "tests/common/free_port.h"
#include "tests/control/discovery/consul/agent.h"

namespace ringgate::test {
namespace {

TEST(PlayedServiceInConsul, IsFoundByAGatewayAndLeavesWhenItStops) {
  ConsulAgent agent;
  bench::Options options;
  options.service.consul_url = agent.address();
  options.service.names = {"login", "chat"};
  bench::RunState state;
  const auto service = start_played(options, state);
  const std::string id = "ringbench-login-" + std::to_string(getpid());
  EXPECT_TRUE(agent.has(id));
  EXPECT_THAT(agent.get("/v1/agent/service/" + id).body, ::testing::HasSubstr("health_url"));

  World world;
  const Server gateway(world, "gateway", "g1",
                       {{"RegistryFile", ""}, {"ConsulURL", agent.address()}});
  wait_until("links", [&] { return service->links() == 2; });
  Client alice = log_in(gateway, "alice");
  Client bob = log_in(gateway, "bob");
  alice.send(talk("bob", "hello", 2));
  EXPECT_EQ(bob.next().parse<pkt::MessagePush>().body(), "hello");
  EXPECT_TRUE(alice.next().is_answer(2));
  service->stop();
  EXPECT_FALSE(agent.has(id));
}

TEST(PlayedServiceInConsul, WithoutAnAgentIsASentence) {
  bench::Options options;
  options.service.consul_url = "127.0.0.1:" + std::to_string(free_port());
  bench::RunState state;
  const auto service = bench::PlayedService::start(options, state);
  ASSERT_FALSE(service);
  EXPECT_THAT(service.error().message, ::testing::HasSubstr(options.service.consul_url));
}

TEST(PlayedServiceInConsul, WithAnAddressThatIsNoneIsASentence) {
  bench::Options options;
  options.service.consul_url = "ftp://consul";
  bench::RunState state;
  const auto service = bench::PlayedService::start(options, state);
  ASSERT_FALSE(service);
  EXPECT_THAT(service.error().message, ::testing::HasSubstr("ftp"));
}

}  // namespace
}  // namespace ringgate::test
