// Any number of listeners of both kinds in one gateway: announced, registered, and never dialled.
#include <gmock/gmock.h>

#include <csignal>

#include "control/discovery/file_store.h"
#include "tests/integration/command_run.h"
#include "tests/integration/ws_client.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;

std::map<std::string, Instance> registered(const World& world) {
  std::map<std::string, Instance> services;
  const auto stored = read_services(world.registry_file());
  if (!stored || !*stored) return services;
  for (const Instance& service : (*stored)->services) services.emplace(service.id, service);
  return services;
}

constexpr const char* kFour =
    R"(["127.0.0.1:0", "ws://127.0.0.1:0/", "127.0.0.1:0", "ws://127.0.0.1:0/two"])";

TEST(Listeners, TwoOfEachKindAllServeTheSameChannels) {
  ChatBench bench{{{"Listen", kFour}, {"Shards", "2"}}};
  ASSERT_EQ(bench.gateway.tcp_ports().size(), 2U);
  ASSERT_EQ(bench.gateway.ws_ports().size(), 2U);
  const std::string output = bench.gateway.process().output();
  for (const std::uint16_t port : bench.gateway.tcp_ports()) {
    EXPECT_THAT(output, HasSubstr("listening tcp 127.0.0.1:" + std::to_string(port) + "\n"));
  }
  for (const std::uint16_t port : bench.gateway.ws_ports()) {
    EXPECT_THAT(output, HasSubstr("listening ws 127.0.0.1:" + std::to_string(port) + "\n"));
  }

  std::vector<FrameSocket> tcp;
  for (const std::uint16_t port : bench.gateway.tcp_ports())
    tcp.emplace_back(Socket::connect(port));
  std::vector<WsSocket> ws;
  ws.push_back(WsSocket::open(bench.gateway.ws_ports()[0]));
  ws.push_back(WsSocket::open(bench.gateway.ws_ports()[1], {}, "/two"));
  std::string channels;
  const auto take_login = [&] {
    const Event request = bench.link.request("login.signin");
    bench.link.respond(request);
    channels += (channels.empty() ? "" : ",") + request.header.channelid();
  };
  for (FrameSocket& client : tcp) {
    client.send(login(token("alice")));
    take_login();
    EXPECT_TRUE(client.next().is_answer(1));
  }
  for (WsSocket& client : ws) {
    client.send_packets(login(token("bob")));
    take_login();
    EXPECT_TRUE(client.next().is_answer(1));
  }
  bench.chat_link.push("g1", channels, "to all");
  for (FrameSocket& client : tcp) EXPECT_EQ(client.next().body, "to all");
  for (WsSocket& client : ws) EXPECT_EQ(client.next().body, "to all");
  WsSocket wrong(Socket::connect(bench.gateway.ws_ports()[1]));
  EXPECT_EQ(wrong.upgrade().status, 404) << "each has its own path";
}

TEST(Listeners, AreRegisteredOncePerKindAndGoneAfterSigterm) {
  Bench bench{{{"Listen", kFour}, {"Domain", "ws://chat.example.com"}}};
  wait_until("registered", [&] { return registered(bench.world).contains("g1-ws"); });
  std::map<std::string, Instance> services = registered(bench.world);
  EXPECT_EQ(services.size(), 3U) << "the login service and one for each kind";
  EXPECT_EQ(services.at("g1").name, "tgateway");
  EXPECT_EQ(services.at("g1").protocol, "tcp");
  EXPECT_EQ(services.at("g1").address, "127.0.0.1");
  EXPECT_EQ(services.at("g1").port, bench.gateway.tcp_ports()[0]);
  EXPECT_EQ(services.at("g1-ws").name, "wgateway");
  EXPECT_EQ(services.at("g1-ws").protocol, "ws");
  EXPECT_EQ(services.at("g1-ws").address, "127.0.0.1");
  EXPECT_EQ(services.at("g1-ws").port, bench.gateway.ws_ports()[0]);
  EXPECT_EQ(services.at("g1-ws").meta.at("domain"), "ws://chat.example.com");

  bench.gateway.process().signal(SIGTERM);
  EXPECT_EQ(bench.gateway.process().wait_exit(), 0);
  services = registered(bench.world);
  EXPECT_EQ(services.size(), 1U);
  EXPECT_TRUE(services.contains("login01")) << "only its own entries are removed";
}

TEST(Listeners, AWebSocketOneAloneIsRegisteredUnderTheServiceIdItself) {
  Bench bench{{{"Listen", "\"ws://127.0.0.1:0/\""}}};
  EXPECT_TRUE(bench.gateway.tcp_ports().empty());
  wait_until("registered", [&] { return registered(bench.world).contains("g1"); });
  const std::map<std::string, Instance> services = registered(bench.world);
  EXPECT_EQ(services.size(), 2U);
  EXPECT_EQ(services.at("g1").name, "wgateway");
  EXPECT_EQ(services.at("g1").protocol, "ws");
  EXPECT_EQ(services.at("g1").port, bench.gateway.ws_port());
  log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
}

