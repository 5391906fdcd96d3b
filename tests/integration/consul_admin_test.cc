// What operators see and do at the admin port, and what everybody reads at the probes when Consul
// does not let a process in.
#include <gmock/gmock.h>

#include <csignal>

#include "tests/common/free_port.h"
#include "tests/integration/command_run.h"
#include "tests/integration/consul_world.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

// Gateways that passing() has been seen for, and a client of the first.
struct TwoGateways : ConsulBench {
  std::unique_ptr<Server> second = world.start("gateway", "gateway02");
  Client alice = log_in(*gateway, "alice");
  std::string config = (world.files.folder().path() / "gateway02.yaml").string();

  TwoGateways() : ConsulBench(1) { wait_passing("gateway01 gateway02"); }
  void wait_passing(const std::string& ids) {
    wait_until(ids + " passing", [&] { return world.passing("tgateway") == ids; });
  }
  void set_maintenance(bool on) {
    ASSERT_EQ(world.agent
                  .put(std::string("/v1/agent/service/maintenance/gateway01?enable=") +
                           (on ? "true" : "false"),
                       "")
                  .status,
              200);
  }
};

TEST(ConsulAdmin, ServicesShowsWhatCannotBeReachedAndWhy) {
  const ConsulBench bench(1);
  const Server& gateway = *bench.gateway;
  bench.world.agent.add("chat99", "chat", free_port(), R"({"protocol":"tcp","zone":"zone_9"})");
  wait_until("the error", [&] {
    const KnownInstances known = known_instances(gateway);
    const auto at = known.find("chat99");
    return at != known.end() && !at->second.links.front().last_error.empty();
  });
  const KnownInstance lost = known_instances(gateway).at("chat99");
  EXPECT_EQ(lost.service, "chat");
  EXPECT_EQ(lost.zone, "zone_9");
  EXPECT_EQ(lost.state, "adult");
  EXPECT_NE(lost.links.front().state, "up");
  EXPECT_THAT(lost.links.front().last_error, HasSubstr("refused"));
  EXPECT_THAT(lost.links.front().last_error_at, MatchesRegex("20..-..-..T..:..:..\\.......Z"));
  const KnownInstance there = known_instances(gateway).at("chat01");
  EXPECT_EQ(there.state, "adult");
  EXPECT_TRUE(there.is_up());
  EXPECT_EQ(there.links.front().last_error, "");
  EXPECT_EQ(there.links.front().last_error_at, "");
  EXPECT_EQ(there.address, "127.0.0.1:" + std::to_string(bench.chats[0]->port()));

  // Clients are served by the one that is there.
  Client alice = log_in(gateway, "alice");
  for (int i = 0; i < 8; ++i) node_that_answers(alice);

  bench.world.agent.remove("chat99");
  wait_until("it is gone", [&] { return !known_instances(gateway).contains("chat99"); });
}

TEST(ConsulAdmin, ANewServiceIsYoungFirst) {
  const ConsulBench bench(1, {{"AdultAfter", "1h"}});
  EXPECT_EQ(known_instances(*bench.gateway).at("chat01").state, "adult") << "it was there at start";
  Client alice = log_in(*bench.gateway, "alice");
  const std::int64_t node_1 = node_that_answers(alice);
  const auto second = bench.world.start("chat", "chat02");
  wait_until("a link to chat02", [&] {
    const KnownInstances known = known_instances(*bench.gateway);
    return known.contains("chat02") && known.at("chat02").is_up();
  });
  EXPECT_EQ(known_instances(*bench.gateway).at("chat02").state, "young");
  for (const std::string account : {"ann", "ben", "cleo", "dan", "eve", "fay", "gus", "hal"}) {
    Client client = log_in(*bench.gateway, account);
    EXPECT_EQ(node_that_answers(client), node_1) << account;
  }
}

TEST(ConsulAdmin, ChannelsAreShownAndKickedAndTheProcessIsDrained) {
  const ConsulBench bench(1);
  const std::uint16_t admin = bench.gateway->monitor();
  Client alice = log_in(*bench.gateway, "alice");
  HttpAnswer shown = http_get(admin, "/channels?account=alice");
  EXPECT_EQ(shown.status, 200);
  EXPECT_THAT(shown.body, HasSubstr('"' + alice.channel + '"'));
  EXPECT_THAT(shown.body, HasSubstr(R"("transport": "tcp")"));
  EXPECT_THAT(http_get(admin, "/channels?account=bob").body, HasSubstr(R"("channels": [])"));
  EXPECT_EQ(http_get(admin, "/channels").status, 400);

  EXPECT_EQ(http_post(admin, "/kick?account=alice", {{"Origin", "https://evil.test"}}).status, 403);
  EXPECT_EQ(http_get(admin, "/kick?account=alice").status, 405);
  const HttpAnswer kicked = http_post(admin, "/kick?account=alice");
  EXPECT_EQ(kicked.status, 200);
  EXPECT_THAT(kicked.body, HasSubstr(alice.channel));
  EXPECT_EQ(alice.next().parse<pkt::KickoutNotify>().channelid(), alice.channel);
  EXPECT_EQ(alice.next().kind, Event::Kind::kClose);
  EXPECT_THAT(http_get(admin, "/channels?account=alice").body, HasSubstr(R"("channels": [])"));

  EXPECT_EQ(http_post(admin, "/drain", {{"Origin", "https://evil.test"}}).status, 403);
  EXPECT_EQ(http_post(admin, "/drain").status, 202);
  EXPECT_EQ(bench.gateway->process().wait_exit(), 0);
  EXPECT_FALSE(bench.world.agent.has("gateway01"));
}

