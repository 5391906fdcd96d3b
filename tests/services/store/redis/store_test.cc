// Login and chat over a real Redis server: its layout, two services that share it, its outages.
#include "services/store/redis/store.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/common/lost_wakeups.h"
#include "tests/services/handlers/test_clients.h"
#include "tests/services/store/redis/chat.h"
#include "tests/services/store/redis/server.h"

namespace ringgate {
namespace {

using namespace std::string_literals;

constexpr long long kTwoDaysS = 48 * 3600;

struct RedisStoreTest : testing::Test {
  RedisServer redis;
};

TEST_F(RedisStoreTest, KeepsTheSharedLayout) {
  ChatService chat(redis.port());
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  ASSERT_TRUE(sign_in(alice));
  pkt::Session session;
  ASSERT_TRUE(session.ParseFromString(redis.ask({"GET", "login:sn:g1_alice_1"})));
  EXPECT_EQ(session.SerializeAsString(), alice.session().SerializeAsString());
  EXPECT_EQ(redis.ask({"GET", "login:loc:alice"}), "\0\x0Ag1_alice_1\0\x02g1"s);
  EXPECT_GT(redis.ask_number({"TTL", "login:sn:g1_alice_1"}), kTwoDaysS - 60);
  EXPECT_GT(redis.ask_number({"TTL", "login:loc:alice"}), kTwoDaysS - 60);

  const TestClient other{gateway, "g1", "alice", "g1_alice_2", "other"};
  ASSERT_TRUE(sign_in(other));
  EXPECT_EQ(redis.ask({"GET", "login:loc:other,alice"}), "\0\x0Ag1_alice_2\0\x02g1"s);

  EXPECT_EQ(alice.sign_out(), pkt::Status::Success);
  EXPECT_EQ(redis.ask({"GET", "login:sn:g1_alice_1"}), "(nil)");
  EXPECT_EQ(redis.ask({"GET", "login:loc:alice"}), "(nil)");
  EXPECT_NE(redis.ask({"GET", "login:loc:other,alice"}), "(nil)");
}

// The key of bob's place in the app "shop" is login:loc:shop,bob.
TEST_F(RedisStoreTest, ANameWithACommaReachesNobodyOfAnotherApp) {
  ChatService chat(redis.port());
  TestGateway gateway(chat.port(), "g1");
  TestGateway shop(chat.port(), "g2");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  const TestClient bob{shop, "g2", "bob", "g2_bob_1", "shop"};
  ASSERT_TRUE(sign_in(alice));
  ASSERT_TRUE(sign_in(bob));
  ASSERT_NE(redis.ask({"GET", "login:loc:shop,bob"}), "(nil)");
  ASSERT_TRUE(can_talk(alice));
  const std::string before = redis.ask({"INFO", "commandstats"});
  redis.ask({"CONFIG", "RESETSTAT"});
  alice.talk(7, "shop,bob", "hello");
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::NoDestination);
  const std::string stats = redis.ask({"INFO", "commandstats"});
  EXPECT_EQ(stats.find("cmdstat_mget"), std::string::npos) << "the store was not asked: " << stats;
  ASSERT_NE(before.find("cmdstat_mget"), std::string::npos) << "as it is for a good name";
  bob.talk(8, "nobody", "hello");
  const ReceivedPacket next = shop.receive();
  EXPECT_EQ(next.header.flag(), pkt::Flag::Response);
  EXPECT_EQ(next.header.sequence(), 8);
}

// Others write there, too: what they put in a location must not become a list of channels.
TEST_F(RedisStoreTest, ALocationThatNamesNoChannelIsNobodys) {
  ChatService chat(redis.port());
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  ASSERT_TRUE(sign_in(alice));
  ASSERT_TRUE(can_talk(alice));
  redis.ask({"SET", "login:loc:bob", "\0\x15g1_carol_1,g1_alice_1\0\x02g1"s});
  alice.talk(7, "bob", "hello");
  const ReceivedPacket answer = gateway.receive();
  EXPECT_EQ(answer.header.flag(), pkt::Flag::Response);
  EXPECT_EQ(answer.header.status(), pkt::Status::Success) << "as for somebody offline";
  ASSERT_TRUE(can_talk(alice)) << "nothing came between";
}

TEST_F(RedisStoreTest, UseRenewsWhatIsUsed) {
  ChatService chat(redis.port());
  TestGateway gateway(chat.port(), "g1");
  TestGateway receiving(chat.port(), "g2");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  const TestClient bob{receiving, "g2", "bob", "g2_bob_1"};
  ASSERT_TRUE(sign_in(alice));
  ASSERT_TRUE(sign_in(bob));
  ASSERT_TRUE(can_talk(alice));
  const std::vector<std::string> keys = {"login:sn:g1_alice_1", "login:loc:alice", "login:loc:bob"};
  for (const std::string& key : keys) redis.ask({"EXPIRE", key, "1000"});
  alice.talk(2, "bob", "hello");
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::Success);
  ASSERT_TRUE(can_talk(alice));  // renewals were sent before this one's requests
  for (const std::string& key : keys) {
    EXPECT_GT(redis.ask_number({"TTL", key}), kTwoDaysS - 60) << key;
  }
}

