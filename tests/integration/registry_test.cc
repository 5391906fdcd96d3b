// Services that come, move and go while a gateway runs.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <memory>

#include "control/base/local_address.h"
#include "control/discovery/file_store.h"
#include "tests/common/free_port.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

TEST(Registry, ServicesMayComeAfterTheGateway) {
  const World world;
  Server gateway(world, "gateway", "g1", {{"AdultAfter", "10m"}});
  EXPECT_EQ(gateway.get("/ready").status, 503);
  RawService login(world, "login01", "login");
  Link link = login.accept();
  // Found by a watch, so young; but there is no adult.
  wait_until("ready", [&] { return gateway.get("/ready").status == 200; });
  log_in(gateway, link, "alice");
}

TEST(Registry, AYoungServiceIsNotUsedWhileThereIsAnAdult) {
  ChatBench bench{{{"AdultAfter", "10m"}}};
  RawService young(bench.world, "chat00", "chat");
  Link young_link = young.accept();
  bench.gateway.wait_metric("ringgate_links", 3);
  for (int i = 0; i < 20; ++i) {  // would fall on both
    Client client = bench.log_in("account" + std::to_string(i));
    client.send(talk("bob", "hello", 2));
    bench.chat_link.respond(bench.chat_link.request("chat.user.talk"));
    EXPECT_TRUE(client.next().is_answer(2));
    client.frames.socket().close();
    bench.link.request("login.signout");
  }
  EXPECT_FALSE(young_link.has_next());
}

TEST(Registry, AnIpv6AddressIsInBracketsInTheLog) {
  const World world;
  const std::string port = std::to_string(free_port());
  std::ofstream(world.registry_file())
      << R"({"services":[{"id":"chat01","name":"chat","address":"::1","port":)" << port << "}]}";
  Server gateway(world, "gateway", "g1", {{"LogLevel", "info"}});
  gateway.process().wait_for_line("found at [::1]:" + port + ", ");
  gateway.process().wait_for_line("at [::1]:" + port + " cannot be reached");
}

TEST(Registry, AYoungServiceGrowsUp) {
  ChatBench bench{{{"AdultAfter", "200ms"}}};
  RawService young(bench.world, "chat00", "chat");
  Link young_link = young.accept();
  Client client = bench.log_in("alice");
  std::uint32_t sequence = 1;
  std::vector<Client> clients;
  wait_until("the new one is chosen for somebody", [&] {
    clients.push_back(bench.log_in("account" + std::to_string(clients.size())));
    clients.back().send(talk("bob", "hello", ++sequence));
    return young_link.has_next(20ms);
  });
  EXPECT_EQ(young_link.request("chat.user.talk").header.command(), "chat.user.talk");
}

TEST(Registry, OneChannelsPacketsStayOnOneInstance) {
  ChatBench bench;
  RawService second(bench.world, "chat00", "chat");
  Link second_link = second.accept();
  bench.gateway.wait_metric("ringgate_links", 3);
  std::size_t to_second = 0;
  for (int i = 0; i < 20; ++i) {
    Client client = bench.log_in("account" + std::to_string(i));
    client.send(talk("bob", "one", 2) + talk("bob", "two", 3) + ping());
    EXPECT_EQ(client.next().kind, Event::Kind::kPong);
    Link& chosen = second_link.has_next(50ms) ? second_link : bench.chat_link;
    to_second += &chosen == &second_link;
    for (std::uint32_t sequence = 2; sequence < 4; ++sequence) {
      const Event request = chosen.request("chat.user.talk");
      EXPECT_EQ(request.header.channelid(), client.channel);
      EXPECT_EQ(request.header.sequence(), sequence);
      chosen.respond(request);  // a sign-out waits for what was asked before it
    }
    client.frames.socket().close();
    bench.link.request("login.signout");
  }
  EXPECT_GT(to_second, 0U);
  EXPECT_LT(to_second, 20U);
}

// Where a registry says when a service was started, and whether another start is told from it.
std::string started(const World& world, const std::string& id) {
  const auto stored = read_services(world.registry_file());
  if (!stored || !*stored) return {};
  for (const Instance& service : (*stored)->services) {
    if (service.id == id && service.meta.contains("started")) return service.meta.at("started");
  }
  return {};
}

TEST(Registry, AServiceThatWasKilledAndIsBackOnItsPortIsDialledAgain) {
  Bench bench{with_ws()};
  const std::string listen = "127.0.0.1:" + std::to_string(free_port());
  auto echo = std::make_unique<Server>(bench.world, "echo", "echo01", Settings{{"Listen", listen}});
  bench.gateway.wait_metric("ringgate_links", 2);
  const std::string first = started(bench.world, "echo01");
  EXPECT_NE(first, "");
  wait_until("the gateway is registered", [&] { return !started(bench.world, "g1-ws").empty(); });
  EXPECT_EQ(started(bench.world, "g1"), started(bench.world, "g1-ws"));
  echo->process().signal(SIGKILL);
  echo->process().wait_exit();
  bench.gateway.wait_metric_is("ringgate_links", 1);
  EXPECT_EQ(started(bench.world, "echo01"), first) << "nobody took it out";
  echo = std::make_unique<Server>(bench.world, "echo", "echo01", Settings{{"Listen", listen}});
  bench.gateway.wait_metric("ringgate_links", 2);
  // Gateways of others dial what has changed.
  wait_until("another entry", [&] { return started(bench.world, "echo01") != first; });
  Client alice = bench.log_in("alice");
  alice.send(packet(header("echo.x", 2), "again"));
  EXPECT_TRUE(alice.next().is_answer(2));
}

