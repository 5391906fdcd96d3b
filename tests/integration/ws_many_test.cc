// Two thousand WebSocket connections at once: held, answered, closed, none lost.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/integration/ws_client.h"

namespace ringgate::test {
namespace {

TEST(WsMany, TwoThousandAreHeldAnsweredAndClosed) {
  constexpr std::size_t kConnections = 2'000;
  constexpr std::size_t kAtOnce = 200;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  ASSERT_GE(limit.rlim_cur, kConnections + 200) << "raise the open-file limit (ulimit -n)";

  TalkBench bench{with_ws({{"Shards", "2"}})};
  std::vector<WsSocket> clients;
  clients.reserve(kConnections);
  const auto account = [](std::size_t i) { return "account" + std::to_string(i); };
  while (clients.size() < kConnections) {  // upgrade and login in one write
    const std::size_t first = clients.size();
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      clients.emplace_back(Socket::connect(bench.gateway.ws_port()));
      clients.back().send(upgrade_request() + ws_frames_of(login(token(account(first + i)))));
    }
    for (std::size_t i = first; i < clients.size(); ++i) {
      ASSERT_EQ(clients[i].read_response().status, 101) << i;
      ASSERT_TRUE(clients[i].next().is_answer(1)) << i;
    }
  }
  EXPECT_EQ(bench.gateway.metric("ringgate_websockets"), kConnections);
  EXPECT_EQ(bench.gateway.metric("ringgate_clients"), kConnections);
  EXPECT_EQ(bench.gateway.metric("ringgate_channels"), kConnections);
  EXPECT_EQ(bench.gateway.metric("ringgate_websocket_upgrades_total"), kConnections);
  EXPECT_EQ(bench.gateway.metric("ringgate_websocket_upgrades_refused_total"), 0);

  for (int round = 0; round < 3; ++round) {
    for (WsSocket& client : clients) {
      client.send(ws_frames_of(ping()) + ws_frame(Opcode::kPing, "heartbeat"));
    }
    for (WsSocket& client : clients) {
      ASSERT_EQ(client.next().kind, Event::Kind::kPong);
      ASSERT_EQ(client.next().payload, "heartbeat");
    }
  }
  EXPECT_EQ(bench.gateway.metric("ringgate_pings_total"), 3 * 2 * kConnections);
  for (std::size_t i = 0; i < kConnections; i += 50) {
    const std::size_t to = kConnections - 1 - i;
    clients[i].send_packets(talk(account(to), "hello", 2));
    ASSERT_TRUE(clients[i].next().is_answer(2));
    ASSERT_EQ(clients[to].next().parse<pkt::MessagePush>().sender(), account(i));
  }
  for (WsSocket& client : clients) ASSERT_FALSE(client.has_next()) << "nothing unasked";
  EXPECT_EQ(bench.gateway.metric("ringgate_closed_total"), 0);

  for (std::size_t i = 0; i < kConnections; i += 2) clients[i].send(ws_close(1000));
  for (std::size_t i = 0; i < kConnections; i += 2) {
    ASSERT_EQ(clients[i].next().close_code, 1000);
  }
  clients.clear();  // the others just go
  bench.gateway.wait_metric_is("ringgate_clients", 0);
  EXPECT_EQ(bench.gateway.metric("ringgate_websockets"), 0);
  EXPECT_EQ(bench.gateway.metric("ringgate_channels"), 0);
  EXPECT_EQ(bench.gateway.metric("ringgate_closed_total"), kConnections);
  bench.gateway.wait_metric_is("ringgate_signouts_total", kConnections);
  log_in(bench.gateway, "alice", Transport::kWebSocket);
}

}  // namespace
}  // namespace ringgate::test