TEST_F(RedisStoreTest, GoesOnWithoutWakeUps) {
  ChatService chat(redis.port());
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  ASSERT_TRUE(sign_in(alice));
  ASSERT_TRUE(can_talk(alice));
  EXPECT_EQ(test::lose_wakeups(), 7U)
      << "of the shard, control, the store's two and its names, the message store's two";
  for (int i = 1; i < 8; ++i) {
    const std::string bob = "bob" + std::to_string(i);
    const TestClient client{gateway, "g1", bob, "g1_" + bob + "_1"};
    EXPECT_EQ(client.sign_in(), pkt::Status::Success);
    client.talk(2, "nobody", "hello");
    EXPECT_EQ(gateway.receive().header.status(), pkt::Status::Success);
  }
}

TEST_F(RedisStoreTest, ANewerLoginOnAnotherInstanceEndsTheOlder) {
  ChatService first(redis.port());
  ChatService second(redis.port());
  TestGateway gateway1(first.port(), "g1");
  TestGateway gateway2(second.port(), "g2");
  TestGateway gateway1_at_second(second.port(), "g1");
  const TestClient older{gateway1, "g1", "alice", "g1_alice_1"};
  const TestClient newer{gateway2, "g2", "alice", "g2_alice_1"};
  ASSERT_TRUE(sign_in(older));
  ASSERT_TRUE(sign_in(newer));
  const ReceivedPacket kickout = gateway1_at_second.receive();
  EXPECT_EQ(kickout.parse<pkt::KickoutNotify>().channelid(), "g1_alice_1");
  EXPECT_EQ(kickout.meta("dest.channels"), "g1_alice_1");
  EXPECT_EQ(redis.ask({"GET", "login:sn:g1_alice_1"}), "(nil)");

  EXPECT_EQ(older.sign_out(), pkt::Status::Success);  // late
  EXPECT_EQ(redis.ask({"GET", "login:loc:alice"}), "\0\x0Ag2_alice_1\0\x02g2"s);
  EXPECT_NE(redis.ask({"GET", "login:sn:g2_alice_1"}), "(nil)");
}

TEST_F(RedisStoreTest, ALocationIsOnlyRemovedByItsOwnChannel) {
  ChatService chat(redis.port());
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  ASSERT_TRUE(sign_in(alice));
  const std::string newer = "\0\x0Bg1_alice_10\0\x02g1"s;  // the session is still there
  redis.ask({"SET", "login:loc:alice", newer});
  EXPECT_EQ(alice.sign_out(), pkt::Status::Success);
  EXPECT_EQ(redis.ask({"GET", "login:loc:alice"}), newer);
  EXPECT_EQ(redis.ask({"GET", "login:sn:g1_alice_1"}), "(nil)");
}

