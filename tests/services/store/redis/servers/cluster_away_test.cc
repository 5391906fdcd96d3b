// A cluster of which one server is away, and nobody follows it: the others serve on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "services/store/layout.h"
#include "tests/services/store/redis/roll.h"
#include "tests/services/store/redis/servers/cluster_world.h"

namespace ringgate {
namespace {

using testing::HasSubstr;

// Those that are left serve their keys.
struct RedisClusterAwayTest : RedisClusterTest {
  RedisClusterAwayTest() {
    for (std::size_t i = 0; i < kPrimaries; ++i) {
      EXPECT_EQ(servers[i]->ask({"CONFIG", "SET", "cluster-require-full-coverage", "no"}), "OK");
    }
  }
  // The id of a gateway whose lease is there.
  static std::string gateway_at(std::size_t i) {
    for (int number = 0;; ++number) {
      std::string id = "g" + std::to_string(number);
      if (owner(boot_key(id, kBoot)) == i) return id;
    }
  }
  // A client whose session and location are there.
  static TestClient client_at(TestGateway& gateway, const std::string& id, std::size_t session,
                              std::size_t location, const std::string& app = "kim") {
    for (int number = 0;; ++number) {
      const std::string account = "a" + std::to_string(number);
      const std::string channel = channel_of(id, account, kBoot);
      if (owner("login:sn:" + channel) == session &&
          owner(location_key(account, app, "kim")) == location) {
        return {gateway, id, account, channel, app};
      }
    }
  }
};

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
TEST_F(RedisClusterAwayTest, OnlyWhoIsThereIsNotFound) {
  ChatService chat(url());
  ASSERT_TRUE(is_well(chat));
  const std::string ids[] = {gateway_at(0), gateway_at(1)};
  TestGateway asking(chat.port(), ids[0], 0, kBoot);
  TestGateway receiving(chat.port(), ids[1], 0, kBoot);
  beat(asking, ids[0]);
  beat(receiving, ids[1]);
  const TestClient alice = client_at(asking, ids[0], 0, 0);
  const TestClient found = client_at(receiving, ids[1], 0, 1);
  const TestClient away = client_at(receiving, ids[1], 0, 2);
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

// It is believed that a gateway lives of which nobody can say it.
TEST_F(RedisClusterAwayTest, WhoseGatewaysLeaseIsThereIsReached) {
  ChatService chat(url());
  ASSERT_TRUE(is_well(chat));
  const std::string id = gateway_at(2);
  TestGateway gateway(chat.port(), id, 0, kBoot);
  const TestClient alice = client_at(gateway, id, 0, 0);
  const TestClient bob = client_at(gateway, id, 1, 1);
  beat(gateway, id);
  for (const TestClient& client : {alice, bob}) ASSERT_TRUE(sign_in(client));
  ASSERT_TRUE(can_talk(alice));
  servers[2]->stop();
  ASSERT_TRUE(until([&] { return !chat.store->health().is_well(); }));
  EXPECT_TRUE(until([&] { return try_reach(alice, bob.account) == true; }));
  // It is heard, and hears of losses elsewhere.
  const std::uint64_t before = beat(gateway, id);
  servers[1]->ask({"FLUSHALL"});
  EXPECT_TRUE(until([&] { return beat(gateway, id) != before; }));
  EXPECT_TRUE(until([&] {
    return call_present(gateway, id, {alice, bob}).header.status() == pkt::Status::Success;
  }));
  EXPECT_TRUE(until([&] { return try_reach(alice, bob.account) == true; }));
  servers[2]->start();  // without its data
  EXPECT_TRUE(is_well(chat)) << chat.store->health().problem().value_or("");
  beat(gateway, id);
  EXPECT_TRUE(until([&] { return try_reach(alice, bob.account) == true; }));
}

// As `redis-cli --cluster fix` does it: another one has its slots then, and nothing of what was in
// them.
TEST_F(RedisClusterAwayTest, WhoWasThereIsAskedForWhenItsSlotsAreElsewhere) {
  ChatService chat(url());
  ASSERT_TRUE(is_well(chat));
  const std::string id = gateway_at(1);
  TestGateway gateway(chat.port(), id, 0, kBoot);
  const TestClient alice = client_at(gateway, id, 0, 0);
  const TestClient bob = client_at(gateway, id, 2, 2);
  const std::uint64_t before = beat(gateway, id);
  for (const TestClient& client : {alice, bob}) ASSERT_TRUE(sign_in(client));
  ASSERT_TRUE(can_talk(alice));
  for (std::size_t i = 0; i < kPrimaries; ++i) {  // the data are as old as they would be
    servers[i]->ask({"EVAL",
                     "for _, key in ipairs(redis.call('KEYS', 'ringgate:data:new*')) do "
                     "redis.call('DEL', key) end",
                     "0"});
  }
  const std::string gone = this->id(2);
  servers[2]->stop();
  ASSERT_TRUE(until([&] { return !chat.store->health().is_well(); }));
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}, kReplica}) {
    EXPECT_EQ(servers[i]->ask({"CLUSTER", "FORGET", gone}), "OK");
  }
  ASSERT_EQ(servers[0]->ask({"CLUSTER", "ADDSLOTSRANGE", std::to_string(2 * kSlotsEach),
                             std::to_string(kRedisSlots - 1)}),
            "OK");
  ASSERT_TRUE(is_well(chat)) << chat.store->health().problem().value_or("");
  bob.ask("chat.talk.ack", 7, pkt::MessageAckReq().SerializeAsString());
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::SystemException) << "it is asked again";
  EXPECT_NE(beat(gateway, id), before) << "gateways are asked who is there";
  EXPECT_TRUE(until([&] {
    return call_present(gateway, id, {alice, bob}).header.status() == pkt::Status::Success;
  }));
  EXPECT_TRUE(until([&] { return try_reach(alice, bob.account) == true; }));
}

// The others have numbers, too.
TEST_F(RedisClusterAwayTest, MessageIdsGoOnWithANumberOfAnotherServer) {
  ChatService chat(url(), nullptr, 500);
  ASSERT_TRUE(is_well(chat));
  TestGateway gateway(chat.port(), "g1");
  const auto number_of_talk = [](const TestClient& client) {
    client.talk(2, "nobody", "hello");
    const ReceivedPacket answer = client.gateway.receive();
    if (answer.header.status() != pkt::Status::Success) return std::int64_t{0};
    return (answer.parse<pkt::MessageResp>().messageid() >> 12) & 1023;
  };
  const auto client_of = [&](std::size_t i) {
    const TestClient client = client_at(gateway, "g1", i, i);
    EXPECT_TRUE(sign_in(client));
    return client;
  };
  const TestClient clients[] = {client_of(0), client_of(1)};
  ASSERT_TRUE(can_talk(clients[0]));
  std::int64_t number = 0;
  ASSERT_TRUE(until([&] { return (number = number_of_talk(clients[0])) != 0; }));
  const std::size_t away = owner("ringgate:node:" + std::to_string(number));
  const TestClient& alice = clients[away == 0 ? 1 : 0];
  servers[away]->stop();
  // Longer than the lease lasts.
  EXPECT_TRUE(until([&] {
    const std::int64_t now = number_of_talk(alice);
    return now != 0 && now != number;
  }));
}

TEST_F(RedisClusterAwayTest, AChatThatStartsThenHasMessageIds) {
  servers[2]->stop();
  ChatService chat(url());
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice = client_at(gateway, "g1", 1, 1);
  EXPECT_TRUE(sign_in(alice));
  EXPECT_TRUE(can_talk(alice));
}

}  // namespace
}  // namespace ringgate
