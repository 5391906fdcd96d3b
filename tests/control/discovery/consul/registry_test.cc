// Finding and registering services at a real agent.
#include <gmock/gmock.h>

#include <mutex>
#include <thread>

#include "control/base/local_address.h"
#include "tests/control/discovery/consul/fixture.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;

TEST(ConsulRegistry, WhatIsRegisteredIsFoundAsItWas) {
  const ConsulAgent agent;
  const HealthEndpoint health;
  RegistryUnderTest ours(quick(agent.url()));
  ours.subscribe("chat");
  EXPECT_TRUE(ours.comes_to_know("chat", {}));

  Instance service = a_service("chat01");
  service.address = "10.1.2.3";
  service.zone = "zone_a";
  service.tags = {"IDC:SH_ALI", "a \"quoted\" tag"};
  service.meta = {
      {"lanes", "1"}, {"domain", "ws://kim.example/\u00e9"}, {"health_url", health.url()}};
  ours.add(service);
  ASSERT_TRUE(ours.comes_to_know("chat", {"chat01"}));
  EXPECT_TRUE(ours.becomes_registered("chat01"));  // the agent's answer may come later
  EXPECT_EQ(ours.last_told("chat").front(), service);
  EXPECT_TRUE(ours.last_told("chat").front().lanes());
  EXPECT_EQ(ours.call([](Registry& registry) { return registry.find("chat").value(); }),
            std::vector<Instance>{service});
  EXPECT_EQ(ours.problem(), "");

  ours.remove("chat01");
  EXPECT_TRUE(ours.comes_to_know("chat", {}));
  EXPECT_FALSE(agent.has("chat01"));
}

TEST(ConsulRegistry, TheCheckIsTheOneOfTheContract) {
  const ConsulAgent agent;
  RegistryUnderTest ours([&] {
    consul::Options options = quick(agent.url());
    options.check_interval = std::chrono::seconds(10);
    return options;
  }());
  Instance service = a_service("gw01", "tgateway");
  service.meta["health_url"] = "http://127.0.0.1:1/health";
  ours.add(service);
  ASSERT_TRUE(becomes_true([&] { return agent.has("gw01"); }));
  const std::string checks = agent.get("/v1/agent/checks").body;
  EXPECT_THAT(checks, HasSubstr(R"("CheckID": "gw01_normal")"));
  EXPECT_THAT(checks, HasSubstr(R"("ServiceName": "tgateway")"));
  EXPECT_THAT(checks, HasSubstr(R"("Type": "http")"));
  EXPECT_THAT(agent.get("/v1/agent/service/gw01").body, HasSubstr(R"("protocol": "tcp")"));
}

TEST(ConsulRegistry, AnInstanceThatAppearsIsSeenByTheQuestionThatWaits) {
  const ConsulAgent agent;
  // A wait that is longer than this test is patient: only a question that is woken up can tell.
  RegistryUnderTest ours(quick("http://localhost:" + std::to_string(agent.port())));
  ours.subscribe("chat");
  ASSERT_TRUE(ours.comes_to_know("chat", {}));
  agent.add("chat02", "chat", 2);
  ASSERT_TRUE(ours.comes_to_know("chat", {"chat02"}));
  agent.add("chat01", "chat", 1);
  ASSERT_TRUE(ours.comes_to_know("chat", {"chat01", "chat02"}));
  agent.remove("chat02");
  ASSERT_TRUE(ours.comes_to_know("chat", {"chat01"}));
  agent.add("login01", "login", 3);  // wakes nobody who asked for chat
  agent.add("chat01", "chat", 4);    // at another address
  EXPECT_TRUE(becomes_true([&] { return ours.last_told("chat").front().port == 4; }));
}

TEST(ConsulRegistry, AnswersAreOnlyToldWhenTheListChanged) {
  const ConsulAgent agent;
  consul::Options options = quick(agent.url());
  options.wait = std::chrono::milliseconds(20);
  RegistryUnderTest ours(options);
  agent.add("chat01", "chat", 1);
  ours.subscribe("chat");
  ours.subscribe("other");
  ASSERT_TRUE(ours.comes_to_know("chat", {"chat01"}));
  ASSERT_TRUE(ours.comes_to_know("other", {}));
  const std::size_t told = ours.times_told("chat");
  // By the time that a later change is told, the questions about chat have been answered often.
  for (int i = 0; i < 10; ++i) {
    agent.add("other" + std::to_string(i), "other", 5);
    ASSERT_TRUE(becomes_true(
        [&] { return ours.last_told("other").size() == static_cast<std::size_t>(i + 1); }));
  }
  EXPECT_EQ(ours.times_told("chat"), told);
}

