// A store whose primary sentinels name: real ones, and a real failover.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/services/store/redis/chat.h"
#include "tests/services/store/redis/servers/sentinel_world.h"
#include "tests/services/store/redis/until.h"

namespace ringgate {
namespace {

using testing::HasSubstr;

struct RedisSentinel : testing::Test, SentinelWorld {
  void expect_failover(ChatService& chat) {
    EXPECT_TRUE(until([&] {
      return replica.ask({"INFO", "replication"}).find("role:master") != std::string::npos &&
             replica.ask_number({"EXISTS", "ringgate:data"}) == 1 &&
             replica.ask({"CLIENT", "LIST"}).find("cmd=eval") != std::string::npos &&
             chat.store->health().is_well();
    }));
    expect_serves(chat);
    EXPECT_THAT(replica.ask({"GET", "login:loc:alice"}), HasSubstr("g1_alice_1"));
  }
};

TEST_F(RedisSentinel, APrimaryThatDiesIsFollowedByItsReplica) {
  ChatService chat(url());
  expect_serves(chat);
  EXPECT_THAT(primary.ask({"GET", "login:loc:alice"}), HasSubstr("g1_alice_1"));
  const std::uint64_t before = chat.store->counts().roll_calls.get();
  primary.stop();
  expect_failover(chat);
  EXPECT_GT(chat.store->counts().roll_calls.get(), before)
      << "what was not replicated is said again";
}

// The replica still has those who signed out or logged in again on a new channel.
TEST_F(RedisSentinel, WhoHasGoneDoesNotComeBackWithALossOfWrites) {
  const std::string boot = "0123456789";
  const auto channel = [&](const std::string& account, int login) {
    return "g1_" + account + "_" + boot + "00000000000000" + std::to_string(login);
  };
  ChatService chat(url());
  TestGateway gateway(chat.port(), "g1", 0, boot);
  const TestClient bob{gateway, "g1", "bob", channel("bob", 1)};
  const TestClient carol{gateway, "g1", "carol", channel("carol", 1)};
  const TestClient again{gateway, "g1", "carol", channel("carol", 2)};
  ASSERT_TRUE(sign_in(bob));
  ASSERT_TRUE(sign_in(carol));
  EXPECT_TRUE(until([&] { return replica.ask({"GET", "login:loc:carol"}) != "(nil)"; }));
  cut_replica_off();
  EXPECT_EQ(bob.sign_out(), pkt::Status::Success);
  EXPECT_TRUE(sign_in(again));
  EXPECT_THAT(replica.ask({"GET", "login:loc:bob"}), HasSubstr(bob.channel_id));
  EXPECT_THAT(replica.ask({"GET", "login:loc:carol"}), HasSubstr(carol.channel_id));
  primary.stop();
  EXPECT_TRUE(until([&] {
    return replica.ask({"GET", "login:loc:bob"}) == "(nil)" &&
           replica.ask({"GET", "login:loc:carol"}) == "(nil)";
  })) << "and who is there says so in a roll call";
  EXPECT_TRUE(until([&] { return chat.store->counts().owed.get() == 0; }));
  EXPECT_EQ(replica.ask({"GET", "login:sn:" + bob.channel_id}), "(nil)");
}

// It comes back as it was: nobody writes to it for long.
TEST_F(RedisSentinel, APrimaryThatHangsIsFollowedByItsReplica) {
  ChatService chat(url());
  expect_serves(chat);
  primary.pause();
  expect_failover(chat);
  primary.resume();
  expect_serves(chat);
}

TEST_F(RedisSentinel, ANameThatNoSentinelKnowsIsTold) {
  const ChatService chat(url("another"));
  EXPECT_THAT(problem_with(chat, "it knows no primary"), HasSubstr("\"another\""));
}

TEST_F(RedisSentinel, WithoutSentinelsThePrimaryIsUsedOn) {
  ChatService chat(url());
  expect_serves(chat);
  sentinel->stop();
  expect_serves(chat);
  EXPECT_TRUE(chat.store->health().is_well());
  primary.stop();
  const std::string who = ": 127.0.0.1:" + std::to_string(primary.port()) + ": ";
  EXPECT_THAT(problem_with(chat, who), HasSubstr(who)) << "of all hosts, who cannot be reached";
}

}  // namespace
}  // namespace ringgate