// The ws ones are there first, so that each would be dialled before the tcp one that is.
TEST(Listeners, NoServiceOfProtocolWsIsEverDialled) {
  const World world;
  Listener not_for_us;
  const auto add = [&](const std::string& id, const std::string& name, std::uint16_t port) {
    Instance service;
    service.id = id;
    service.name = name;
    service.address = "127.0.0.1";
    service.port = port;
    service.protocol = "ws";
    world.add(service);
  };
  add("login00", "login", not_for_us.port());
  add("chat00", "chat", not_for_us.port());
  add("g0-ws", "wgateway", not_for_us.port());
  Server gateway(world, "gateway", "g1", with_ws());
  RawService login(world, "login01", "login");
  Link link = login.accept();
  add("login02", "login", not_for_us.port());
  RawService chat(world, "chat01", "chat");
  Link chat_link = chat.accept();
  gateway.wait_metric("ringgate_links", 2);
  AnyClient alice = log_in(gateway, link, "alice", Transport::kWebSocket);
  for (std::uint32_t i = 2; i < 20; ++i) {
    alice.send(talk("bob", "hello", i));
    chat_link.respond(chat_link.request("chat.user.talk"));
    EXPECT_TRUE(alice.next().is_answer(i));
  }
  EXPECT_FALSE(not_for_us.somebody_waits());
  EXPECT_EQ(gateway.metric("ringgate_links"), 2);
}

// --- Errors -------------------------------------------------------------------------------------

TEST(Listeners, ATakenWebSocketPortIsOneLineWithThePortAndCode1) {
  const World world;
  const Listener taken;
  const std::string port = std::to_string(taken.port());
  const Ended ended =
      run({"gateway", "-c",
           world.config("gateway", "x1",
                        {{"Listen", R"(["127.0.0.1:0", "ws://127.0.0.1:)" + port + "/\"]"}})});
  EXPECT_EQ(ended.code, 1);
  expect_one_line(ended);
  EXPECT_THAT(ended.output, HasSubstr(port));
  EXPECT_TRUE(registered(world).empty());
}

TEST(Listeners, AWebSocketPortTakenByAnotherGatewayIsNoticed) {
  const World world;
  const Server first(world, "gateway", "g1", with_ws());
  const std::string port = std::to_string(first.ws_port());
  const Ended ended =
      run({"gateway", "-c",
           world.config("gateway", "g2", {{"Listen", "\"ws://127.0.0.1:" + port + "/\""}})});
  EXPECT_EQ(ended.code, 1) << "SO_REUSEPORT would have bound it in silence";
  EXPECT_THAT(ended.output, HasSubstr(port));
}

class BadListens : public testing::TestWithParam<BadConfig> {};

TEST_P(BadListens, AreOneLineAndCode2) {
  expect_refused(GetParam());
}

const BadConfig kBadListens[] = {
    {"Tls", "gateway", {{"Listen", "\"wss://127.0.0.1:0/\""}}, {"Listen", "TlsCert is missing"}},
    {"Scheme", "gateway", {{"Listen", "\"http://127.0.0.1:0/\""}}, {"Listen", "http", "ws"}},
    {"Port", "gateway", {{"Listen", "\"ws://127.0.0.1:99999/\""}}, {"Listen", "99999"}},
    {"NoHostNoPort", "gateway", {{"Listen", "\"ws:///chat\""}}, {"Listen", "ws://HOST:PORT"}},
    {"Query", "gateway", {{"Listen", "\"ws://127.0.0.1:0/?a=b\""}}, {"Listen", "?"}},
    {"Twice",
     "gateway",
     {{"Listen", R"(["127.0.0.1:8001", "ws://127.0.0.1:8001/"])"}},
     {"Listen", "127.0.0.1:8001", "twice"}},
    {"Empty", "gateway", {{"Listen", "[]"}}, {"Listen", "empty"}},
    {"OfAService", "echo", {{"Listen", "\"ws://127.0.0.1:0/\""}}, {"Listen", "TCP"}},
    {"TwoOfAService", "echo", {{"Listen", "[\"127.0.0.1:0\", \"127.0.0.1:0\"]"}}, {"Listen"}},
    {"Origin", "gateway", {{"AllowedOrigins", "[chat.example.com]"}}, {"AllowedOrigins", "://"}},
    {"OriginWithPath",
     "gateway",
     {{"AllowedOrigins", "[https://chat.example.com/x]"}},
     {"AllowedOrigins", "path"}},
    {"Proxies", "gateway", {{"TrustedProxies", "[localhost]"}}, {"TrustedProxies", "10.0.0.0/8"}},
    {"ProxyRange", "gateway", {{"TrustedProxies", "[10.0.0.0/33]"}}, {"TrustedProxies"}},
    {"ProxyProtocolAlone", "gateway", {{"ProxyProtocol", "true"}}, {"TrustedProxies"}},
    {"PingWithoutUnit", "gateway", {{"WebSocketPing", "30"}}, {"WebSocketPing", "30s"}},
};

INSTANTIATE_TEST_SUITE_P(Listeners, BadListens, testing::ValuesIn(kBadListens),
                         [](const auto& test) { return test.param.name; });

TEST(Listeners, CheckConfigTakesBothKindsAndStartsNothing) {
  const World world;
  const Listener taken;  // would be an error for a process that starts
  const std::string port = std::to_string(taken.port());
  const Ended ended = run(
      {"gateway", "-c",
       world.config("gateway", "x1",
                    {{"Listen", R"([":0", "ws://127.0.0.1:)" + port + R"(/", "ws://[::1]:0/x"])"}}),
       "--check-config"});
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("is good"));
}

}  // namespace
}  // namespace ringgate::test
