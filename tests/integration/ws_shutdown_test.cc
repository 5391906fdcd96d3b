// Leaving in order with WebSocket clients.
#include <gtest/gtest.h>

#include <csignal>
#include <set>

#include "tests/integration/ws_client.h"

namespace ringgate::test {
namespace {

TEST(WsSigterm, TellsClientsOfBothKindsSignsThemOutAndExitsZero) {
  Bench bench{with_ws({{"Shards", "2"}})};
  std::vector<AnyClient> clients;
  for (int i = 0; i < 20; ++i) {
    const Transport transport = i % 2 == 0 ? Transport::kWebSocket : Transport::kTcp;
    clients.push_back(log_in(bench.gateway, bench.link, "account" + std::to_string(i), transport));
  }
  WsSocket stranger = WsSocket::open(bench.gateway.ws_port());
  WsSocket upgrading(Socket::connect(bench.gateway.ws_port()));
  upgrading.send("GET / HTTP/1.1\r\n");
  bench.gateway.wait_metric_is("ringgate_clients", 22);

  bench.gateway.process().signal(SIGTERM);
  std::set<std::string> expected;
  for (AnyClient& client : clients) {
    expect_sent_away(client);
    expected.insert(client.channel);
    client.socket().close();
  }
  expect_sent_away(stranger);
  stranger.socket().close();
  EXPECT_EQ(upgrading.next().kind, Event::Kind::kEnd);
  upgrading.socket().close();
  std::set<std::string> signed_out;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    signed_out.insert(bench.link.request("login.signout").header.channelid());
  }
  EXPECT_EQ(signed_out, expected);
  EXPECT_EQ(bench.gateway.process().wait_exit(), 0);
  EXPECT_EQ(bench.link.frames().next_logic().kind, Event::Kind::kEnd) << "once each";
}

TEST(WsSigterm, WhatIsQueuedIsFlushedBeforeTheClose) {
  ChatBench bench{
      with_ws({{"MaxQueuedBytes", "8MiB"}, {"WriteTimeout", "1m"}, {"DrainTime", "1m"}})};
  // Its own small window, so that much of it is still queued in the gateway.
  WsSocket slow(Socket::connect(bench.gateway.ws_port(), 4096));
  EXPECT_EQ(slow.upgrade().status, 101);
  slow.send_packets(login(token("slow")));
  const Event request = bench.link.request("login.signin");
  bench.link.respond(request);
  EXPECT_TRUE(slow.next().is_answer(1));
  const std::string body(1024 * 1024, 'x');
  constexpr int kPushes = 6;
  for (int i = 0; i < kPushes; ++i) bench.chat_link.push("g1", request.header.channelid(), body);
  bench.gateway.wait_metric("ringgate_delivered_total", 1 + kPushes);
  slow.send_packets(ping());
  bench.gateway.wait_metric("ringgate_pings_total", 1);

  bench.gateway.process().signal(SIGTERM);
  bench.gateway.process().wait_for_line("draining");
  for (int i = 0; i < kPushes; ++i) EXPECT_TRUE(slow.next().body == body);
  EXPECT_EQ(slow.next().kind, Event::Kind::kPong);
  expect_sent_away(slow);
  slow.socket().close();
  EXPECT_EQ(bench.link.request("login.signout").header.channelid(), request.header.channelid());
  EXPECT_EQ(bench.gateway.process().wait_exit(), 0);
}

TEST(WsSigterm, AClientThatAnswersTheCloseEndsTheConnectionAtOnce) {
  Bench bench{with_ws()};
  AnyClient alice = log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
  bench.gateway.process().signal(SIGTERM);
  const Arrival close = alice.next();
  EXPECT_EQ(close.close_code, 1001);
  alice.ws().send(ws_close(1001));
  EXPECT_EQ(alice.next().kind, Event::Kind::kEnd);
  alice.socket().close();
  EXPECT_EQ(bench.link.request("login.signout").header.channelid(), alice.channel);
  EXPECT_EQ(bench.gateway.process().wait_exit(), 0);
  EXPECT_EQ(bench.link.frames().next_logic().kind, Event::Kind::kEnd) << "once";
}

TEST(WsSigterm, DevTellsClientsAndExitsZero) {
  Server dev({"--shards", "2"});
  AnyClient alice = log_in(dev, "alice", Transport::kWebSocket);
  dev.process().signal(SIGTERM);
  expect_sent_away(alice);
  alice.socket().close();
  EXPECT_EQ(dev.process().wait_exit(), 0);
}

}  // namespace
}  // namespace ringgate::test
