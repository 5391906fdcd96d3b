// Each alert is fired by a real fault of real processes. rules_test.py looks that none is
// forgotten.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "tests/common/free_port.h"
#include "tests/integration/fillers.h"
#include "tests/monitoring/cluster.h"
#include "tests/monitoring/prometheus.h"
#include "tests/monitoring/stopped_thread.h"

namespace ringgate::test {
namespace {

using Alerts = std::set<std::string>;

// --- What is full, refused, or ends soon ---------------------------------------------------------

// So many descriptors that they are nearly used up when as many clients as are meant have come. A
// full gateway closes its listeners, so that some are left for who scrapes it.
void leave_descriptors_for(Server& gateway, unsigned clients) {
  const auto open = static_cast<unsigned>(gateway.metric("process_open_fds"));
  const rlimit limit{open + clients + 1, open + clients + 1};
  ASSERT_EQ(prlimit(gateway.process().pid(), RLIMIT_NOFILE, &limit, nullptr), 0);
}

TEST(Drill, OfAGatewayAtItsBounds) {
  constexpr unsigned kClients = 8;
  // Over epoll clients are descriptors. They do not log in, and stay.
  Cluster cluster({.gateway = {{"MaxConnections", std::to_string(kClients)},
                               {"Ring", "epoll"},
                               {"LoginReserve", "0"},
                               {"LoginWait", "1h"}},
                   .certificate_ends_in_s = 24L * 3600,
                   .gateway_streams = {.err = Sink::kFullDisk}});
  const Prometheus prometheus(cluster.world, {cluster.gateway.monitor()});
  prometheus.wait_for_rates();
  prometheus.wait_for("RinggateCertificateEnds");
  EXPECT_EQ(prometheus.firing(), Alerts{"RinggateCertificateEnds"});

  leave_descriptors_for(cluster.gateway, kClients);
  std::vector<Socket> clients;
  for (unsigned i = 0; i < kClients; ++i)
    clients.push_back(Socket::connect(cluster.gateway.port()));
  prometheus.wait_for("RinggateNearlyFull");
  prometheus.wait_for("RinggateFull");
  prometheus.wait_for("RinggateFilesRunOut");
  prometheus.wait_for("RinggateNotReady");  // for new clients

  // What it says of its configuration goes to a full disk.
  std::ofstream(cluster.world.folder().path() / "g1.yaml", std::ios::app) << "NoSuchKey: 1\n";
  cluster.gateway.process().signal(SIGHUP);
  prometheus.wait_for("RinggateConfigurationRefused");
  prometheus.wait_for("RinggateLogLost");
  const Alerts expected = {
      "RinggateCertificateEnds", "RinggateNearlyFull", "RinggateFull",
      "RinggateFilesRunOut",     "RinggateNotReady",   "RinggateConfigurationRefused",
      "RinggateLogLost"};
  wait_until("these and no others", [&] { return prometheus.firing() == expected; });
}

TEST(Drill, OfAGatewayWithoutMemory) {
  constexpr std::size_t kMoreBytes = 16 * 1024 * 1024;
  Cluster cluster;
  const Prometheus prometheus(cluster.world, {cluster.gateway.monitor()});
  prometheus.wait_for_rates();
  EXPECT_EQ(prometheus.firing(), Alerts());
  bound_address_space(cluster.gateway, kMoreBytes);
  std::vector<Socket> fillers = fill_memory(cluster.gateway);
  prometheus.wait_for("RinggateMemoryShort");
  EXPECT_EQ(prometheus.firing(), Alerts{"RinggateMemoryShort"});
  fillers.clear();
  wait_until("it is over", [&] { return prometheus.firing().empty(); });
}

// --- What is gone --------------------------------------------------------------------------------

TEST(Drill, OfServicesAndStoresThatAreGone) {
  Cluster cluster({.gateway = {{"SignoutKeep", "100ms"}}});
  Client alice = log_in(cluster.gateway, "alice");
  const Prometheus prometheus(
      cluster.world, {cluster.gateway.monitor(), cluster.login.monitor(), cluster.chat.monitor()});
  prometheus.wait_for_rates();
  EXPECT_EQ(prometheus.firing(), Alerts());

  cluster.chat.process().signal(SIGKILL);
  prometheus.wait_for("RinggateLinksDown");
  std::uint32_t sequence = 1;
  prometheus.wait_for("RinggateRequestsFail", [&] {
    alice.send(talk("bob", "hello", ++sequence));
    EXPECT_TRUE(alice.next().is_answer(sequence, pkt::SystemException));
  });
  prometheus.wait_for("RinggateDown");

  cluster.redis.reset();
  prometheus.wait_for("RinggateStoreDown");
  prometheus.wait_for("RinggateNotReady");
  prometheus.wait_for("RinggateLoginsFail", [&] {
    FrameSocket bob = cluster.gateway.connect();
    bob.send(login(token("bob")));
    EXPECT_TRUE(bob.next().is_answer(1, pkt::SystemException));
  });

  cluster.login.process().signal(SIGKILL);
  cluster.gateway.wait_metric_is("ringgate_links", 0);
  alice.frames.socket().close();
  prometheus.wait_for("RinggateSignoutsDropped");
}

// --- What is slow --------------------------------------------------------------------------------

// Reads what has come.
void drain(Client& client) {
  while (client.frames.has_next()) {
    if (client.next().kind == Event::Kind::kEnd) throw std::runtime_error("closed");
  }
}

TEST(Drill, OfAStoreThatIsSlow) {
  Cluster cluster;
  Client alice = log_in(cluster.gateway, "alice");
  const Prometheus prometheus(
      cluster.world, {cluster.gateway.monitor(), cluster.login.monitor(), cluster.chat.monitor()});
  prometheus.wait_for_rates();
  EXPECT_EQ(prometheus.firing(), Alerts());
  const std::string address = cluster.redis->address();
  Socket redis = Socket::connect(
      static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1))));
  std::uint32_t sequence = 1;
  // Chat asks it where bob is.
  const auto slow_talk = [&] {
    redis.write_all("CLIENT PAUSE 1200 ALL\r\n");
    alice.send(talk("bob", "hello", ++sequence));
    EXPECT_EQ(alice.next().header.sequence(), sequence);
  };
  prometheus.wait_for("RinggateStoreSlow", slow_talk);
  prometheus.wait_for("RinggateRequestsSlow", slow_talk);
}

