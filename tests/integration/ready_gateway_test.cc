// /ready of a gateway: what would stop a login, with a sentence, until it stops none any more.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <chrono>
#include <csignal>

#include "services/gateway/login_outcomes.h"
#include "tests/common/free_port.h"
#include "tests/integration/raw_service.h"
#include "tests/services/store/redis/server.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;

void wait_ready(const Server& server) {
  wait_until("ready", [&] { return server.get("/ready").status == 200; });
}

std::string wait_not_ready(const Server& server, const std::string& words) {
  Server::Reply reply;
  wait_until("/ready says " + words, [&] {
    reply = server.get("/ready");
    return reply.status == 503 && reply.body.find(words) != std::string::npos;
  });
  return reply.body;
}

// One login; whether it was answered with success.
bool try_login(const Server& gateway, const std::string& account) {
  FrameSocket client = gateway.connect();
  client.send(login(token(account)));
  const Event answer = client.next();
  return answer.kind == Event::Kind::kLogic && answer.is_answer(1);
}

std::size_t lines_with(Server& server, const std::string& words) {
  const std::string log = server.process().output();
  std::size_t lines = 0;
  for (std::size_t at = log.find(words); at != std::string::npos; at = log.find(words, at + 1)) {
    ++lines;
  }
  return lines;
}

struct TwoLogins {
  explicit TwoLogins(const Settings& settings)
      : first(world, "login", "login01", {{"MemorySessions", "true"}}),
        second(world, "login", "login02", {{"MemorySessions", "true"}}),
        gateway(world, "gateway", "g1", settings) {
    gateway.wait_metric("ringgate_links", 2);
    wait_ready(gateway);
  }
  World world;
  Server first;
  Server second;
  Server gateway;
};

// Logins whose share is the first one's fail until it is left out; then they all succeed.
TEST(GatewayReady, AHungLoginServiceIsLeftOutWhileAnotherAnswers) {
  TwoLogins bench{{{"EjectAfter", "1s"}, {"LoginAnswerTimeout", "3s"}, {"Shards", "2"}}};
  bench.first.process().freeze();
  int number = 0;
  const auto account = [&] { return "alice" + std::to_string(++number); };
  // Each shard has a link of its own to it, and judges for itself.
  wait_until("left out", [&] {
    static_cast<void>(try_login(bench.gateway, account()));
    return bench.gateway.metric("ringgate_ejections_total") >= 2;
  });
  EXPECT_EQ(bench.gateway.metric("ringgate_instances_ejected", R"(service="login")"), 1);
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(try_login(bench.gateway, account()));
  EXPECT_EQ(bench.gateway.get("/ready").status, 200) << "logins succeed";
  bench.gateway.process().wait_for_line("login01 (login) at 127.0.0.1:");
  EXPECT_THAT(bench.gateway.process().wait_for_line("says nothing"), HasSubstr("login01"));

  bench.first.process().signal(SIGCONT);
  bench.gateway.wait_metric_is("ringgate_instances_ejected", 0, R"(service="login")");
  const std::string end = bench.gateway.process().wait_for_line("over after ");
  EXPECT_THAT(end, HasSubstr("login01"));
  EXPECT_EQ(lines_with(bench.gateway, "says nothing"), 2U) << "when it began, when it was over";
  // For a moment it does not know which logins are old: services/logic/stall_watch.h.
  wait_until("all logins succeed", [&] {
    bool all = true;
    for (int i = 0; i < 20; ++i) all = try_login(bench.gateway, account()) && all;
    return all;
  });
}

TEST(GatewayReady, WhereNoLoginServiceAnswersItSaysWhich) {
  const World world;
  Server service(world, "login", "login01", {{"MemorySessions", "true"}});
  Server gateway(world, "gateway", "g1", {{"EjectAfter", "500ms"}, {"LoginAnswerTimeout", "2s"}});
  wait_ready(gateway);
  service.process().freeze();
  FrameSocket client = gateway.connect();
  client.send(login(token("alice")));
  EXPECT_THAT(wait_not_ready(gateway, "no login service answers"),
              HasSubstr("login01 at 127.0.0.1:" + std::to_string(service.port())));
  EXPECT_EQ(gateway.get("/health").status, 200);
  service.process().signal(SIGCONT);
  wait_ready(gateway);
  gateway.process().wait_for_line("over after ");
  EXPECT_EQ(lines_with(gateway, "no login service answers"), 2U);
  EXPECT_TRUE(try_login(gateway, "bob"));
}

TEST(GatewayReady, NoLoginServiceIsNamedWithWhatKeepsIt) {
  const World world;
  const Server gateway(world, "gateway", "g1");
  EXPECT_THAT(wait_not_ready(gateway, "no login service is connected"), HasSubstr("login"));
  Instance nobody;
  nobody.id = "login07";
  nobody.name = "login";
  nobody.protocol = "tcp";
  nobody.address = "127.0.0.1";
  nobody.port = free_port();
  world.add(nobody);
  EXPECT_THAT(wait_not_ready(gateway, "refused"), HasSubstr("login07 at 127.0.0.1:"));
}

