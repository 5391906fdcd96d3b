// What becomes of watches and registrations when agents, leaders and permissions come and go.
#include <gmock/gmock.h>

#include <cstdlib>

#include "tests/control/discovery/consul/fixture.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;

constexpr const char* kNoWait = R"("performance":{"raft_multiplier":1,"rpc_hold_timeout":"10ms"})";

TEST(ConsulOutage, AnAgentThatIsRestartedGetsItsRegistrationsBackAndIsWatchedOn) {
  ConsulAgent agent;
  RegistryUnderTest chat(quick(agent.url()));
  RegistryUnderTest gateway(quick(agent.url()));
  chat.add(a_service("chat01"));
  gateway.subscribe("chat");
  ASSERT_TRUE(gateway.comes_to_know("chat", {"chat01"}));
  // A higher index than the restarted agent will have.
  for (std::uint16_t port = 100; port < 130; ++port) agent.add("other", "chat", port);
  ASSERT_TRUE(gateway.comes_to_know("chat", {"chat01", "other"}));
  // Told only now and then of so many; the last must not come as news after the outage.
  ASSERT_TRUE(becomes_true([&] { return gateway.last_told("chat").back().port == 129; }));

  const std::size_t told = gateway.times_told("chat");
  agent.kill();
  ASSERT_TRUE(gateway.comes_to_say("does not answer: Connection refused"));
  ASSERT_TRUE(chat.comes_to_say("does not answer: Connection refused"));
  EXPECT_THAT(gateway.problem(), HasSubstr(agent.url()));
  EXPECT_EQ(gateway.times_told("chat"), told) << "an outage is no news of services";
  EXPECT_EQ(gateway.call([](Registry& r) { return r.find("chat").value().size(); }), 2U);

  agent.start();  // it knows of nobody
  EXPECT_TRUE(gateway.comes_to_know("chat", {"chat01"}));
  EXPECT_TRUE(gateway.becomes_well());
  EXPECT_TRUE(chat.becomes_well());
  agent.add("chat02", "chat", 1);
  EXPECT_TRUE(gateway.comes_to_know("chat", {"chat01", "chat02"}));
  // Its first word after the outage may be half of what there is, and only that one.
  const std::vector<bool> partial = gateway.partial("chat");
  EXPECT_EQ(std::ranges::count(partial, true), 1);
  EXPECT_TRUE(partial[told]);
}

TEST(ConsulOutage, AnAgentThatIsNotThereAtTheStartIsWaitedFor) {
  ConsulAgent agent;
  agent.stop();
  RegistryUnderTest ours(quick(agent.url()));
  ours.subscribe("chat");
  ours.add(a_service("chat01"));
  ASSERT_TRUE(ours.comes_to_say("Connection refused"));
  EXPECT_EQ(ours.times_told("chat"), 0U);
  EXPECT_FALSE(ours.call([](Registry& registry) { return registry.is_registered("chat01"); }));
  agent.start();
  EXPECT_TRUE(ours.comes_to_know("chat", {"chat01"}));
  EXPECT_TRUE(ours.becomes_well());
}

TEST(ConsulOutage, AnAgentThatAnswersNothingIsAProblemAndBlocksNobody) {
  ConsulAgent agent;
  agent.add("chat01", "chat", 1);
  consul::Options options = quick(agent.url());
  options.wait = std::chrono::milliseconds(50);
  options.margin = options.request_timeout = std::chrono::milliseconds(100);
  RegistryUnderTest ours(options);
  ours.subscribe("chat");
  ASSERT_TRUE(ours.comes_to_know("chat", {"chat01"}));
  agent.pause();
  ASSERT_TRUE(ours.comes_to_say("does not answer in time"));
  EXPECT_EQ(ours.times_told("chat"), 1U);
  agent.resume();
  EXPECT_TRUE(ours.becomes_well());
}

TEST(ConsulOutage, AProcessDoesNotWaitForeverForAnAgentThatDoesNotAnswer) {
  ConsulAgent agent;
  RegistryUnderTest ours(quick(agent.url()));
  ours.add(a_service("gw01"));
  ASSERT_TRUE(becomes_true([&] { return agent.has("gw01"); }));
  agent.pause();
  ours.remove("gw01");
  ours.close();  // ends; ctest's limit would tell
  agent.resume();
}

// --- Permissions --------------------------------------------------------------------------------

// An agent that denies everything to those without a token, and the token that may everything.
struct LockedAgent {
  LockedAgent()
      : agent({.config = R"({"acl":{"enabled":true,"default_policy":"deny"}})", .wait = false}) {
    EXPECT_TRUE(becomes_true([&] {
      const std::string answer = agent.put("/v1/acl/bootstrap", "").body;
      const std::size_t at = answer.find(R"("SecretID":)");
      if (at == std::string::npos) return false;
      token = answer.substr(answer.find('"', at + 11) + 1, 36);
      return true;
    }));
  }
  ConsulAgent agent;
  std::string token;
};

