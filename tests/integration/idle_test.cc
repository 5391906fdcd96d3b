// Clients that say nothing for a while are polled (IdlePollAfter): nobody should notice.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/ws_client.h"

namespace ringgate::test {
namespace {

Settings polling(Settings settings = {}) {
  settings["IdlePollAfter"] = "50ms";
  return settings;
}

void wait_polled(const Server& gateway, double clients) {
  gateway.wait_metric_is("ringgate_clients_polled", clients);
}

TEST(Idle, PolledClientsTalkAndArePolledAgain) {
  TalkBench bench{polling({{"Shards", "2"}})};
  auto [alice, bob] = log_in_on_two_shards(bench.gateway);
  constexpr double kClients = 2;
  // Others, which had come to the same shard, may not be gone yet.
  bench.gateway.wait_metric_is("ringgate_clients", kClients);
  for (std::uint32_t i = 2; i < 6; ++i) {
    wait_polled(bench.gateway, kClients);
    alice.send(ping());
    EXPECT_EQ(alice.next().kind, Event::Kind::kPong);
    wait_polled(bench.gateway, kClients);
    alice.send(talk(bob.account, "hello", i));
    EXPECT_TRUE(alice.next().is_answer(i));
    EXPECT_EQ(bob.next().parse<pkt::MessagePush>().body(), "hello");
  }
}

TEST(Idle, AWebSocketClientIsPolledAndAnswered) {
  Bench bench{polling(with_ws())};
  AnyClient alice = log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
  for (int i = 0; i < 3; ++i) {
    wait_polled(bench.gateway, 1);
    alice.ws().send(ws_frame(Opcode::kPing, "are you there?"));
    const Arrival pong = alice.next();
    EXPECT_EQ(pong.opcode, Opcode::kPong);
    EXPECT_EQ(pong.payload, "are you there?");
  }
}

TEST(Idle, APolledClientThatLeavesIsSignedOut) {
  Bench bench{polling()};
  std::string channel;
  {
    const Client alice = bench.log_in("alice");
    channel = alice.channel;
    wait_polled(bench.gateway, 1);
  }
  EXPECT_EQ(bench.link.request("login.signout").header.channelid(), channel);
  wait_polled(bench.gateway, 0);
}

TEST(Idle, PolledClientsAreToldWhenTheGatewayEnds) {
  Bench bench{polling()};
  Client alice = bench.log_in("alice");
  wait_polled(bench.gateway, 1);
  bench.gateway.process().signal(SIGTERM);
  const Event close = alice.next();
  EXPECT_EQ(close.kind, Event::Kind::kClose) << close;
  EXPECT_TRUE(sends_away(close));
  EXPECT_EQ(alice.next().kind, Event::Kind::kEnd);
  bench.link.respond(bench.link.request("login.signout"));
  EXPECT_EQ(bench.gateway.process().wait_exit(), 0);
}

TEST(Idle, ItsTimeIsReloaded) {
  Settings settings{{"IdlePollAfter", "0s"}};
  Bench bench{settings};
  Client alice = bench.log_in("alice");
  settings["IdlePollAfter"] = "20ms";
  settings["MonitorPort"] = std::to_string(bench.gateway.monitor());  // as it was given
  bench.world.config("gateway", "g1", settings);
  bench.gateway.process().signal(SIGHUP);
  bench.gateway.process().wait_for_line("SIGHUP: IdlePollAfter changed");
  wait_polled(bench.gateway, 1);
  alice.send(ping());
  EXPECT_EQ(alice.next().kind, Event::Kind::kPong);
}

}  // namespace
}  // namespace ringgate::test