TEST(ConsulAdmin, TraceAsksTheGatewaysThatConsulKnows) {
  TwoGateways bench;
  const Ended ended = run({"trace", "-c", bench.config, "--account", "alice", "--for", "0s"});
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr(" gateway01 kim #"));
  EXPECT_THAT(ended.output, HasSubstr("alice is logged in on 1 channel"));
  EXPECT_THAT(run({"trace", "-c", bench.config, "--account", "bob", "--for", "0s"}).output,
              HasSubstr("bob is not logged in on any of the 2 gateways that answer"));
}

TEST(ConsulAdmin, GatewaysThatDoNotPassAreNamedAsNotAsked) {
  TwoGateways bench;
  EXPECT_THAT(run({"trace", "-c", bench.config, "--account", "alice", "--for", "0s"}).output,
              Not(HasSubstr("not asked")));
  bench.set_maintenance(true);
  bench.wait_passing("gateway02");
  constexpr const char* kWhy = "is not asked: it is in maintenance mode in Consul";
  const Ended traced = run({"trace", "-c", bench.config, "--account", "alice", "--for", "0s"});
  EXPECT_THAT(traced.output,
              HasSubstr(std::string("gateway01 ") + kWhy + "; --gateway http://127.0.0.1:" +
                        std::to_string(bench.gateway->monitor()) + " asks it"));
  EXPECT_THAT(traced.output, HasSubstr("alice is not logged in on the 1 gateway that answers; of 1 "
                                       "gateway that does not say it is not known"));
  const Ended kicked = run({"kick", "-c", bench.config, "--account", "alice"});
  EXPECT_EQ(kicked.code, 1);
  EXPECT_THAT(kicked.output, HasSubstr(std::string("gateway01: ") + kWhy));
  EXPECT_THAT(kicked.output, HasSubstr("gateway02: 0 kicked"));
  EXPECT_EQ(run({"kick", "-c", bench.config, "--account", "alice", "--id", "gateway02"}).code, 0);

  bench.set_maintenance(false);
  bench.wait_passing("gateway01 gateway02");
  bench.second->process().freeze();
  bench.wait_passing("gateway01");
  EXPECT_THAT(run({"trace", "-c", bench.config, "--account", "alice", "--for", "0s"}).output,
              HasSubstr("gateway02 is not asked: its check in Consul is critical"));
}

// As one takes a gateway away: maintenance mode first, so that nobody new is sent to it.
TEST(ConsulAdmin, AGatewayInMaintenanceModeIsAskedWhereItIsNamed) {
  TwoGateways bench;
  bench.set_maintenance(true);
  bench.wait_passing("gateway02");
  EXPECT_THAT(run({"kick", "-c", bench.config, "--account", "bob"}).output,
              HasSubstr("gateway01: is not asked: it is in maintenance mode in Consul; --id "
                        "gateway01 asks it"));
  const Ended kicked = run({"kick", "-c", bench.config, "--account", "bob", "--id", "gateway01"});
  EXPECT_EQ(kicked.code, 0) << kicked.output;
  EXPECT_THAT(kicked.output, HasSubstr("gateway01: 0 kicked"));
  const Ended drained = run({"drain", "-c", bench.config, "--id", "gateway01"});
  EXPECT_EQ(drained.code, 0) << drained.output;
  EXPECT_TRUE(sends_away(bench.alice.next()));
  bench.alice.frames.socket().close();
  EXPECT_EQ(bench.gateway->process().wait_exit(), 0);
}

