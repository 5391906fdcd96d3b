// The monitor port: what probes and dashboards read; and the admin port, for operators only.
#include <gmock/gmock.h>

#include "tests/common/free_port.h"
#include "tests/integration/raw_service.h"
#include "tests/integration/ws_client.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// The answer to a request with this Host header, head and body.
std::string ask(std::uint16_t port, const std::string& path, const std::string& host) {
  Socket socket = Socket::connect(port);
  socket.write_all("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
  std::string text;
  while (socket.read_some(text)) {
  }
  return text;
}

std::string local(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

TEST(MonitorPort, IsReadyOnlyWhileALoginCouldSucceed) {
  const World world;
  const Server gateway(world, "gateway", "g1");
  EXPECT_EQ(gateway.get("/health").status, 200);
  EXPECT_EQ(gateway.get("/health").body, "ok");
  EXPECT_EQ(gateway.get("/ready").status, 503);
  EXPECT_THAT(gateway.get("/ready").body, HasSubstr("login"));
  {
    RawService login(world, "login01", "login");
    Link link = login.accept();
    wait_until("ready", [&] { return gateway.get("/ready").status == 200; });
    EXPECT_EQ(gateway.get("/ready").body, "ok");
  }
  wait_until("not ready", [&] { return gateway.get("/ready").status == 503; });
  EXPECT_EQ(gateway.get("/nonsense").status, 404);
}

TEST(MonitorPort, HasTheSeriesThatDashboardsRead) {
  ChatBench bench{{{"Zone", "zone_a"}}};
  Client alice = bench.log_in("alice");
  alice.send(talk("bob", "hello", 2));
  bench.chat_link.respond(bench.chat_link.request("chat.user.talk"));
  EXPECT_TRUE(alice.next().is_answer(2));
  const std::string who = R"(serviceId="g1",serviceName="tgateway")";
  const std::string what = who + R"(,command="chat.user.talk")";
  EXPECT_EQ(bench.gateway.metric("kim_channel_total", who), 1);
  EXPECT_EQ(bench.gateway.metric("kim_message_in_total", what), 1);
  EXPECT_GT(bench.gateway.metric("kim_message_in_flow_bytes", what), 0);
  EXPECT_GT(bench.gateway.metric("kim_message_out_flow_bytes", R"(command="chat.user.talk")"), 0);
  EXPECT_EQ(bench.gateway.metric("kim_message_in_total", who + R"(,command="login.signin")"), 1);
  EXPECT_GT(bench.gateway.metric("kim_message_in_flow_bytes", who + R"(,command="login.signin")"),
            0);
  EXPECT_EQ(bench.gateway.metric("kim_no_server_found_error_total"), 0);
  EXPECT_EQ(bench.gateway.metric("ringgate_logins_total"), 1);
  EXPECT_EQ(bench.gateway.metric("ringgate_answered_total"), 2);
  EXPECT_EQ(bench.gateway.metric("ringgate_links"), 2);
  EXPECT_EQ(bench.gateway.metric("ringgate_channels"), 1);
}

TEST(MonitorPort, TellsTheClientsOfItsTransportsApart) {
  ChatBench bench{with_ws()};
  Client alice = bench.log_in("alice");
  WsSocket bob = WsSocket::open(bench.gateway.ws_port());
  bob.send_packets(login(token("bob")));
  bench.link.respond(bench.link.request("login.signin"));
  ASSERT_TRUE(bob.next().is_answer(1));
  bob.send_packets(talk("alice", "hello", 2));
  bench.chat_link.respond(bench.chat_link.request("chat.user.talk"));
  EXPECT_TRUE(bob.next().is_answer(2));
  for (const std::string name : {"tgateway", "wgateway"}) {
    const std::string who = R"(serviceId="g1",serviceName=")" + name + R"(")";
    const double talks = name == "wgateway" ? 1 : 0;
    EXPECT_EQ(bench.gateway.metric("kim_channel_total", who), 1) << name;
    EXPECT_EQ(bench.gateway.metric("kim_message_in_total", who + R"(,command="login.signin")"), 1);
    EXPECT_EQ(bench.gateway.metric("kim_message_in_total", who + R"(,command="chat.user.talk")"),
              talks);
  }
  bob.socket().close();
  bench.gateway.wait_metric_is("kim_channel_total", 0, R"(serviceName="wgateway")");
  EXPECT_EQ(bench.gateway.metric("kim_channel_total", R"(serviceName="tgateway")"), 1);
}

TEST(MonitorPort, CountsWhatNoServerWasFoundForByTheZoneItWasLookedForIn) {
  const World world;
  const auto file = world.folder().write(
      "route.json", R"({"route_by": "app", "zones": [{"id": "zone_1", "weight": 1}, )"
                    R"({"id": "zone_2", "weight": 0}], )"
                    R"("whitelist": [{"key": "kim", "value": "zone_2"}]})");
  const Server gateway(
      world, "gateway", "g1",
      {{"Zone", "zone_1"}, {"Selectors", "{chat: route}"}, {"RouteFile", file.string()}});
  RawService login_service(world, "login01", "login");
  Link login_link = login_service.accept();
  wait_until("ready", [&] { return gateway.get("/ready").status == 200; });
  Client alice = log_in(gateway, login_link, "alice");
  alice.send(talk("bob", "hello", 2));
  EXPECT_TRUE(alice.next().is_answer(2, pkt::SystemException));
  const auto unserved = [&](const std::string& zone) {
    return gateway.metric("kim_no_server_found_error_total", "zone=\"" + zone + "\"");
  };
  EXPECT_EQ(unserved("zone_2"), 1);
  EXPECT_EQ(unserved("zone_1"), -1) << "the gateway's own zone has nothing to do with it";

  // One of another zone serves: that is counted apart.
  RawService chat(world, "chat01", "chat");
  Link chat_link = chat.accept();
  gateway.wait_metric("ringgate_links", 2);
  alice.send(talk("bob", "hello", 3));
  chat_link.respond(chat_link.request("chat.user.talk"));
  EXPECT_TRUE(alice.next().is_answer(3));
  EXPECT_EQ(unserved("zone_2"), 1);
  EXPECT_EQ(gateway.metric("ringgate_fallbacks_by_zone_total", R"(zone="zone_2")"), 1);
  EXPECT_EQ(gateway.metric("ringgate_zone_fallback_total"), 1);
}

TEST(MonitorPort, LabelsAreBoundedWhateverClientsSend) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  for (std::uint32_t i = 0; i < 50; ++i) {
    alice.send(packet(header("made.up\"\n" + std::to_string(i), i)));
    EXPECT_TRUE(alice.next().is_answer(i, pkt::SystemException));
  }
  const std::string metrics = bench.gateway.get("/metrics").body;
  EXPECT_THAT(metrics, Not(HasSubstr("made")));
  EXPECT_EQ(bench.gateway.metric("kim_message_in_total", R"(command="other")"), 50);
  EXPECT_EQ(bench.gateway.metric("kim_no_server_found_error_total"), 50);
}

TEST(MonitorPort, OfALogicServiceCountsItsLinks) {
  TalkBench bench;
  EXPECT_EQ(bench.chat.get("/health").status, 200);
  EXPECT_EQ(bench.chat.get("/ready").status, 200);
  bench.chat.wait_metric_is("ringgate_links", 1);
}

TEST(AdminPort, MayBeTheMonitorsAndThenHasBothKindsOfPages) {
  const World world;
  const std::uint16_t port = free_port();
  Server gateway(world, "gateway", "g1",
                 {{"MonitorPort", std::to_string(port)}, {"AdminPort", std::to_string(port)}});
  gateway.process().wait_for_line("admin http://" + local(port) + "/try");
  EXPECT_THAT(ask(port, "/try", local(port)), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask(port, "/try", "evil.example"), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(ask(port, "/health", "evil.example"), StartsWith("HTTP/1.1 200"));
}

TEST(AdminPort, IsApartFromTheMonitorOtherwise) {
  const World world;
  const std::uint16_t port = free_port();
  Server gateway(world, "gateway", "g1", {{"AdminPort", std::to_string(port)}});
  gateway.process().wait_for_line("admin http://" + local(port) + "/try");
  const std::string page = ask(port, "/try", local(port));
  EXPECT_THAT(page, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(page, HasSubstr("script-src 'sha256-"));
  EXPECT_THAT(page, HasSubstr("</html>"));
  EXPECT_THAT(ask(port, "/health", local(port)), StartsWith("HTTP/1.1 404"));
  EXPECT_EQ(gateway.get("/try").status, 404);
}

// Who is let in is for the owner of the secret to say, except where everybody knows it.
TEST(AdminPort, GivesTokensInDevelopmentOnly) {
  const World world;
  const std::uint16_t port = free_port();
  Server gateway(world, "gateway", "g1", {{"AdminPort", std::to_string(port)}});
  gateway.process().wait_for_line("admin http://");
  EXPECT_THAT(ask(port, "/try/token?account=alice", local(port)), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(ask(port, "/try/config.json", local(port)), HasSubstr("\"development\": false"));

  const Server dev(std::vector<std::string>{});
  const std::uint16_t own = dev.monitor();
  EXPECT_THAT(ask(own, "/try/token?account=alice", local(own)), HasSubstr("{\"token\": \"ey"));
  EXPECT_THAT(ask(own, "/try/token?account=a,b", local(own)), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(ask(own, "/try/token?account=alice", "evil.example"), StartsWith("HTTP/1.1 403"));
}

// 401 without it, else what /services says.
bool takes_token(std::uint16_t port, const std::string& token) {
  Socket socket = Socket::connect(port);
  socket.write_all("GET /services HTTP/1.1\r\nHost: " + local(port) + "\r\nAuthorization: Bearer " +
                   token + "\r\nConnection: close\r\n\r\n");
  std::string text;
  while (socket.read_some(text)) {
  }
  EXPECT_THAT(text, testing::AnyOf(StartsWith("HTTP/1.1 200"), StartsWith("HTTP/1.1 401")));
  return text.starts_with("HTTP/1.1 200");
}

// What is rotated once a month must not take a restart, nor stop other keys from being reloaded.
TEST(AdminPort, ItsTokenIsRotatedBySighup) {
  const World world;
  const std::uint16_t port = free_port();
  const std::string file = world.folder().write("admin-token", "the-first-of-two\n").string();
  Settings settings = {{"AdminPort", std::to_string(port)}, {"AdminTokenFile", file}};
  Server gateway(world, "gateway", "g1", settings);
  EXPECT_TRUE(takes_token(port, "the-first-of-two"));
  EXPECT_FALSE(takes_token(port, "the-second-of-two"));
  world.folder().write("admin-token", "the-second-of-two\n");
  settings["MonitorPort"] = std::to_string(gateway.monitor());
  settings["LogLevel"] = "debug";
  world.config("gateway", "g1", settings);
  gateway.process().signal(SIGHUP);
  gateway.process().wait_for_line("SIGHUP: AdminToken, LogLevel changed");
  EXPECT_TRUE(takes_token(port, "the-second-of-two"));
  world.folder().write("admin-token", "short\n");
  gateway.process().signal(SIGHUP);
  gateway.process().wait_for_line("nothing is reloaded: ");
  EXPECT_TRUE(takes_token(port, "the-second-of-two"));
  EXPECT_FALSE(takes_token(port, "the-first-of-two"));
}

TEST(AdminPort, ATakenOneIsOneLineThatNamesTheKey) {
  const World world;
  const Listener taken;
  ProcessUnderTest gateway(ProcessUnderTest::ringgate(
      {"gateway", "-c",
       world.config("gateway", "g1", {{"AdminPort", std::to_string(taken.port())}})}));
  EXPECT_EQ(gateway.wait_exit(), 1);
  EXPECT_THAT(gateway.whole_output(), HasSubstr(local(taken.port()) + " for AdminPort"));
}

}  // namespace
}  // namespace ringgate::test
