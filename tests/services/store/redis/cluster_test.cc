// A store of several servers that share the keys: three real ones, and a replica of the first.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "services/store/layout.h"
#include "services/store/redis/servers/slots.h"
#include "tests/common/free_port.h"
#include "tests/common/temp_dir.h"
#include "tests/services/store/redis/chat.h"
#include "tests/services/store/redis/server.h"
#include "tests/services/store/redis/until.h"

namespace ringgate {
namespace {

using testing::HasSubstr;

constexpr std::size_t kPrimaries = 3;
constexpr std::size_t kReplica = 3;  // of the first
constexpr int kSlotsEach = kRedisSlots / kPrimaries;

struct RedisClusterTest : testing::Test {
  RedisClusterTest() {
    for (std::size_t i = 0; i <= kReplica; ++i) {
      bus.push_back(std::to_string(test::free_port()));
      const std::string conf = dir.path() / ("nodes" + std::to_string(i));
      servers.push_back(std::make_unique<RedisServer>(std::vector<std::string>{
          "--cluster-enabled", "yes", "--cluster-config-file", conf, "--cluster-node-timeout",
          "1000", "--cluster-port", bus.back(), "--cluster-allow-replica-migration", "no"}));
      servers[i]->ask({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
    }
    meet();
    for (std::size_t i = 0; i < kPrimaries; ++i) {
      const int first = static_cast<int>(i) * kSlotsEach;
      const int last = i + 1 == kPrimaries ? kRedisSlots - 1 : first + kSlotsEach - 1;
      EXPECT_EQ(servers[i]->ask(
                    {"CLUSTER", "ADDSLOTSRANGE", std::to_string(first), std::to_string(last)}),
                "OK");
    }
    EXPECT_TRUE(
        until([&] { return servers[kReplica]->ask({"CLUSTER", "REPLICATE", id(0)}) == "OK"; }));
    EXPECT_TRUE(until([&] {
      return std::ranges::all_of(servers, [](const auto& server) {
        return server->ask({"CLUSTER", "INFO"}).find("cluster_state:ok") != std::string::npos;
      });
    }));
    EXPECT_TRUE(until([&] {
      return servers[kReplica]->ask({"INFO", "replication"}).find("master_link_status:up") !=
             std::string::npos;
    }));
  }
  // A handshake that takes longer than the timeout of nodes is forgotten, so they meet until they
  // have met.
  void meet() {
    const auto all_know_all = [&] {
      return std::ranges::all_of(servers, [](const auto& server) {
        return server->ask({"CLUSTER", "INFO"}).find("cluster_known_nodes:4") != std::string::npos;
      });
    };
    int looks = 0;
    EXPECT_TRUE(until([&] {
      if (looks++ % 400 == 0) {
        for (std::size_t i = 1; i < servers.size(); ++i) {
          servers[i]->ask({"CLUSTER", "MEET", "127.0.0.1", port(0), bus[0]});
        }
      }
      return all_know_all();
    }));
  }
  [[nodiscard]] std::string port(std::size_t i) const { return std::to_string(servers[i]->port()); }
  std::string id(std::size_t i) { return servers[i]->ask({"CLUSTER", "MYID"}); }
  // Of the second and third: one that is killed is not the one that was written down.
  [[nodiscard]] std::string url() const {
    return "redis+cluster://127.0.0.1:" + port(1) + ",127.0.0.1:" + port(2);
  }
  [[nodiscard]] static std::size_t owner(const std::string& key) {
    return std::min<std::size_t>(redis_slot(key) / kSlotsEach, kPrimaries - 1);
  }
  // An account whose location is there.
  static std::string account_at(std::size_t i) {
    for (int number = 0;; ++number) {
      std::string account = "a" + std::to_string(number);
      if (owner("login:loc:" + account) == i) return account;
    }
  }

  const test::TempDir dir;
  std::vector<std::string> bus;
  std::vector<std::unique_ptr<RedisServer>> servers;
};

// All that a session is made of is wherever its keys are.
TEST_F(RedisClusterTest, SharesTheKeysAndKeepsTheLayout) {
  ChatService chat(url());
  ASSERT_TRUE(is_well(chat));
  TestGateway gateway(chat.port(), "g1");
  for (int i = 0; i < 20; ++i) {
    const std::string name = "client" + std::to_string(i);
    const TestClient older{gateway, "g1", name, "g1_" + name + "_1"};
    const TestClient client{gateway, "g1", name, "g1_" + name + "_2"};
    ASSERT_TRUE(sign_in(older));
    ASSERT_TRUE(client.sign_in() == pkt::Status::Success || sign_in(client));
    while (gateway.readable(0)) static_cast<void>(gateway.receive());  // the older one's kick-out
    const std::string place = "login:loc:" + name;
    EXPECT_EQ(servers[owner(place)]->ask({"GET", place}),
              encode_location({client.channel_id, "g1"}));
    const std::string session = "login:sn:" + client.channel_id;
    EXPECT_EQ(servers[owner(session)]->ask({"GET", session}), client.session().SerializeAsString());
    const std::string ended = "login:sn:" + older.channel_id;
    EXPECT_EQ(servers[owner(ended)]->ask({"GET", ended}), "(nil)");
    EXPECT_EQ(client.sign_out(), pkt::Status::Success);
    EXPECT_EQ(servers[owner(place)]->ask({"GET", place}), "(nil)");
    EXPECT_EQ(servers[owner(session)]->ask({"GET", session}), "(nil)");
  }
  EXPECT_TRUE(chat.store->health().is_well());
}

TEST_F(RedisClusterTest, ASlotThatMovesIsFollowed) {
  ChatService chat(url());
  ASSERT_TRUE(is_well(chat));
  TestGateway gateway(chat.port(), "g1");
  const std::string name = account_at(0);
  const std::string place = "login:loc:" + name;
  const std::string slot = std::to_string(redis_slot(place));
  const TestClient client{gateway, "g1", name, "g1_" + name + "_1"};
  ASSERT_TRUE(sign_in(client));
  ASSERT_EQ(servers[1]->ask({"CLUSTER", "SETSLOT", slot, "IMPORTING", id(0)}), "OK");
  ASSERT_EQ(servers[0]->ask({"CLUSTER", "SETSLOT", slot, "MIGRATING", id(1)}), "OK");
  servers[0]->ask({"MIGRATE", "127.0.0.1", port(1), place, "0", "5000"});
  EXPECT_EQ(client.sign_in(), pkt::Status::Success) << "it is on its way: ASK";
  ASSERT_EQ(servers[1]->ask({"CLUSTER", "SETSLOT", slot, "NODE", id(1)}), "OK");
  ASSERT_EQ(servers[0]->ask({"CLUSTER", "SETSLOT", slot, "NODE", id(1)}), "OK");
  EXPECT_EQ(client.sign_in(), pkt::Status::Success) << "it is there: MOVED";
  EXPECT_EQ(servers[1]->ask({"GET", place}), encode_location({client.channel_id, "g1"}));
  EXPECT_TRUE(chat.store->health().is_well());
}

TEST_F(RedisClusterTest, AServerThatDiesIsFollowedByItsReplica) {
  ChatService chat(url());
  ASSERT_TRUE(is_well(chat));
  servers[0]->stop();
  EXPECT_THAT(problem_with(chat, port(0)), HasSubstr("cluster"));
  EXPECT_TRUE(is_well(chat)) << chat.store->health().problem().value_or("");
  TestGateway gateway(chat.port(), "g1");
  const std::string name = account_at(0);
  EXPECT_TRUE(sign_in({gateway, "g1", name, "g1_" + name + "_1"}));
  EXPECT_EQ(servers[kReplica]->ask({"GET", "login:loc:" + name}),
            encode_location({"g1_" + name + "_1", "g1"}));
}

// Without a replica the cluster serves nobody until the server is back.
TEST_F(RedisClusterTest, AServerThatNobodyFollowsIsWaitedFor) {
  ChatService chat(url());
  ASSERT_TRUE(is_well(chat));
  servers[2]->stop();
  EXPECT_TRUE(until([&] { return !chat.store->health().is_well(); }));
  EXPECT_THAT(problem_with(chat, "CLUSTERDOWN"), HasSubstr("is not ready yet"));
  servers[2]->start();
  EXPECT_TRUE(is_well(chat)) << chat.store->health().problem().value_or("");
  expect_serves(chat);
}

// Members of a group whose locations are on it are not found; the others are, and get the talk.
TEST_F(RedisClusterTest, OnlyWhoIsOnAServerThatIsAwayIsNotFound) {
  ChatService chat(url());
  ASSERT_TRUE(is_well(chat));
  for (std::size_t i = 0; i < kPrimaries; ++i) {
    ASSERT_EQ(servers[i]->ask({"CONFIG", "SET", "cluster-require-full-coverage", "no"}), "OK");
  }
  TestGateway asking(chat.port(), "g1");
  TestGateway receiving(chat.port(), "g2");
  const auto client_at = [&](TestGateway& gateway, const std::string& id, std::size_t i) {
    const std::string name = account_at(i);
    for (int number = 0;; ++number) {  // its session is on the first server
      const std::string channel = id + "_" + name + "_" + std::to_string(number);
      if (owner("login:sn:" + channel) == 0) return TestClient{gateway, id, name, channel};
    }
  };
  const TestClient alice = client_at(asking, "g1", 0);
  const TestClient found = client_at(receiving, "g2", 1);
  const TestClient away = client_at(receiving, "g2", 2);
  for (const TestClient& client : {alice, found, away}) ASSERT_TRUE(sign_in(client));
  ASSERT_TRUE(can_talk(alice));
  pkt::GroupCreateReq create;
  for (const TestClient& client : {alice, found, away}) create.add_members(client.account);
  alice.ask("chat.group.create", 2, create.SerializeAsString());
  const std::string group = asking.receive().parse<pkt::GroupCreateResp>().group_id();
  ASSERT_EQ(receiving.receive().header.command(), "chat.group.create");
  const std::uint64_t before = chat.service->count(LogicCounter::kReceiversNotLocated);

  servers[2]->stop();
  pkt::MessageReq message;
  message.set_body("hello");
  alice.ask("chat.group.talk", 3, message.SerializeAsString(), group);
  EXPECT_EQ(asking.receive().header.status(), pkt::Status::Success);
  const ReceivedPacket push = receiving.receive();
  EXPECT_EQ(push.parse<pkt::MessagePush>().body(), "hello");
  EXPECT_EQ(push.meta("dest.channels"), found.channel_id);
  EXPECT_EQ(chat.service->count(LogicCounter::kReceiversNotLocated), before + 1);
}

// Of one of them: gateways are asked who is there.
TEST_F(RedisClusterTest, AServerThatLostItsDataIsNoticed) {
  ChatService chat(url());
  ASSERT_TRUE(is_well(chat));
  const auto has_data = [&](std::size_t i) {
    return servers[i]->ask_number({"EVAL", "return #redis.call('KEYS', 'ringgate:data*')", "0"}) >
           0;
  };
  for (std::size_t i = 0; i < kPrimaries; ++i) EXPECT_TRUE(until([&] { return has_data(i); }));
  const std::uint64_t before = chat.store->counts().roll_calls.get();
  servers[1]->ask({"FLUSHALL"});
  EXPECT_TRUE(until([&] { return chat.store->counts().roll_calls.get() > before; }));
}

}  // namespace
}  // namespace ringgate
