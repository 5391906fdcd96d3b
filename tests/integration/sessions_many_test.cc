// A location says where a live channel is, with many clients: what a single one does not show is
// who of them is lost when each is somewhere else in what is being done.
#include <gmock/gmock.h>

#include <csignal>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/asking.h"
#include "tests/integration/sessions_world.h"
#include "tests/services/store/redis/servers/sentinel_world.h"

namespace ringgate::test {
namespace {

std::vector<Client> log_in_many(const Server& gateway, const std::string& prefix, int count) {
  std::vector<Client> clients;
  clients.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) clients.push_back(log_in(gateway, prefix + std::to_string(i)));
  return clients;
}

// Until a talk of somebody has arrived at each of them. None of them is closed.
void wait_until_all_are_reached(Client& from, std::vector<Client>& clients) {
  std::vector<Client*> left;
  for (Client& client : clients) left.push_back(&client);
  wait_until("a talk arrives at all of them", [&] {
    for (Client* const to : left) {
      from.send(talk(to->account, "hello", 7));
      static_cast<void>(from.next());
    }
    std::erase_if(left, [](Client* client) {
      if (!client->frames.has_next(1ms)) return false;
      EXPECT_EQ(client->next().header.command(), "chat.user.talk") << client->account;
      return true;
    });
    return left.empty();
  });
}

// --- A gateway that is killed -------------------------------------------------------------------

TEST(ManySessions, ATalkToClientsOfAKilledGatewayIsStoredAndFoundAtTheNextLogin) {
  constexpr int kClients = 120;
  SessionsWorld world;
  Server gateway(world.world, "gateway", "g1", SessionsWorld::gateways());
  const Server other(world.world, "gateway", "g2", SessionsWorld::gateways());
  Client bob = log_in(other, "bob");
  std::vector<Client> clients = log_in_many(gateway, "client", kClients);
  wait_until_all_are_reached(bob, clients);
  gateway.process().signal(SIGKILL);
  wait_until("nobody believes it", [&] { return world.keys("ringgate:boot:g1,*") == 0; });
  EXPECT_EQ(world.keys("login:loc:client*"), kClients) << "all of them are void";
  std::vector<std::int64_t> said;
  for (const Client& client : clients) {
    bob.send(talk(client.account, "for later", 8));
    const Event answer = bob.next();
    ASSERT_TRUE(answer.is_answer(8)) << answer;
    said.push_back(answer.parse<pkt::MessageResp>().messageid());
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i] = log_in(other, clients[i].account);
    EXPECT_THAT(missed(clients[i]), testing::Contains(said[i])) << clients[i].account;
  }
  wait_until_all_are_reached(bob, clients);
}

// --- Sign-ins in a stall ------------------------------------------------------------------------

// Each account is on one channel, and would come on another one. What is answered 300 is tried
// again, and the store goes on while that is under way: whatever it does then and in which order,
// who was told that he is in is the one who is found.
TEST(ManySessions, WhoIsToldInAStallThatHeIsInIsTheOneWhoIsFound) {
  constexpr int kClients = 60;
  SessionsWorld world;
  const Server gateway(world.world, "gateway", "g1", SessionsWorld::gateways());
  const Server other(world.world, "gateway", "g2", SessionsWorld::gateways());
  Client bob = log_in(other, "bob");
  std::vector<Client> older = log_in_many(gateway, "client", kClients);
  wait_until_all_are_reached(bob, older);

  world.redis.pause();
  const auto try_all = [&] {
    std::vector<FrameSocket> tries;
    for (const Client& client : older) {
      tries.push_back(other.connect());
      tries.back().send(login(token(client.account)));
    }
    return tries;
  };
  for (FrameSocket& one : try_all()) {
    EXPECT_TRUE(one.next().is_answer(1, pkt::SystemException)) << "it takes nobody's place";
  }
  std::vector<FrameSocket> tries = try_all();
  world.redis.resume();
  std::vector<Client> newer;
  for (std::size_t i = 0; i < tries.size(); ++i) {
    Event answer = tries[i].next_logic();
    while (!answer.is_answer(1)) {
      EXPECT_TRUE(answer.is_answer(1, pkt::SystemException)) << answer;
      tries[i] = other.connect();
      tries[i].send(login(token(older[i].account)));
      answer = tries[i].next_logic();
    }
    newer.push_back({std::move(tries[i]), older[i].account, {}});
  }
  wait_until_all_are_reached(bob, newer);
  wait_until("of each account one is left",
             [&] { return world.keys("login:sn:*_client*") == kClients; });
  EXPECT_EQ(world.keys("login:loc:client*"), kClients);
}

// --- A failover that loses what was written last ------------------------------------------------

TEST(ManySessions, AfterAFailoverWithLossAllAreReachedAndNobodyWhoHasGoneIsOnline) {
  constexpr int kClients = 40;  // of each kind
  const World world;
  SentinelWorld store;
  const Server chat(world, "chat", "chat01",
                    {{"RedisURL", '"' + store.url() + '"'}, {"GatewayLease", "1s"}});
  wait_until("ready", [&] { return chat.get("/ready").status == 200; });
  const Server gateway(world, "gateway", "g1", SessionsWorld::gateways());
  Client bob = log_in(gateway, "bob");
  std::vector<Client> kept = log_in_many(gateway, "kept", kClients);
  std::vector<Client> again = log_in_many(gateway, "again", kClients);
  std::vector<Client> gone = log_in_many(gateway, "gone", kClients);
  wait_until("the replica has them", [&] {
    return SessionsWorld::count_keys(store.replica, "login:loc:*") == 3 * kClients + 1;
  });

  store.cut_replica_off();
  std::vector<Client> late = log_in_many(gateway, "late", kClients);
  for (Client& client : again) client = log_in(gateway, client.account);
  gone.clear();
  wait_until("they have signed out",
             [&] { return SessionsWorld::count_keys(store.primary, "login:*gone*") == 0; });
  EXPECT_EQ(SessionsWorld::count_keys(store.replica, "login:loc:gone*"), kClients);
  EXPECT_EQ(SessionsWorld::count_keys(store.replica, "login:loc:late*"), 0);
  store.primary.stop();

  wait_until("nobody who has gone is online",
             [&] { return SessionsWorld::count_keys(store.replica, "login:*gone*") == 0; });
  wait_until("ready again", [&] { return chat.get("/ready").status == 200; });
  for (std::vector<Client>* const clients : {&kept, &again, &late}) {
    wait_until_all_are_reached(bob, *clients);
  }
  EXPECT_EQ(SessionsWorld::count_keys(store.replica, "login:loc:*"), 3 * kClients + 1);
}

}  // namespace
}  // namespace ringgate::test
