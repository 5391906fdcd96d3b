// Ten thousand connections at once: held, answered, closed, none lost.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "dataplane/connection.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

// Every connection costs a file of this process.
void need_files(rlim_t files) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  ASSERT_GE(limit.rlim_cur, files) << "raise the open-file limit (ulimit -n)";
}

// Connects and sends the logins first, then reads the answers: many are under way at once, but
// never more than the listener's backlog holds.
std::vector<Client> log_in_many(const Server& gateway, std::size_t count) {
  constexpr std::size_t kAtOnce = 500;
  std::vector<Client> clients;
  clients.reserve(count);
  while (clients.size() < count) {
    const std::size_t first = clients.size();
    for (std::size_t i = 0; i < kAtOnce && clients.size() < count; ++i) {
      std::string account = std::to_string(clients.size());
      account.insert(0, 16 - account.size(), 'a');
      clients.push_back({gateway.connect(), account, {}});
      clients.back().send(login(token(account)));
    }
    for (std::size_t i = first; i < clients.size(); ++i) {
      const Event answer = clients[i].next();
      if (!answer.is_answer(1)) throw std::runtime_error("login " + std::to_string(i) + " failed");
      clients[i].channel = answer.parse<pkt::LoginResp>().channelid();
    }
  }
  return clients;
}

TEST(ManyConnections, TenThousandAreHeldAnsweredAndClosed) {
  constexpr std::size_t kConnections = 10'000;
  need_files(kConnections + 200);
  TalkBench bench{{{"Shards", "2"}}};
  std::vector<Client> clients = log_in_many(bench.gateway, kConnections);
  EXPECT_EQ(bench.gateway.metric("ringgate_clients"), kConnections);
  EXPECT_EQ(bench.gateway.metric("ringgate_channels"), kConnections);
  EXPECT_EQ(bench.gateway.metric("kim_channel_total"), kConnections);

  for (int round = 0; round < 2; ++round) {
    for (Client& client : clients) client.send(ping());
    for (Client& client : clients) ASSERT_EQ(client.next().kind, Event::Kind::kPong);
  }
  for (std::size_t i = 0; i < kConnections; i += 100) {
    Client& to = clients[kConnections - 1 - i];
    clients[i].send(talk(to.account, "hello", 2));
    ASSERT_TRUE(clients[i].next().is_answer(2));
    ASSERT_EQ(to.next().parse<pkt::MessagePush>().sender(), clients[i].account);
  }
  for (Client& client : clients) ASSERT_FALSE(client.frames.has_next()) << "nothing unasked";
  EXPECT_EQ(bench.gateway.metric("ringgate_closed_total"), 0);

  clients.clear();
  bench.gateway.wait_metric_is("ringgate_clients", 0);
  EXPECT_EQ(bench.gateway.metric("ringgate_channels"), 0);
  EXPECT_EQ(bench.gateway.metric("ringgate_closed_total"), kConnections);
  bench.gateway.wait_metric_is("ringgate_signouts_total", kConnections);
  log_in(bench.gateway, "alice");
}

// What a logged-in connection that says nothing costs in user space: its entry in the table, and
// the block with its channel and suffix.
TEST(ManyConnections, UserSpaceMemoryPerIdleConnection) {
  constexpr std::size_t kConnections = 8'000;
  constexpr double kMostBytes = 320;
  need_files(kConnections + 200);
  const World world;
  const Server chat(world, "chat", "chat01", {{"MemorySessions", "true"}});
  const Server gateway(world, "gateway", "gateway-0001", {{"Routes", "{login: chat}"}});
  const std::vector<Client> warm_up = log_in_many(gateway, 100);
  const auto settled = [&](const char* name) {  // the gauge is set every sweep
    double last = -1;
    wait_until(name, [&] {
      std::this_thread::sleep_for(250ms);
      return std::exchange(last, gateway.metric(name)) == gateway.metric(name);
    });
    return gateway.metric(name);
  };
  const double used_before = settled("ringgate_pool_used_bytes");
  const double reserved_before = settled("ringgate_pool_reserved_bytes");
  const std::vector<Client> clients = log_in_many(gateway, kConnections);
  const double used = (settled("ringgate_pool_used_bytes") - used_before) / kConnections;
  double reserved = 0;  // what the logins took for a moment goes back in a few sweeps
  wait_until("the pool's reserve is that of idle clients", [&] {
    reserved = (gateway.metric("ringgate_pool_reserved_bytes") - reserved_before) / kConnections;
    return sizeof(Connection) + reserved <= kMostBytes;
  });
  std::printf(
      "user-space bytes per logged-in idle connection (16-byte account, 12-byte gateway id):\n"
      "  table entry %zu + pool used %.1f = %.1f; with the pool's reserve %.1f = %.1f\n",
      sizeof(Connection), used, sizeof(Connection) + used, reserved, sizeof(Connection) + reserved);
  RecordProperty("bytes_used", static_cast<int>(sizeof(Connection) + used));
  RecordProperty("bytes_reserved", static_cast<int>(sizeof(Connection) + reserved));
  EXPECT_GT(used, 100) << "the gauge does not count";
  EXPECT_LE(sizeof(Connection) + used, kMostBytes);
  EXPECT_LE(sizeof(Connection) + reserved, kMostBytes);
}

}  // namespace
}  // namespace ringgate::test
