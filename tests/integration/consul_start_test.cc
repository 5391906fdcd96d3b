// Processes that meet at Consul: who is registered there and how, in whatever order they start and
// end, and what clients of two gateways have of it.
#include <gmock/gmock.h>
#include <simdjson.h>

#include <csignal>

#include "tests/integration/command_run.h"
#include "tests/integration/consul_world.h"
#include "tests/integration/ws_client.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;

// What the agent has of a service, as text of its JSON by path; "" for what is not there.
class Registered {
 public:
  Registered(const ConsulAgent& agent, const std::string& id)
      : service_(parser_.parse(agent.get("/v1/agent/service/" + id).body)) {}
  [[nodiscard]] std::string text(std::string_view pointer) const {
    std::string_view value;
    return service_.at_pointer(pointer).get(value) == simdjson::SUCCESS ? std::string(value) : "";
  }
  [[nodiscard]] std::uint64_t number(std::string_view pointer) const {
    return service_.at_pointer(pointer);
  }

 private:
  simdjson::dom::parser parser_;
  simdjson::dom::element service_;
};

// Everybody is there: they log in, talk and have echoes.
void expect_service(const Server& gateway) {
  Client alice = log_in(gateway, "alice");
  Client bob = log_in(gateway, "bob");
  alice.send(talk("bob", "hello", 2));
  EXPECT_TRUE(alice.next().is_answer(2));
  EXPECT_EQ(bob.next().parse<pkt::MessagePush>().body(), "hello");
  alice.send(packet(header("echo.anything", 3), "and back"));
  const Event echo = alice.next();
  EXPECT_TRUE(echo.is_answer(3));
  EXPECT_EQ(echo.body, "and back");
}

void expect_registered(const ConsulWorld& world, const Server& server, const std::string& id,
                       const std::string& name, const std::string& protocol, std::uint16_t port) {
  const Registered registered(world.agent, id);
  const std::string health = "127.0.0.1:" + std::to_string(server.monitor()) + "/health";
  EXPECT_EQ(registered.text("/ID"), id);
  EXPECT_EQ(registered.text("/Service"), name);
  EXPECT_EQ(registered.text("/Address"), "127.0.0.1");
  EXPECT_EQ(registered.number("/Port"), port);
  EXPECT_EQ(registered.text("/Meta/protocol"), protocol);
  EXPECT_EQ(registered.text("/Meta/health_url"), "http://" + health);
  EXPECT_NE(registered.text("/Meta/started"), "");
  wait_until("the check of " + id, [&] { return world.passing(name) == id; });
  // It begins as passing, and what the agent sees later is in the catalogue minutes later.
  std::string output;
  wait_until("the agent's own look at " + id, [&] {
    simdjson::dom::parser parser;
    const std::string checks = world.agent.get("/v1/agent/checks").body;
    std::string_view text;
    const auto found = parser.parse(checks).at_pointer("/" + id + "_normal/Output").get(text);
    output = found == simdjson::SUCCESS ? text : std::string_view();
    return !output.empty();
  });
  EXPECT_THAT(output, HasSubstr("200 OK Output: ok"));
}

TEST(ConsulStart, GatewayFirst) {
  const ConsulWorld world;
  const auto gateway =
      world.start("gateway", "gateway01", with_ws({{"Domain", "wss://chat.test"}}));
  EXPECT_EQ(gateway->get("/ready").status, 503);
  const auto login = world.start("login", "login01");
  const auto chat = world.start("chat", "chat01", {{"Zone", "zone_1"}, {"Tags", "[IDC:SH]"}});
  const auto echo = world.start("echo", "echo01");
  wait_until_up(*gateway, {"login01", "chat01", "echo01"});
  EXPECT_EQ(gateway->get("/ready").status, 200);
  expect_service(*gateway);

  expect_registered(world, *gateway, "gateway01", "tgateway", "tcp", gateway->port());
  expect_registered(world, *gateway, "gateway01-ws", "wgateway", "ws", gateway->ws_port());
  expect_registered(world, *login, "login01", "login", "tcp", login->port());
  expect_registered(world, *chat, "chat01", "chat", "tcp", chat->port());
  expect_registered(world, *echo, "echo01", "echo", "tcp", echo->port());
  EXPECT_EQ(Registered(world.agent, "gateway01").text("/Meta/domain"), "wss://chat.test");
  EXPECT_EQ(Registered(world.agent, "chat01").text("/Meta/zone"), "zone_1");
  EXPECT_EQ(Registered(world.agent, "chat01").text("/Tags/0"), "IDC:SH");
}