// TCP and WebSocket are two entries of one process, each with checks of its own.
TEST(ConsulAdmin, AGatewayWithTwoEntriesIsOne) {
  const ConsulBench bench(1, {{"Listen", R"(["127.0.0.1:0", "ws://127.0.0.1:0/"])"}});
  Client alice = log_in(*bench.gateway, "alice");
  const std::string config = (bench.world.files.folder().path() / "gateway01.yaml").string();
  wait_until("both are passing", [&] {
    return bench.world.passing("tgateway") == "gateway01" &&
           bench.world.passing("wgateway") == "gateway01-ws";
  });
  const std::string maintenance = "/v1/agent/service/maintenance/gateway01?enable=";
  ASSERT_EQ(bench.world.agent.put(maintenance + "true", "").status, 200);
  wait_until("one is passing", [&] { return bench.world.passing("tgateway").empty(); });
  EXPECT_THAT(run({"trace", "-c", config, "--account", "alice", "--for", "0s"}).output,
              AllOf(HasSubstr(" gateway01 kim #"), HasSubstr("alice is logged in on 1 channel"),
                    Not(HasSubstr("-ws")), Not(HasSubstr("not asked"))));
  EXPECT_EQ(run({"kick", "-c", config, "--account", "alice"}).output, "gateway01: 1 kicked\n");
  EXPECT_EQ(run({"kick", "-c", config, "--account", "alice", "--id", "gateway01"}).output,
            "gateway01: 0 kicked\n");

  ASSERT_EQ(bench.world.agent.put(maintenance + "false", "").status, 200);
  wait_until("both are passing again",
             [&] { return bench.world.passing("tgateway") == "gateway01"; });
  ProcessUnderTest trace(ProcessUnderTest::ringgate({"trace", "-c", config, "--account", "alice"}));
  trace.wait_for_line("alice is not logged in on the 1 gateway that answers");
  bench.gateway->process().signal(SIGKILL);
  trace.wait_for_line("gateway01 does not answer (");
  trace.wait_for_line("whether alice is logged in is not known: no gateway says");
  wait_until("Consul has seen it", [&] {
    return bench.world.passing("tgateway").empty() && bench.world.passing("wgateway").empty();
  });
  EXPECT_THAT(trace.output(), Not(HasSubstr("-ws")));
}

TEST(ConsulAdmin, ATokenIsAskedForWhereItIsSet) {
  const ConsulWorld world;
  const auto gateway =
      world.start("gateway", "gateway01", {{"AdminToken", "sesame-sesame-sesame"}});
  const std::uint16_t admin = gateway->monitor();
  EXPECT_EQ(http_get(admin, "/services").status, 401);
  EXPECT_EQ(http_get(admin, "/services", {{"Authorization", "Bearer sesame-sesame-sesam"}}).status,
            401);
  EXPECT_EQ(http_get(admin, "/services", {{"Authorization", "Bearer sesame-sesame-sesame"}}).status,
            200);
  EXPECT_EQ(http_post(admin, "/drain").status, 401);
  EXPECT_EQ(http_get(admin, "/health").status, 200) << "probes are for anyone";
  EXPECT_EQ(http_post(admin, "/drain", {{"Authorization", "Bearer sesame-sesame-sesame"}}).status,
            202);
  EXPECT_EQ(gateway->process().wait_exit(), 0);
}

TEST(ConsulAdmin, AnAdminPortForOtherMachinesTakesAToken) {
  const World world;
  ProcessUnderTest gateway(ProcessUnderTest::ringgate(
      {"gateway", "-c",
       world.config("gateway", "gateway01",
                    {{"AdminPort", std::to_string(free_port())}, {"AdminAddress", "0.0.0.0"}})}));
  EXPECT_EQ(gateway.wait_exit(), 2);
  EXPECT_THAT(gateway.whole_output(), HasSubstr("AdminToken"));
}

// --- Permissions
// ----------------------------------------------------------------------------------

TEST(ConsulPermission, ProcessesWithATokenMeetAndOneWithoutSaysWhyItIsNotReady) {
  const ConsulWorld world({.config =
                               R"({"acl":{"enabled":true,"default_policy":"deny",)"
                               R"("tokens":{"master":"11111111-2222-3333-4444-555555555555"}}})",
                           .wait = false});
  const Settings allowed = {{"ConsulToken", "11111111-2222-3333-4444-555555555555"}};
  const auto login = world.start("login", "login01", allowed);
  const auto gateway = world.start("gateway", "gateway01", allowed);
  wait_until_up(*gateway, {"login01"});
  EXPECT_EQ(gateway->get("/ready").status, 200);

  const auto stranger = world.start("gateway", "gateway02");
  wait_until("the reason", [&] {
    const Server::Reply ready = stranger->get("/ready");
    return ready.status == 503 && ready.body.find("ConsulToken") != std::string::npos;
  });
  EXPECT_EQ(stranger->get("/health").status, 200) << "it is not to be restarted for that";
  const auto chat = world.start("chat", "chat02");
  wait_until("the reason",
             [&] { return chat->get("/ready").body.find("ConsulToken") != std::string::npos; });
  EXPECT_FALSE(known_instances(*gateway).contains("chat02"));
}

}  // namespace
}  // namespace ringgate::test