TEST(Registry, AnEntryThatMakesNoSenseDoesNotReplaceTheOneItMeant) {
  ChatBench bench;
  wait_until("the gateway is registered", [&] { return !started(bench.world, "g1").empty(); });
  const auto stored = read_services(bench.world.registry_file()).value().value();
  std::vector<Instance> services = stored.services;
  std::string text = format_services(services);
  const auto chat = std::ranges::find(services, std::string("chat"), &Instance::name);
  ASSERT_NE(chat, services.end());
  const std::string good = R"("address": "127.0.0.1", "port": )" + std::to_string(chat->port);
  const std::size_t at = text.find(good);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, good.size(),
               R"("address": "127.0.0.1:)" + std::to_string(chat->port) + R"(", "port": )" +
                   std::to_string(chat->port));
  bench.world.folder().write("services.json", text);
  bench.gateway.process().wait_for_line("has a port in it");
  Client alice = bench.log_in("alice");
  alice.send(talk("bob", "hello", 2));
  bench.chat_link.respond(bench.chat_link.request("chat.user.talk"));
  EXPECT_TRUE(alice.next().is_answer(2));
  EXPECT_EQ(bench.gateway.metric("ringgate_links"), 2);
}

// All interfaces are nobody's address.
TEST(Registry, AllInterfacesAreRegisteredAsTheMachinesAddress) {
  const World world;
  const Server echo(world, "echo", "echo01", {{"Listen", "\"0.0.0.0:0\""}});
  wait_until("registered", [&] { return !started(world, "echo01").empty(); });
  const auto stored = read_services(world.registry_file()).value().value();
  ASSERT_EQ(stored.services.size(), 1U);
  EXPECT_EQ(stored.services[0].address, machine_address(true));
  const Server gateway(world, "gateway", "g1", {{"Listen", "\":0\""}});
  gateway.wait_metric("ringgate_links", 1);
}

TEST(Registry, AChangedAddressIsFollowedAndTheOldLinkDrained) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  alice.send(talk("bob", "to the old one", 2));
  const Event request = bench.chat_link.request("chat.user.talk");
  RawService moved(bench.world, "chat01", "chat");
  Link link = moved.accept();
  bench.gateway.wait_metric("ringgate_links", 3);
  alice.send(talk("bob", "to the new one", 3));
  const Event at_new = link.request("chat.user.talk");
  EXPECT_EQ(at_new.header.sequence(), 3U);
  EXPECT_FALSE(bench.chat_link.has_next()) << "not closed while it owes an answer";
  bench.chat_link.respond(request);
  EXPECT_TRUE(alice.next().is_answer(2));
  EXPECT_EQ(bench.chat_link.frames().next_logic().kind, Event::Kind::kEnd);
  link.respond(at_new);
  EXPECT_TRUE(alice.next().is_answer(3));
}

TEST(Registry, ARemovedServicesLinkIsDrainedAndNotDialledAgain) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  bench.world.remove("chat01");
  EXPECT_EQ(bench.chat_link.frames().next_logic().kind, Event::Kind::kEnd);
  alice.send(talk("bob", "hello", 2));
  EXPECT_TRUE(alice.next().is_answer(2, pkt::SystemException));
  EXPECT_FALSE(bench.chat.listener().somebody_waits(100ms));
}

TEST(Registry, ARemovedServiceThatNeverAnswersIsGivenUpAfterDrainTime) {
  ChatBench bench{{{"DrainTime", "200ms"}}};
  Client alice = bench.log_in("alice");
  alice.send(talk("bob", "hello", 2));
  bench.chat_link.request("chat.user.talk");
  bench.world.remove("chat01");
  EXPECT_TRUE(alice.next().is_answer(2, pkt::SystemException));
  EXPECT_EQ(bench.chat_link.frames().next_logic().kind, Event::Kind::kEnd);
}

TEST(Registry, AFileThatMakesNoSenseKeepsTheServices) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  for (const char* const text : {"{", "", R"({"services": [{"id": "x"}]})"}) {
    std::ofstream(bench.world.registry_file()) << text;
    bench.gateway.process().wait_for_line("the known services stay in use");
    alice.send(talk("bob", "hello", 2));
    bench.chat_link.respond(bench.chat_link.request("chat.user.talk"));
    EXPECT_TRUE(alice.next().is_answer(2));
  }
  std::ofstream(bench.world.registry_file()) << R"({"services": []})";
  EXPECT_EQ(bench.chat_link.frames().next_logic().kind, Event::Kind::kEnd)
      << "an empty list is one";
}

TEST(Registry, AServiceThatSpeaksWebSocketIsNotDialled) {
  Bench bench;
  const Listener websocket;
  Instance service = bench.login.service();
  service.id = "chat01";
  service.name = "chat";
  service.port = websocket.port();
  service.protocol = "ws";
  bench.world.add(service);
  RawService chat(bench.world, "chat02", "chat");  // seen after it
  const Link link = chat.accept();
  EXPECT_FALSE(websocket.somebody_waits());
}

TEST(Registry, RoutesSendACommandToAnotherService) {
  const World world;
  RawService chat(world, "chat01", "chat");
  RawService other(world, "other01", "other");
  const Server gateway(world, "gateway", "g1", {{"Routes", "{login: chat, odd: other}"}});
  Link link = chat.accept();
  Link other_link = other.accept();
  gateway.wait_metric("ringgate_links", 2);
  Client alice = log_in(gateway, link, "alice");
  alice.send(packet(header("odd.thing", 2)));
  EXPECT_EQ(other_link.request("odd.thing").header.sequence(), 2U);
}

}  // namespace
}  // namespace ringgate::test