TEST(Drill, OfAnInstanceThatIsSilent) {
  Cluster cluster({.gateway = {{"EjectAfter", "200ms"}}});
  Server second(cluster.world, "chat", "chat02", {{"RedisAddrs", cluster.redis->address()}});
  cluster.gateway.wait_metric_is("ringgate_links", 3);
  std::vector<Client> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(log_in(cluster.gateway, "client" + std::to_string(i)));
  }
  const Prometheus prometheus(cluster.world, {cluster.gateway.monitor()});
  prometheus.wait_for_rates();
  EXPECT_EQ(prometheus.firing(), Alerts());
  second.process().freeze();
  std::uint32_t sequence = 1;
  prometheus.wait_for("RinggateInstanceSilent", [&] {
    ++sequence;
    for (Client& client : clients) {
      client.send(talk("bob", "hello", sequence));
      drain(client);
    }
  });
}

// --- What does not keep up -----------------------------------------------------------------------

// Two on two shards, who do not read, get at once what chat had no time for. Beside a shard that
// stands still, which a link is held for a while for, that is more than may wait between the two.
TEST(Drill, OfClientsAndShardsThatDoNotKeepUp) {
  Cluster cluster({.gateway = {{"Shards", "2"},
                               {"Lanes", "false"},
                               {"MailboxBytes", "8KiB"},
                               {"MaxFrame", "8KiB"},
                               {"MaxQueuedBytes", "8KiB"},
                               {"MaxUnsentBytes", "16KiB"}}});
  constexpr int kTalkers = 16;  // chat does what one of them asks one by one
  std::vector<Client> talkers;
  for (int i = 0; i < kTalkers; ++i) {
    talkers.push_back(log_in(cluster.gateway, "talker" + std::to_string(i)));
  }
  const Prometheus prometheus(cluster.world, {cluster.gateway.monitor()});
  prometheus.wait_for_rates();
  EXPECT_EQ(prometheus.firing(), Alerts());
  const std::string text(600, 'x');  // what is longer does not travel in the mailbox
  std::uint32_t sequence = 1;
  std::optional<std::pair<Client, Client>> deaf;
  const auto flood = [&] {
    if (cluster.gateway.metric("ringgate_clients") < kTalkers + 2) deaf.reset();
    try {
      if (!deaf) deaf.emplace(log_in_on_two_shards(cluster.gateway));
    } catch (const std::runtime_error&) {
      return;  // their logins found the mailbox full: next time
    }
    cluster.chat.process().freeze();
    for (int i = 0; i < 4; ++i) {
      for (Client& talker : talkers) {
        talker.send(talk(deaf->first.account, text, ++sequence));
        talker.send(talk(deaf->second.account, text, ++sequence));
      }
    }
    cluster.chat.process().signal(SIGCONT);
    for (Client& talker : talkers) drain(talker);
  };
  int stops = 0;
  const auto flood_while_a_shard_stands = [&] {
    if (!deaf) flood();
    const StoppedThread shard(cluster.gateway.process().pid(),
                              "gateway" + std::to_string(stops++ % 2));
    flood();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    while (cluster.gateway.metric("ringgate_mail_full_total") == 0 &&
           std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  };
  prometheus.wait_for("RinggateMailDropped", flood_while_a_shard_stands);
  prometheus.wait_for("RinggateSlowConsumers", flood);
}

// --- A mistake of our own ------------------------------------------------------------------------

// RinggateBug is also of mail that nobody knows, which no fault from outside brings about.
TEST(Drill, OfAServiceWithMistakes) {
  const World world;
  const Server login(world, "login", "login01", {{"MemorySessions", "true"}});
  const std::uint16_t monitor = free_port();
  ProcessUnderTest faulty(
      {RINGGATE_FAULTY_SERVICE, "-c",
       world.config("faulty", "faulty01", {{"MonitorPort", std::to_string(monitor)}})});
  const Server gateway(world, "gateway", "g1", {{"Routes", "{faulty: faulty}"}});
  gateway.wait_metric_is("ringgate_links", 2);
  Client alice = log_in(gateway, "alice");
  const Prometheus prometheus(world, {monitor});
  prometheus.wait_for_rates();
  EXPECT_EQ(prometheus.firing(), Alerts());
  std::uint32_t sequence = 1;
  prometheus.wait_for("RinggateTurnsLong", [&] {
    alice.send(packet(header("faulty.hold_up", ++sequence)));
    EXPECT_TRUE(alice.next().is_answer(sequence));
  });
  alice.send(packet(header("faulty.fail", ++sequence)));
  EXPECT_TRUE(alice.next().is_answer(sequence, pkt::SystemException));
  prometheus.wait_for("RinggateBug");
}

}  // namespace
}  // namespace ringgate::test