TEST(ConsulRegistry, OnlyInstancesWhoseCheckPasses) {
  const ConsulAgent agent;
  HealthEndpoint health;
  RegistryUnderTest ours(quick(agent.url()));
  ours.subscribe("chat");
  Instance service = a_service("chat01");
  service.meta["health_url"] = health.url();
  ours.add(service);
  ASSERT_TRUE(ours.comes_to_know("chat", {"chat01"}));
  health.be_well(false);
  ASSERT_TRUE(ours.comes_to_know("chat", {}));
  EXPECT_TRUE(agent.has("chat01"));
  health.be_well(true);
  EXPECT_TRUE(ours.comes_to_know("chat", {"chat01"}));
}

// Consul asks a new service's check at some time within the interval.
TEST(ConsulRegistry, AServiceThatAnswersIsUsedAtOnceAndAnotherOneIsNot) {
  const ConsulAgent agent;
  HealthEndpoint health;
  consul::Options options = quick(agent.url());
  options.check_interval = std::chrono::minutes(10);
  RegistryUnderTest ours(options);
  ours.subscribe("chat");
  Instance well = a_service("chat01");
  well.meta["health_url"] = health.url();
  ours.add(well);
  EXPECT_TRUE(ours.comes_to_know("chat", {"chat01"}));
  health.be_well(false);
  Instance sick = a_service("chat02");
  sick.meta["health_url"] = health.url();
  ours.add(sick);
  ASSERT_TRUE(becomes_true([&] { return agent.has("chat02"); }));
  EXPECT_THAT(agent.get("/v1/agent/health/service/id/chat02").body, HasSubstr("critical"));
  EXPECT_THAT(agent.get("/v1/agent/health/service/id/chat01").body, HasSubstr("passing"));
}

// --- Services that listen on all interfaces ------------------------------------------------------