TEST_F(RedisStoreTest, ServesSeveralShards) {
  ChatService chat(redis.port(), 3);
  TestGateway gateways[3] = {
      {chat.port(), "g1", 0}, {chat.port(), "g1", 1}, {chat.port(), "g1", 2}};
  std::vector<TestClient> clients;
  for (TestGateway& gateway : gateways) {
    const std::string name = "client" + std::to_string(clients.size());
    clients.push_back({gateway, "g1", name, "g1_" + name});
  }
  std::int64_t ids[3] = {};
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(sign_in(clients[i]));
    ASSERT_TRUE(can_talk(clients[i]));
    clients[i].talk(2, "nobody", "hello");
    ids[i] = gateways[i].receive().parse<pkt::MessageResp>().messageid();
    EXPECT_GT(ids[i], 10'000);
  }
  EXPECT_EQ((ids[0] >> 12) & 1023, (ids[1] >> 12) & 1023);  // one node, one lease
  EXPECT_NE(ids[0] & 4095, ids[1] & 4095);
}

TEST_F(RedisStoreTest, AnOutageIsAnsweredWith300AndEnds) {
  ChatService chat(redis.port());
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  ASSERT_TRUE(sign_in(alice));
  redis.stop();
  alice.talk(2, "nobody", "hello");
  const ReceivedPacket failed = gateway.receive();
  EXPECT_EQ(failed.header.status(), pkt::Status::SystemException);
  EXPECT_FALSE(failed.parse<pkt::ErrorResp>().message().empty());
  redis.start();
  ASSERT_TRUE(sign_in(alice));
  EXPECT_TRUE(can_talk(alice));
}

TEST_F(RedisStoreTest, AServerThatHangsIsAnsweredWith300) {
  ChatService chat(redis.port());
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  ASSERT_TRUE(sign_in(alice));
  redis.pause();
  alice.talk(2, "nobody", "hello");
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::SystemException);
  redis.resume();
  EXPECT_TRUE(can_talk(alice));
}

// Nobody reads the store's mail: the mailbox fills, and what is beyond it is answered at once.
TEST_F(RedisStoreTest, AFullStoreIsAnsweredWith300) {
  ChatService chat(redis.port(), 1, 4096, false);
  TestGateway gateway(chat.port(), "g1");
  constexpr std::uint32_t kClients = 600;
  for (std::uint32_t i = 0; i < kClients; ++i) {
    const TestClient client{gateway, "g1", "alice", "g1_alice_" + std::to_string(i)};
    client.talk(i, "nobody", "hello");
  }
  std::uint32_t full = 0;
  for (std::uint32_t i = 0; i < kClients; ++i) {
    const ReceivedPacket answer = gateway.receive();
    EXPECT_EQ(answer.header.status(), pkt::Status::SystemException);
    const std::string text = answer.parse<pkt::ErrorResp>().message();
    if (text == describe(StoreError::kFull)) {
      ++full;
    } else {
      EXPECT_EQ(text, describe(StoreError::kTimeout));
    }
  }
  EXPECT_GT(full, 0);
  EXPECT_LT(full, kClients);
}

TEST_F(RedisStoreTest, MailOfAnUnknownKindIsCountedAndTheStoreGoesOn) {
  ChatService chat(redis.port());
  Switchboard& board = chat.service->group().switchboard();
  const std::uint32_t store = board.extra(0);
  ASSERT_NE(board.box(board.control(), store).reserve(kOwnStoreMail.first, 8, Urgency::kControl),
            nullptr);
  if (board.publish(board.control(), store)) board.wake(store);
  for (int i = 0; i < 2000 && chat.store->thread().unknown_mail().count() == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(chat.store->thread().unknown_mail().kind(), kOwnStoreMail.first);
  TestGateway gateway(chat.port(), "g1");
  EXPECT_TRUE(sign_in(TestClient{gateway, "g1", "alice", "g1_alice_1"}));
}

}  // namespace
}  // namespace ringgate