TEST(ConsulPermission, WithoutATokenTheListIsEmptyAndRegisteringIsDenied) {
  const LockedAgent locked;
  consul::Options with_token = quick(locked.agent.url());
  with_token.token = locked.token;
  RegistryUnderTest chat(with_token);
  chat.subscribe("chat");
  chat.add(a_service("chat01"));
  ASSERT_TRUE(chat.comes_to_know("chat", {"chat01"}));
  EXPECT_EQ(chat.problem(), "");

  RegistryUnderTest stranger(quick(locked.agent.url()));
  stranger.subscribe("chat");
  stranger.add(a_service("chat02"));
  EXPECT_TRUE(stranger.comes_to_say("403: the token may not register service chat (chat02)"));
  EXPECT_THAT(stranger.problem(), HasSubstr("ConsulToken"));
  EXPECT_FALSE(locked.agent.has("chat02", locked.token));
}

TEST(ConsulPermission, ATokenThatConsulDoesNotKnowIsReplacedByTheNextOneInItsFile) {
  const LockedAgent locked;
  const TempDir folder;
  consul::Options options = quick(locked.agent.url());
  options.token_file = folder.write("token", "9f5b0d5c-0000-4000-8000-000000000000\n").string();
  RegistryUnderTest ours(options);
  ours.subscribe("chat");
  ASSERT_TRUE(ours.comes_to_say("403: the token may not read service chat"));
  EXPECT_EQ(ours.times_told("chat"), 0U) << "not to be allowed to see is no empty list";
  folder.write("token", locked.token + "\n");
  EXPECT_TRUE(ours.comes_to_know("chat", {}));
  EXPECT_TRUE(ours.becomes_well());
}

// --- TLS ----------------------------------------------------------------------------------------

TEST(ConsulTls, TheAgentIsTrustedByItsAuthorityOnly) {
  const TempDir folder;
  const std::string make = "cd " + folder.path().string() + " && " + consul_binary() +
                           " tls ca create >log && " + consul_binary() +
                           " tls cert create -server -dc dc1 >>log";
  ASSERT_EQ(std::system(make.c_str()), 0);
  const auto file = [&](const char* name) { return (folder.path() / name).string(); };
  const ConsulAgent agent({.config = R"({"cert_file":")" + file("dc1-server-consul-0.pem") +
                                     R"(","key_file":")" + file("dc1-server-consul-0-key.pem") +
                                     R"("})"});
  consul::Options options = quick("https://127.0.0.1:" + std::to_string(agent.https_port()));
  options.ca_file = file("consul-agent-ca.pem");
  RegistryUnderTest ours(options);
  ours.subscribe("chat");
  ours.add(a_service("chat01"));
  EXPECT_TRUE(ours.comes_to_know("chat", {"chat01"}));

  options.ca_file.clear();
  RegistryUnderTest stranger(options);
  stranger.subscribe("chat");
  EXPECT_TRUE(stranger.comes_to_say("cannot be trusted"));
  EXPECT_THAT(stranger.problem(), HasSubstr("ConsulCA"));
}

// --- Leaders ------------------------------------------------------------------------------------

TEST(ConsulLeader, WithoutOneTheKnownServicesStayInUse) {
  const std::string config = std::string("{") + kNoWait + "}";
  ConsulAgent first({.is_dev = false,
                     .arguments = {"-server", "-bootstrap-expect=3"},
                     .config = config,
                     .wait = false});
  const std::string join = "-retry-join=127.0.0.1:" + std::to_string(first.serf_port());
  const ConsulAgent::Options others{
      .is_dev = false,
      .arguments = {"-server", "-bootstrap-expect=3", join, "-retry-interval=1s"},
      .config = config,
      .wait = false};
  ConsulAgent second(others);
  ConsulAgent third(others);
  first.wait_for_leader();

  consul::Options options = quick(first.url());
  options.wait = std::chrono::milliseconds(200);
  RegistryUnderTest ours(options);
  ours.add(a_service("chat01"));
  ours.subscribe("chat");
  ASSERT_TRUE(ours.comes_to_know("chat", {"chat01"}));
  consul::Options stale = options;
  stale.stale = true;
  RegistryUnderTest content(stale);
  content.subscribe("chat");
  ASSERT_TRUE(content.comes_to_know("chat", {"chat01"}));

  const std::size_t told = ours.times_told("chat");
  second.kill();
  third.kill();
  ASSERT_TRUE(ours.comes_to_say("500: "));
  EXPECT_TRUE(ours.comes_to_say("No cluster leader"));
  EXPECT_TRUE(ours.comes_to_say("the known services stay in use"));
  EXPECT_TRUE(content.comes_to_say("has no leader: what it says may be old"));
  EXPECT_EQ(ours.times_told("chat"), told);
  EXPECT_EQ(content.last_told("chat").size(), 1U);

  second.start();
  third.start();
  EXPECT_TRUE(ours.becomes_well());
  // The new leader may be one that has not met the first again: it takes that one's services out
  // and, once they have met, in again. What comes of an empty list meanwhile is not the registry's.
  EXPECT_TRUE(ours.comes_to_know("chat", {"chat01"}));
}

}  // namespace
}  // namespace ringgate::test