TEST(ConsulRegistry, AllInterfacesAtALocalAgentAreItsNodesAddress) {
  const ConsulAgent agent;
  for (const std::string everywhere : {"", "0.0.0.0", "::"}) {
    RegistryUnderTest ours(quick(agent.url()));
    Instance service = a_service("chat01");
    service.address = everywhere;
    service.meta["health_url"] = "http://:1/health";
    ours.add(service);
    ASSERT_TRUE(becomes_true([&] { return agent.has("chat01"); })) << everywhere;
    const std::string body = agent.get("/v1/agent/service/chat01").body;
    EXPECT_THAT(body, HasSubstr(R"("Address": "")"));
    EXPECT_THAT(body, HasSubstr(R"("health_url": "http://127.0.0.1:1/health")"));
    // It is what we meant: it is not registered over and over, but again when it was lost.
    agent.remove("chat01");
    EXPECT_TRUE(becomes_true([&] { return agent.has("chat01"); }));
    ours.remove("chat01");
    ASSERT_TRUE(becomes_true([&] { return !agent.has("chat01"); }));
  }
}

TEST(ConsulRegistry, AllInterfacesAtAnAgentElsewhereAreTheAddressItIsReachedFrom) {
  const std::string own = machine_address(true);
  if (own == "127.0.0.1") GTEST_SKIP() << "this machine has no address but loopback";
  std::mutex mutex;
  std::string registered;
  httplib::Server agent;
  agent.Get("/v1/agent/service/chat01",
            [](const httplib::Request&, httplib::Response& response) { response.status = 404; });
  agent.Put("/v1/agent/service/register", [&](const httplib::Request& request, httplib::Response&) {
    const std::scoped_lock lock(mutex);
    registered = request.body;
  });
  const int port = agent.bind_to_any_port(own);
  std::thread thread([&] { agent.listen_after_bind(); });
  {
    RegistryUnderTest ours(quick("http://" + own + ":" + std::to_string(port)));
    Instance service = a_service("chat01");
    service.address = "";
    service.meta["health_url"] = "http://:1/health";
    ours.add(service);
    EXPECT_TRUE(becomes_true([&] {
      const std::scoped_lock lock(mutex);
      return !registered.empty();
    }));
  }
  agent.stop();
  thread.join();
  EXPECT_THAT(registered, HasSubstr(R"("Address": ")" + own + R"(")"));
  EXPECT_THAT(registered, HasSubstr("http://" + own + ":1/health"));
}

TEST(ConsulRegistry, AnInstanceWithoutAnAddressIsAtItsNode) {
  const ConsulAgent agent;
  agent.put("/v1/agent/service/register", R"({"ID":"chat01","Name":"chat","Port":9})");
  RegistryUnderTest ours(quick(agent.url()));
  ours.subscribe("chat");
  ASSERT_TRUE(ours.comes_to_know("chat", {"chat01"}));
  EXPECT_EQ(ours.last_told("chat").front(), a_service("chat01", "chat", 9));
}

TEST(ConsulRegistry, AnInstanceThatCannotBeUsedIsLeftOut) {
  const ConsulAgent agent;
  agent.add("chat01", "chat", 1);
  agent.add("no, id", "chat", 1);
  agent.add("no-port", "chat", 0);
  agent.add("other", "chat", 1, R"({"protocol":"quic"})");
  RegistryUnderTest ours(quick(agent.url()));
  ours.subscribe("chat");
  EXPECT_TRUE(ours.comes_to_know("chat", {"chat01"}));
  EXPECT_EQ(ours.problem(), "");
}

TEST(ConsulRegistry, OnlyInstancesWithTheTag) {
  const ConsulAgent agent;
  consul::Options options = quick(agent.url());
  options.tag = "IDC:SH & co";
  options.stale = true;
  options.datacenter = "dc1";
  RegistryUnderTest ours(options);
  ours.subscribe("chat");
  Instance tagged = a_service("chat01");
  tagged.tags = {"x", "IDC:SH & co"};
  ours.add(a_service("chat02"));
  ours.add(tagged);
  EXPECT_TRUE(ours.comes_to_know("chat", {"chat01"}));
  EXPECT_EQ(ours.problem(), "");
}

TEST(ConsulRegistry, ADatacenterThatIsNotThereIsAProblem) {
  const ConsulAgent agent;
  consul::Options options = quick(agent.url());
  options.datacenter = "mars";
  RegistryUnderTest ours(options);
  ours.subscribe("chat");
  EXPECT_TRUE(ours.comes_to_say("500"));
  EXPECT_EQ(ours.times_told("chat"), 0U);
}

TEST(ConsulRegistry, AWatcherMayEndItsSubscription) {
  const ConsulAgent agent;
  RegistryUnderTest ours(quick(agent.url()));
  int calls = 0;
  ours.call([&](Registry& registry) {
    EXPECT_TRUE(registry.subscribe("chat", [&](const std::vector<Instance>&) {
      ++calls;
      registry.unsubscribe("chat");
    }));
  });
  ASSERT_TRUE(ours.thread().eventually([&] { return calls == 1; }));
  ours.subscribe("chat");
  agent.add("chat01", "chat", 1);
  EXPECT_TRUE(ours.comes_to_know("chat", {"chat01"}));
  EXPECT_EQ(ours.thread().call([&] { return calls; }), 1);
}

TEST(ConsulRegistry, AProcessThatEndsIsGoneFromConsulWhenItHasEnded) {
  const ConsulAgent agent;
  RegistryUnderTest ours(quick(agent.url()));
  ours.add(a_service("gw01", "tgateway"));
  ours.add(a_service("gw01-ws", "wgateway"));
  ASSERT_TRUE(becomes_true([&] { return agent.has("gw01") && agent.has("gw01-ws"); }));
  ours.call([](Registry& registry) {
    EXPECT_TRUE(registry.deregister("gw01"));
    EXPECT_TRUE(registry.deregister("gw01-ws"));
  });
  ours.close();
  EXPECT_FALSE(agent.has("gw01"));
  EXPECT_FALSE(agent.has("gw01-ws"));
}

TEST(ConsulRegistry, AnEntryThatIsAnotherProcesssByNowIsLeftToIt) {
  const ConsulAgent agent;
  RegistryUnderTest registry(quick(agent.url()));
  Instance ours = a_service("chat01");
  ours.meta["started"] = "1000";
  registry.add(ours);
  ASSERT_TRUE(registry.thread().eventually([&] { return agent.has("chat01"); }));
  agent.add("chat01", "chat", 8102, R"({"protocol":"tcp","started":"2000"})");
  registry.remove("chat01");
  registry.close();
  EXPECT_TRUE(agent.has("chat01"));
}

TEST(ConsulRegistry, AnIdIsTakenWhileTheProcessThatHasItSaysSo) {
  const ConsulAgent agent;
  const HealthEndpoint lives("chat01 1000\n");
  agent.add("chat01", "chat", 8102,
            R"({"protocol":"tcp","started":"1000","health_url":")" + lives.url() + R"("})");
  RegistryUnderTest registry(quick(agent.url()));
  const auto claim = [&](const std::string& id, const std::string& started, bool takeover) {
    Instance ours = a_service(id);
    ours.meta["started"] = started;
    const Result<void> done =
        registry.call([&](Registry& inner) { return inner.claim(ours, takeover); });
    return done ? std::string() : done.error().message;
  };
  EXPECT_THAT(claim("chat01", "2000", false),
              testing::AllOf(testing::HasSubstr("127.0.0.1:8102"),
                             testing::HasSubstr("since 1970-01-01 00:00:01 UTC")));
  EXPECT_EQ(claim("chat01", "2000", true), "");
  EXPECT_EQ(claim("chat01", "1000", false), "") << "that is us";
  EXPECT_EQ(claim("chat02", "2000", false), "");
  // One that was killed stays in Consul; its port may be another's by now.
  agent.add("chat01", "chat", 8102,
            R"({"protocol":"tcp","started":"999","health_url":")" + lives.url() + R"("})");
  EXPECT_EQ(claim("chat01", "2000", false), "");
}

TEST(ConsulRegistry, ARegistrationUnderWayDoesNotOvertakeItsWithdrawal) {
  const ConsulAgent agent;
  for (int i = 0; i < 20; ++i) {
    RegistryUnderTest ours(quick(agent.url()));
    ours.call([](Registry& registry) {
      EXPECT_TRUE(registry.register_service(a_service("gw01", "tgateway")));
      EXPECT_TRUE(registry.deregister("gw01"));
    });
    if (i % 2 == 0) {
      EXPECT_TRUE(becomes_true([&] { return !agent.has("gw01"); }));
    }
    ours.close();
    EXPECT_FALSE(agent.has("gw01"));
  }
}

TEST(ConsulRegistry, WhatIsRegisteredAgainAfterItsWithdrawalIsThere) {
  const ConsulAgent agent;
  RegistryUnderTest ours(quick(agent.url()));
  ours.call([](Registry& registry) {
    EXPECT_TRUE(registry.register_service(a_service("gw01", "tgateway", 1)));
    EXPECT_TRUE(registry.deregister("gw01"));
    EXPECT_TRUE(registry.register_service(a_service("gw01", "tgateway", 2)));
    EXPECT_TRUE(registry.register_service(a_service("gw01", "tgateway", 3)));
  });
  EXPECT_TRUE(becomes_true([&] {
    return agent.get("/v1/agent/service/gw01").body.find(R"("Port": 3)") != std::string::npos;
  }));
}

TEST(ConsulRegistry, ARegistrationThatWasLostOrChangedComesBack) {
  const ConsulAgent agent;
  RegistryUnderTest ours(quick(agent.url()));
  const Instance service = a_service("gw01", "tgateway", 8001);
  ours.add(service);
  ASSERT_TRUE(becomes_true([&] { return agent.has("gw01"); }));
  agent.remove("gw01");
  EXPECT_TRUE(becomes_true([&] { return agent.has("gw01"); }));
  agent.add("gw01", "tgateway", 1);
  EXPECT_TRUE(becomes_true([&] {
    return agent.get("/v1/agent/service/gw01").body.find(R"("Port": 8001)") != std::string::npos;
  }));
}

TEST(ConsulRegistry, WhatCannotBeRegisteredIsAnErrorAtOnce) {
  RegistryUnderTest ours(quick("127.0.0.1:1"));
  ours.call([](Registry& registry) {
    EXPECT_FALSE(registry.register_service(a_service("a,b")));
    EXPECT_FALSE(registry.subscribe("a/../b", [](const auto&) {}));
    EXPECT_FALSE(registry.find("chat"));
    EXPECT_TRUE(registry.deregister("never there"));
  });
}

TEST(ConsulRegistry, FilesThatAreNotThereAreErrorsAtTheStart) {
  const auto loop = std::move(*ControlLoop::create());
  consul::Options options = quick("https://127.0.0.1:1");
  options.token_file = "/nowhere/token";
  auto opened = consul::Registry::open(*loop, options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().exit_code, 2);
  EXPECT_THAT(opened.error().message, HasSubstr("/nowhere/token"));
  options.token_file.clear();
  options.ca_file = "/nowhere/ca.pem";
  opened = consul::Registry::open(*loop, options);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("/nowhere/ca.pem"));
}

}  // namespace
}  // namespace ringgate::test
