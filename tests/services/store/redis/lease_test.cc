// The node number of message ids: one for each instance, leased in Redis.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "tests/services/handlers/test_clients.h"
#include "tests/services/store/redis/chat.h"
#include "tests/services/store/redis/server.h"

namespace ringgate {
namespace {

// The id of a talk that succeeds; 0 when none does.
std::int64_t id_of_talk(const TestClient& client) {
  for (int i = 0; i < 1000; ++i) {
    client.talk(2, "nobody", "hello");
    const ReceivedPacket answer = client.gateway.receive();
    if (answer.header.status() == pkt::Status::Success) {
      return answer.parse<pkt::MessageResp>().messageid();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return 0;
}

std::int64_t node_of(std::int64_t id) {
  return (id >> 12) & 1023;
}

std::int64_t ms_of(std::int64_t id) {
  return (id >> 22) + MessageIds::kEpochMs;
}

std::string node_key(std::int64_t node) {
  return "ringgate:node:" + std::to_string(node);
}

struct NodeLeaseTest : testing::Test {
  RedisServer redis;
};

TEST_F(NodeLeaseTest, IsRenewed) {
  ChatService chat(redis.port(), 2, 1 << 20, true, 60);
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  ASSERT_TRUE(sign_in(alice));
  const std::int64_t id = id_of_talk(alice);
  const std::string until = redis.ask({"GET", node_key(node_of(id)) + ":until"});
  std::int64_t later = id;
  while (later != 0 && ms_of(later) <= std::stoll(until) + 100) later = id_of_talk(alice);
  EXPECT_GT(later, id);
}

TEST_F(NodeLeaseTest, OneThatSomebodyElseHasIsGivenUp) {
  ChatService chat(redis.port(), 1, 1 << 20, true, 60);
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  ASSERT_TRUE(sign_in(alice));
  const std::int64_t node = node_of(id_of_talk(alice));
  redis.ask({"SET", node_key(node), "somebody"});
  std::int64_t id = id_of_talk(alice);
  for (int i = 0; i < 1000 && node_of(id) == node; ++i) id = id_of_talk(alice);
  EXPECT_NE(id, 0);
  EXPECT_NE(node_of(id), node);
}

// Who comes next begins where the last one could have ended, whatever its clock says.
TEST_F(NodeLeaseTest, IdsBeginAfterTheLeaseBefore) {
  const std::int64_t ahead_ms = wall_clock_ns() / 1'000'000 + 20'000;
  for (int node = 1000; node < 1024; ++node) {
    redis.ask({"SET", node_key(node) + ":until", std::to_string(ahead_ms)});
  }
  ChatService chat(redis.port());
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  ASSERT_TRUE(sign_in(alice));
  EXPECT_GT(ms_of(id_of_talk(alice)), ahead_ms);
}

TEST_F(NodeLeaseTest, InstancesHaveDifferentNodes) {
  ChatService first(redis.port());
  ChatService second(redis.port());
  TestGateway gateways[2] = {{first.port(), "g1"}, {second.port(), "g1"}};
  std::int64_t nodes[2] = {};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string name = "client" + std::to_string(i);
    const TestClient client{gateways[i], "g1", name, "g1_" + name};
    ASSERT_TRUE(sign_in(client));
    nodes[i] = node_of(id_of_talk(client));
    EXPECT_NE(redis.ask({"GET", node_key(nodes[i])}), "(nil)");
  }
  EXPECT_NE(nodes[0], nodes[1]);
}

TEST_F(NodeLeaseTest, WithoutANodeThereAreNoMessageIds) {
  for (int node = 1000; node < 1024; ++node) {
    redis.ask({"SET", node_key(node), "somebody"});
  }
  ChatService chat(redis.port());
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  ASSERT_TRUE(sign_in(alice));
  alice.talk(1, "nobody", "hello");
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::SystemException);
}

// Nodes below are those of existing services.
TEST_F(NodeLeaseTest, NodesAreThoseFrom1000On) {
  for (int i = 0; i < 5; ++i) {
    ChatService chat(redis.port());
    TestGateway gateway(chat.port(), "g1");
    const TestClient alice{gateway, "g1", "alice", "g1_alice_" + std::to_string(i)};
    ASSERT_TRUE(sign_in(alice));
    while (gateway.readable(0))
      static_cast<void>(gateway.receive());  // the kickout of the one before
    EXPECT_GE(node_of(id_of_talk(alice)), 1000);
  }
}

// More than there are nodes, in less time than one is leased for.
TEST_F(NodeLeaseTest, AnEndGivesItBack) {
  for (std::uint32_t i = 0; i < MessageIds::kNodes + 6; ++i) {
    std::int64_t node = 0;
    {
      ChatService chat(redis.port());
      TestGateway gateway(chat.port(), "g" + std::to_string(i));
      const std::string name = "client" + std::to_string(i);
      const TestClient client{gateway, "g" + std::to_string(i), name, "g_" + name};
      ASSERT_TRUE(sign_in(client));
      node = node_of(id_of_talk(client));
      ASSERT_NE(node, 0);
    }
    ASSERT_EQ(redis.ask({"GET", node_key(node)}), "(nil)");
  }
}

TEST_F(NodeLeaseTest, AnEndDoesNotWaitForAServerThatHangs) {
  std::optional<ChatService> chat(std::in_place, redis.port());
  TestGateway gateway(chat->port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  ASSERT_TRUE(sign_in(alice));
  ASSERT_NE(id_of_talk(alice), 0);
  redis.pause();
  chat.reset();
  redis.resume();
}

// Ids of a node whose last lease may go on would begin ahead of the clock.
TEST_F(NodeLeaseTest, ANodeWhoseTimeIsOverIsTakenFirst) {
  const std::int64_t ahead_ms = wall_clock_ns() / 1'000'000 + 20'000;
  for (int node = 1000; node < 1024; ++node) {
    if (node != 1007) redis.ask({"SET", node_key(node) + ":until", std::to_string(ahead_ms)});
  }
  ChatService chat(redis.port());
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  ASSERT_TRUE(sign_in(alice));
  EXPECT_EQ(node_of(id_of_talk(alice)), 1007);
}

// There are few, and who only keeps sessions gives out no ids.
TEST_F(NodeLeaseTest, WhoGivesOutNoIdsTakesNoNode) {
  RedisStoreOptions options;
  options.target = redis_at({"127.0.0.1", redis.port()});
  options.extra_endpoint = 0;
  options.leases_node = false;
  auto switchboard = Switchboard::create(1, 1, 1 << 16);
  ASSERT_TRUE(switchboard);
  RedisStore store(options, 1);
  ASSERT_TRUE(store.start(**switchboard));
  for (int i = 0; i < 10'000 && !store.health().is_well(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ASSERT_TRUE(store.health().is_well());
  store.stop();
  EXPECT_EQ(redis.ask_number({"EXISTS", "ringgate:node:1000"}), 0);
  EXPECT_EQ(redis.ask_number({"EVAL", "return #redis.call('KEYS', 'ringgate:node:*')", "0"}), 0);
}

}  // namespace
}  // namespace ringgate