// The store is the login service's: a gateway sees it in the answers only.
TEST(GatewayReady, LoginsThatAllFailAreSeenInTheirAnswers) {
  const World world;
  RedisServer redis;
  const std::string address = "127.0.0.1:" + std::to_string(redis.port());
  Server service(world, "login", "login01", {{"RedisAddrs", address}});
  Server gateway(world, "gateway", "g1");
  wait_ready(service);
  wait_ready(gateway);
  EXPECT_TRUE(try_login(gateway, "alice"));
  ASSERT_EQ(redis.ask({"CONFIG", "SET", "maxmemory", "1"}), "OK");
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(try_login(gateway, "alice"));
  gateway.wait_metric("ringgate_logins_failed_total", 20);
  EXPECT_EQ(gateway.get("/ready").status, 200) << "one account says nothing of the others";
  wait_until("not ready", [&] {
    EXPECT_FALSE(try_login(gateway, "bob"));
    return gateway.get("/ready").status == 503;
  });
  EXPECT_THAT(wait_not_ready(gateway, "every login fails"),
              HasSubstr("the store is not available"));
  ASSERT_EQ(redis.ask({"CONFIG", "SET", "maxmemory", "0"}), "OK");
  wait_until("logins work", [&] { return try_login(gateway, "carol"); });
  wait_ready(gateway);
  gateway.process().wait_for_line("over after ");
  EXPECT_EQ(lines_with(gateway, "every login fails"), 2U);
}

// Nobody is let in who could show it by a login: its services' roll calls do.
TEST(GatewayReady, IsSoonAgainWhenTheStoreIs) {
  const World world;
  RedisServer redis;
  const std::string address = "127.0.0.1:" + std::to_string(redis.port());
  Server service(world, "login", "login01", {{"RedisAddrs", address}});
  Server gateway(world, "gateway", "g1", {{"RollCallBeat", "1s"}});
  wait_ready(service);
  wait_ready(gateway);
  redis.pause();
  wait_until("not ready", [&] {
    EXPECT_FALSE(try_login(gateway, "alice"));
    EXPECT_FALSE(try_login(gateway, "bob"));
    return gateway.get("/ready").status == 503;
  });
  const auto last = std::chrono::steady_clock::now();
  redis.resume();
  wait_ready(gateway);
  EXPECT_LT(std::chrono::steady_clock::now() - last, LoginOutcomes::kForget);
}

// As after a break of the network: all of them come at the same moment.
TEST(GatewayReady, ThreeLoginsThatFailAtOnceAreSeen) {
  const World world;
  RawService service(world, "login01", "login");
  Server gateway(world, "gateway", "g1", {{"Shards", "1"}});
  Link link = service.accept();
  wait_ready(gateway);
  std::vector<FrameSocket> clients;
  std::vector<Event> requests;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(gateway.connect());
    clients.back().send(login(token("account" + std::to_string(i))));
    requests.push_back(link.request("login.signin"));
  }
  for (const Event& request : requests) link.respond(request, {}, pkt::SystemException);
  for (FrameSocket& client : clients)
    EXPECT_EQ(client.next().header.status(), pkt::SystemException);
  wait_not_ready(gateway, "every login fails");
}

TEST(GatewayReady, AFullGatewaySaysSoUntilThereIsRoom) {
  const World world;
  const Server service(world, "login", "login01", {{"MemorySessions", "true"}});
  Server gateway(world, "gateway", "g1", {{"MaxConnections", "20"}});
  wait_ready(gateway);
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(log_in(gateway, "alice" + std::to_string(i)));
  EXPECT_THAT(wait_not_ready(gateway, "no place is left for a client"),
              HasSubstr("20 are connected, MaxConnections is 20"));
  EXPECT_EQ(gateway.metric("ringgate_listeners_closed"), 1);
  EXPECT_EQ(gateway.get("/health").status, 200);
  clients.resize(10);
  wait_ready(gateway);
  EXPECT_THAT(gateway.process().wait_for_line("over after "), HasSubstr("no place is left"));
  EXPECT_EQ(lines_with(gateway, "no place is left"), 2U);
  EXPECT_TRUE(try_login(gateway, "bob"));
}

TEST(GatewayReady, OneFullShardIsNoReason) {
  const World world;
  const Server service(world, "login", "login01", {{"MemorySessions", "true"}});
  const Server gateway(world, "gateway", "g1", {{"MaxConnections", "10"}, {"Shards", "2"}});
  wait_ready(gateway);
  std::vector<Client> clients;
  while (gateway.metric("ringgate_clients", R"(shard="0")") < 10 &&
         gateway.metric("ringgate_clients", R"(shard="1")") < 10) {
    clients.push_back(log_in(gateway, "alice" + std::to_string(clients.size())));
  }
  gateway.wait_metric("ringgate_listeners_closed", 1);
  if (clients.size() == 20) return;  // both were filled at once, which hardly ever happens
  EXPECT_TRUE(try_login(gateway, "bob"));
  EXPECT_EQ(gateway.get("/ready").status, 200);
}

TEST(GatewayReady, WithoutADescriptorLeftItSaysSo) {
  const World world;
  const Server service(world, "login", "login01", {{"MemorySessions", "true"}});
  Server gateway(world, "gateway", "g1");
  wait_ready(gateway);
  rlimit before{};
  const pid_t pid = gateway.process().pid();
  ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, nullptr, &before), 0);
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, &none, nullptr), 0);
  gateway.process().wait_for_line("no file descriptor is left (the limit is 3)");
  ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, &before, nullptr), 0);
  EXPECT_THAT(gateway.process().wait_for_line("over after "), HasSubstr("no file descriptor"));
  wait_ready(gateway);
}

TEST(GatewayReady, ADrainingOneIsNot) {
  const World world;
  const Server service(world, "login", "login01", {{"MemorySessions", "true"}});
  Server gateway(world, "gateway", "g1", {{"DrainPace", "1"}});
  wait_ready(gateway);
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(log_in(gateway, "alice" + std::to_string(i)));
  gateway.process().signal(SIGTERM);
  wait_not_ready(gateway, "draining");
}

}  // namespace
}  // namespace ringgate::test
