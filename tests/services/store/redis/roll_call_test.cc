// A location is believed while the boot of its gateway lives, and gateways of ours say who is
// there.
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "services/store/layout.h"
#include "tests/services/store/redis/chat.h"
#include "tests/services/store/redis/roll.h"
#include "tests/services/store/redis/server.h"
#include "tests/services/store/redis/until.h"

namespace ringgate {
namespace {

using namespace std::string_literals;

const std::string kAnother = "0123456780";

struct RollCallTest : testing::Test {
  RedisServer redis;
  ChatService chat{redis.port()};
  TestGateway gateway{chat.port(), "g1", 0, kBoot};

  [[nodiscard]] TestClient client(const std::string& account, const std::string& boot = kBoot,
                                  int login = 1, const std::string& app = "kim") {
    return {gateway, "g1", account, channel_of("g1", account, boot, login), app};
  }
  ReceivedPacket roll(const pkt::RollCallReq& request) { return call_roll(gateway, "g1", request); }
  ReceivedPacket present(const std::vector<TestClient>& clients) {
    return call_present(gateway, "g1", clients);
  }
  // Until the store has answered.
  std::uint64_t beat() { return ringgate::beat(gateway, "g1"); }
  pkt::Status acknowledges(const TestClient& one) {
    one.ask("chat.talk.ack", 7, pkt::MessageAckReq().SerializeAsString());
    return gateway.receive().header.status();
  }
  // As a lease of gateways after they were made.
  void data_are_old() { redis.ask({"DEL", "ringgate:data:new"}); }
};

TEST_F(RollCallTest, WithoutItsBootALocationIsVoid) {
  const TestClient alice = client("alice");
  const TestClient bob = client("bob");
  beat();
  ASSERT_TRUE(sign_in(alice));
  ASSERT_TRUE(sign_in(bob));
  ASSERT_TRUE(can_talk(alice));
  EXPECT_TRUE(reaches(alice, "bob"));
  EXPECT_GT(redis.ask_number({"PTTL", boot_key("g1", kBoot)}), 0);
  redis.ask({"DEL", boot_key("g1", kBoot)});  // as its end does
  for (int i = 0; i < 1000 && reaches(alice, "bob"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // it was believed for a moment
  }
  EXPECT_FALSE(reaches(alice, "bob"));
  beat();
  EXPECT_TRUE(reaches(alice, "bob"));
}

TEST_F(RollCallTest, TheEndOfABootEndsAllItsChannels) {
  const TestClient alice = client("alice");
  const TestClient bob = client("bob");
  beat();
  ASSERT_TRUE(sign_in(alice));
  ASSERT_TRUE(sign_in(bob));
  ASSERT_TRUE(can_talk(alice));
  EXPECT_TRUE(reaches(alice, "bob"));
  pkt::RollCallReq end;
  end.set_ends(true);
  EXPECT_EQ(roll(end).header.status(), pkt::Status::Success);
  EXPECT_FALSE(reaches(alice, "bob"));
}

// Of a gateway of another make, or one of ours that tells nobody that it lives.
TEST_F(RollCallTest, WhoCallsNoRollIsAsAliveAsEver) {
  const TestClient alice = client("alice");
  ASSERT_TRUE(sign_in(alice));
  ASSERT_TRUE(can_talk(alice));
  for (const std::string& channel : {"g1_bob_77"s, channel_of("g1", "bob", "q123456789")}) {
    ASSERT_TRUE(sign_in({gateway, "g1", "bob", channel}));
    EXPECT_TRUE(reaches(alice, "bob")) << channel;
    EXPECT_EQ((TestClient{gateway, "g1", "bob", channel}).sign_out(), pkt::Status::Success);
  }
}

TEST_F(RollCallTest, WhoIsPresentIsReachableAgainAfterALossOfData) {
  const TestClient alice = client("alice");
  TestClient bob = client("bob");
  bob.app = "shop";
  const std::uint64_t before = beat();
  ASSERT_TRUE(sign_in(alice));
  ASSERT_TRUE(sign_in(bob));
  ASSERT_TRUE(can_talk(alice));
  redis.ask({"FLUSHALL"});
  for (int i = 0; i < 1000 && beat() == before; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_NE(beat(), before) << "the service says that data were lost";
  const ReceivedPacket answer = present({alice, bob});
  EXPECT_EQ(answer.header.status(), pkt::Status::Success);
  EXPECT_TRUE(answer.parse<pkt::RollCallResp>().lost().empty());
  for (const TestClient& one : {alice, bob}) {
    EXPECT_EQ(redis.ask({"GET", "login:sn:" + one.channel_id}), one.session().SerializeAsString());
    const std::string place = location_key(one.account, one.app, "kim");
    EXPECT_EQ(redis.ask({"GET", place}), encode_location({one.channel_id, "g1"}));
    EXPECT_GT(redis.ask_number({"TTL", place}), 1000);
  }
}

// Clients log in again at 404, all of them at once, and ask again at 300. The first request that
// finds no session shows the loss.
TEST_F(RollCallTest, WhoMayBePresentIsNotTakenForGoneAfterALossOfData) {
  const TestClient alice = client("alice");
  const TestClient bob{gateway, "g1", "bob", "g1_bob_77"};  // of a gateway that calls no roll
  const std::uint64_t before = beat();
  ASSERT_TRUE(sign_in(alice));
  ASSERT_TRUE(sign_in(bob));
  data_are_old();
  ASSERT_EQ(acknowledges(alice), pkt::Status::Success);
  ASSERT_TRUE(until([&] { return acknowledges(client("carol")) == pkt::Status::SessionNotFound; }));
  redis.ask({"FLUSHALL"});
  EXPECT_EQ(acknowledges(alice), pkt::Status::SystemException);
  EXPECT_NE(beat(), before);
  EXPECT_EQ(acknowledges(bob), pkt::Status::SessionNotFound);
  ASSERT_EQ(present({alice}).header.status(), pkt::Status::Success);
  EXPECT_EQ(acknowledges(alice), pkt::Status::Success);
}

// It has not seen that the data are others than they were.
TEST_F(RollCallTest, AServiceThatStartsAfterALossOfDataKnowsOfIt) {
  const TestClient alice = client("alice");
  const TestClient bob{gateway, "g1", "bob", "g1_bob_77"};
  ASSERT_TRUE(until([&] { return acknowledges(bob) == pkt::Status::SessionNotFound; }));
  EXPECT_EQ(acknowledges(alice), pkt::Status::SystemException);
  ASSERT_EQ(present({alice}).header.status(), pkt::Status::Success);
  EXPECT_EQ(acknowledges(alice), pkt::Status::Success);
  EXPECT_GT(redis.ask_number({"PTTL", "ringgate:data:new"}), 0);
  data_are_old();
  EXPECT_TRUE(until([&] { return acknowledges(client("carol")) == pkt::Status::SessionNotFound; }));
}

// Whom a push was not sent to, since nobody could say whether they are there, is counted.
TEST_F(RollCallTest, NobodyIsTakenForOfflineAfterALossOfData) {
  const TestClient alice = client("alice");
  beat();
  ASSERT_TRUE(sign_in(alice));
  ASSERT_TRUE(can_talk(alice));
  const auto not_located = [&] { return chat.service->count(LogicCounter::kReceiversNotLocated); };
  const std::uint64_t before = not_located();
  EXPECT_FALSE(reaches(alice, "bob"));
  EXPECT_EQ(not_located(), before + 1);
  ASSERT_EQ(present({client("bob")}).header.status(), pkt::Status::Success);
  EXPECT_TRUE(reaches(alice, "bob"));
  EXPECT_EQ(not_located(), before + 1);
  data_are_old();
  EXPECT_TRUE(until([&] {
    const std::uint64_t count = not_located();
    EXPECT_FALSE(reaches(alice, "carol"));
    return not_located() == count;
  }));
}

TEST_F(RollCallTest, WhoIsPresentIsRenewedAndKeepsItsSession) {
  const TestClient alice = client("alice");
  beat();
  ASSERT_TRUE(sign_in(alice));
  const std::vector<std::string> keys = {"login:sn:" + alice.channel_id, "login:loc:alice"};
  for (const std::string& key : keys) redis.ask({"EXPIRE", key, "1000"});
  redis.ask({"SET", keys[0], "as it was", "KEEPTTL"});
  EXPECT_EQ(present({alice}).header.status(), pkt::Status::Success);
  for (const std::string& key : keys) EXPECT_GT(redis.ask_number({"TTL", key}), 1000) << key;
  EXPECT_EQ(redis.ask({"GET", keys[0]}), "as it was");
}

TEST_F(RollCallTest, AnAccountThatIsElsewhereStaysThereWhileThatGatewayLives) {
  const TestClient older = client("alice");
  const TestClient newer = client("alice", kBoot, 2);
  beat();
  ASSERT_TRUE(sign_in(newer));
  const ReceivedPacket answer = present({older});
  ASSERT_EQ(answer.parse<pkt::RollCallResp>().lost_size(), 1);
  EXPECT_EQ(answer.parse<pkt::RollCallResp>().lost(0), older.channel_id);
  EXPECT_EQ(redis.ask({"GET", "login:loc:alice"}), encode_location({newer.channel_id, "g1"}));

  // Of another make: nobody knows whether it lives, so it stays.
  redis.ask({"SET", "login:loc:alice", encode_location({"kim_alice_1", "kim"})});
  EXPECT_EQ(present({older}).parse<pkt::RollCallResp>().lost_size(), 1);
  // Of a boot that has ended: nobody is there.
  redis.ask(
      {"SET", "login:loc:alice", encode_location({channel_of("g1", "alice", kAnother), "g1"})});
  EXPECT_EQ(present({older}).parse<pkt::RollCallResp>().lost_size(), 0);
  EXPECT_EQ(redis.ask({"GET", "login:loc:alice"}), encode_location({older.channel_id, "g1"}));
}

// In data that have been lost whoever says first that he is there has the account, and a newer
// login takes it from him; he is asked for again, so that he learns of it.
TEST_F(RollCallTest, OfTwoThatAreThereTheNewerLoginHasTheAccount) {
  const TestClient older = client("alice", kBoot, 2'000'000);
  const TestClient newer = client("alice", kBoot, 3'000'000);
  // Until the store has taken it, as a gateway does.
  const auto say = [&](const TestClient& one) {
    pkt::RollCallResp taken;
    EXPECT_TRUE(until([&] {
      const ReceivedPacket answer = present({one});
      if (answer.header.status() != pkt::Status::Success) return false;
      taken = answer.parse<pkt::RollCallResp>();
      return true;
    }));
    return taken;
  };
  for (int i = 0; i < 2; ++i) {
    const std::uint64_t lost = beat();
    redis.ask({"FLUSHALL"});
    ASSERT_TRUE(until([&] { return beat() != lost; }));
    const pkt::RollCallResp before = say(older);
    EXPECT_EQ(before.lost_size(), 0);
    EXPECT_EQ(say(newer).lost_size(), 0);
    EXPECT_EQ(redis.ask({"GET", "login:loc:alice"}), encode_location({newer.channel_id, "g1"}));
    EXPECT_TRUE(until([&] { return beat() != before.epoch(); }));
    EXPECT_EQ(say(older).lost_size(), 1);
    EXPECT_EQ(redis.ask({"GET", "login:loc:alice"}), encode_location({newer.channel_id, "g1"}));
  }
}

// A client of a gateway of another make may send any command.
TEST_F(RollCallTest, IsOnlyForGatewaysOfOurs) {
  beat();
  TestGateway other(chat.port(), "g2");
  pkt::RollCallReq request;
  *request.add_present() = client("alice").session();
  other.send({.command = "login.rollcall", .channel_id = "g2", .dest_server = "g2"},
             request.SerializeAsString());
  EXPECT_EQ(other.receive().header.status(), pkt::Status::InvalidCommand);
  EXPECT_EQ(redis.ask({"GET", "login:loc:alice"}), "(nil)");
}

// It can only speak of its own.
TEST_F(RollCallTest, ChannelsOfOthersAreNotTaken) {
  beat();
  TestClient comma = client("alice");
  comma.account = "shop,alice";
  const TestClient another_boot = client("bob", kAnother);
  const TestClient another_gateway{gateway, "g1", "carol", channel_of("g2", "carol", kBoot)};
  EXPECT_EQ(present({comma, another_boot, another_gateway}).header.status(), pkt::Status::Success);
  EXPECT_EQ(redis.ask_number({"EVAL", "return #redis.call('KEYS', 'login:loc:*')", "0"}), 0);
}

TEST_F(RollCallTest, ASignOutSaysWhoseItIs) {
  const TestClient alice = client("alice");
  beat();
  ASSERT_TRUE(sign_in(alice));
  redis.ask({"DEL", "login:sn:" + alice.channel_id});
  gateway.send({.command = "login.signout", .channel_id = alice.channel_id, .dest_server = "g1"},
               alice.session().SerializeAsString());
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::Success);
  EXPECT_EQ(redis.ask({"GET", "login:loc:alice"}), "(nil)");
}

// Each is remembered for the case of a failover.
TEST(RememberedSignOuts, MoreThanMayBeAreCounted) {
  const RedisServer redis;
  ChatService chat(redis.port(), 1, 1 << 20, true, 30'000, 3);
  TestGateway gateway(chat.port(), "g1", 0, kBoot);
  for (int i = 0; i < 5; ++i) {
    const TestClient alice{gateway, "g1", "alice", channel_of("g1", "alice", kBoot, i)};
    ASSERT_TRUE(sign_in(alice));
    EXPECT_EQ(alice.sign_out(), pkt::Status::Success);
  }
  EXPECT_EQ(chat.store->counts().made_forgotten.get(), 2);
}

}  // namespace
}  // namespace ringgate