TEST(ConsulStart, ServicesFirst) {
  const ConsulWorld world;
  const auto login = world.start("login", "login01");
  const auto chat = world.start("chat", "chat01");
  const auto echo = world.start("echo", "echo01");
  for (const std::string name : {"login", "chat", "echo"}) {
    wait_until(name + " passes", [&] { return world.passing(name) == name + "01"; });
  }
  const auto gateway = world.start("gateway", "gateway01");
  wait_until_up(*gateway, {"login01", "chat01", "echo01"});
  expect_service(*gateway);
}

TEST(ConsulStart, ProcessesThatEndDeregisterFirst) {
  const ConsulWorld world;
  const auto login_1 = world.start("login", "login01");
  const auto login_2 = world.start("login", "login02");
  const auto chat_1 = world.start("chat", "chat01");
  const auto chat_2 = world.start("chat", "chat02");
  const auto gateway = world.start("gateway", "gateway01", with_ws());
  wait_until_up(*gateway, {"login01", "login02", "chat01", "chat02"});
  wait_until("gateways", [&] { return world.agent.has("gateway01-ws"); });

  // A gateway that does not close its links keeps the others from ending.
  gateway->process().freeze();
  for (const auto& [server, id] :
       {std::pair(login_1.get(), "login01"), std::pair(chat_1.get(), "chat01")}) {
    server->process().signal(SIGTERM);
    wait_until(std::string(id) + " is deregistered", [&] { return !world.agent.has(id); });
    EXPECT_THAT(server->get("/ready").body, HasSubstr("draining")) << "it is still there";
  }
  gateway->process().signal(SIGCONT);
  for (Server* const server : {login_1.get(), chat_1.get()}) {
    EXPECT_EQ(server->process().wait_exit(), 0);
  }
  // The gateway goes on with the others, until it ends itself.
  log_in(*gateway, "alice");
  for (Server* const server : {gateway.get(), login_2.get(), chat_2.get()}) {
    server->process().signal(SIGTERM);
    EXPECT_EQ(server->process().wait_exit(), 0);
  }
  EXPECT_THAT(world.agent.get("/v1/agent/services").body, testing::StartsWith("{}"));
}

// Consul believes one that was killed to pass until its next check, and that keeps nobody out.
TEST(ConsulStart, ASecondProcessOfOneIdIsRefusedAndOneAfterAKillIsNot) {
  const ConsulWorld world;
  const auto first = world.start("gateway", "twin01");
  wait_until("it passes", [&] { return world.passing("tgateway") == "twin01"; });
  const std::string file = world.files.config("gateway", "twin01", world.settings("gateway"));
  const Ended second = run({"gateway", "-c", file});
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(
      second.output,
      HasSubstr("ringgate: ServiceID twin01 is that of another living process, at 127.0.0.1:" +
                std::to_string(first->port())));
  EXPECT_EQ(world.passing("tgateway"), "twin01") << "and it has taken nothing out";
  first->process().signal(SIGKILL);
  first->process().wait_exit();
  const auto again = world.start("gateway", "twin01");
  EXPECT_EQ(again->get("/health").status, 200);
}

TEST(ConsulStart, ClientsOfTwoGatewaysTalkAndEndEachOthersSessions) {
  const ConsulWorld world;
  const auto login = world.start("login", "login01");
  const auto chat_1 = world.start("chat", "chat01");
  const auto chat_2 = world.start("chat", "chat02");
  const auto one = world.start("gateway", "gateway01", with_ws());
  const auto two = world.start("gateway", "gateway02", with_ws());
  for (const Server* const gateway : {one.get(), two.get()}) {
    wait_until_up(*gateway, {"login01", "chat01", "chat02"});
  }
  AnyClient alice = log_in(*one, "alice", Transport::kTcp);
  AnyClient bob = log_in(*two, "bob", Transport::kWebSocket);
  alice.send(talk("bob", "across", 2));
  EXPECT_TRUE(alice.next().is_answer(2));
  EXPECT_EQ(bob.next().parse<pkt::MessagePush>().body(), "across");
  bob.send(talk("alice", "and back", 3));
  EXPECT_TRUE(bob.next().is_answer(3));
  EXPECT_EQ(alice.next().parse<pkt::MessagePush>().body(), "and back");

  AnyClient again = log_in(*one, "bob", Transport::kTcp);
  EXPECT_EQ(bob.next().parse<pkt::KickoutNotify>().channelid(), bob.channel);
  EXPECT_EQ(bob.next().kind, Event::Kind::kClose);
  alice.send(talk("bob", "moved", 4));
  EXPECT_TRUE(alice.next().is_answer(4));
  EXPECT_EQ(again.next().parse<pkt::MessagePush>().body(), "moved");
}

}  // namespace
}  // namespace ringgate::test
