// A store of several servers that share the keys: where a key is, and who has it next.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "services/store/layout.h"
#include "tests/services/store/redis/servers/cluster_world.h"

namespace ringgate {
namespace {

using testing::HasSubstr;

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
