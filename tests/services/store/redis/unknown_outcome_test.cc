// What was answered with an error does not happen later, and what could not be done is done later.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "dataplane/clock.h"
#include "tests/services/store/redis/chat.h"
#include "tests/services/store/redis/fake.h"
#include "tests/services/store/redis/server.h"
#include "tests/services/store/redis/until.h"

namespace ringgate {
namespace {

// The commands of a sign-in and what it is answered wait in the stopped server's socket.
TEST(UnknownOutcome, ASignInThatWasAnsweredTooLateDoesNotHappen) {
  RedisServer redis;
  ChatService chat(redis.port());
  TestGateway gateway(chat.port(), "g1");
  const TestClient older{gateway, "g1", "alice", "g1_alice_1"};
  const TestClient late{gateway, "g1", "alice", "g1_alice_2"};
  ASSERT_TRUE(sign_in(older));
  redis.ask({"CONFIG", "RESETSTAT"});
  redis.pause();
  EXPECT_EQ(late.sign_in(), pkt::Status::SystemException);
  // It is answered before its own time is over where something older was not answered in time.
  const std::uint64_t over_ms = Clock::monotonic_ms() + chat.options.timeout_ms;
  ASSERT_TRUE(until([&] { return Clock::monotonic_ms() > over_ms; }));
  redis.resume();
  ASSERT_TRUE(until(
      [&] { return chat.store->health().is_well() && chat.store->counts().owed.get() == 0; }));
  ASSERT_TRUE(can_talk(older)) << "its session is still there";
  EXPECT_THAT(redis.ask({"GET", "login:loc:alice"}), testing::HasSubstr("g1_alice_1"));
  EXPECT_EQ(redis.ask({"GET", "login:sn:g1_alice_2"}), "(nil)");
  EXPECT_THAT(redis.ask({"INFO", "errorstats"}), testing::HasSubstr("errorstat_LATE"))
      << "it came to the server, which refused it";
}

// It happened, but nobody heard of it.
TEST(UnknownOutcome, ASignInWhoseAnswerWasLostIsUndone) {
  std::atomic<bool> undone{false};
  std::atomic<bool> swallow{true};
  FakeRedis redis([&](const FakeRedis::Words& command) -> std::string {
    if (command[0] == "EVAL" && command[3] == "login:loc:alice" && command.size() > 5) {
      return swallow ? "" : "$-1\r\n";  // the sign-in
    }
    if (command[0] != "DEL" || command[1] != "login:sn:g1_alice_1") {
      const bool leaves = command[0] == "EVAL" && command[3] == "login:loc:alice";
      return leaves ? ":1\r\n" : FakeRedis::well(command);
    }
    undone = true;
    return ":1\r\n";
  });
  ChatService chat(redis.port());
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  ASSERT_TRUE(until([&] { return chat.store->health().is_well(); }));
  EXPECT_EQ(alice.sign_in(), pkt::Status::SystemException);
  EXPECT_TRUE(until([&] { return undone.load() && chat.store->counts().owed.get() == 0; }));
}

TEST(UnknownOutcome, SignOutsOfAStallAreMadeWhenItIsOver) {
  RedisServer redis;
  ChatService chat(redis.port());
  TestGateway gateway(chat.port(), "g1");
  constexpr int kClients = 20;
  for (int i = 0; i < kClients; ++i) {
    const std::string name = "client" + std::to_string(i);
    ASSERT_TRUE(sign_in({gateway, "g1", name, "g1_" + name + "_1"}));
  }
  redis.pause();
  for (int i = 0; i < kClients; ++i) {
    const std::string name = "client" + std::to_string(i);
    EXPECT_EQ((TestClient{gateway, "g1", name, "g1_" + name + "_1"}.sign_out()),
              pkt::Status::SystemException);
  }
  EXPECT_EQ(chat.store->counts().owed.get(), kClients);
  redis.resume();
  EXPECT_TRUE(until([&] {
    return redis.ask_number({"EVAL", "return #redis.call('KEYS', 'login:*:*client*')", "0"}) == 0;
  }));
  EXPECT_TRUE(until([&] { return chat.store->counts().owed.get() == 0; }));
}

// The thread itself hangs, and comes to calls whose callers have been told that there is no answer.
TEST(UnknownOutcome, OfCallsThatTheThreadMissedOnlySignOutsAreMade) {
  RedisServer redis;
  ChatService chat(redis.port());
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  ASSERT_TRUE(sign_in(alice));
  std::atomic<bool> hangs{true};
  chat.store->thread().loop().post([&hangs] {
    while (hangs) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  EXPECT_EQ(alice.sign_out(), pkt::Status::SystemException);
  EXPECT_EQ((TestClient{gateway, "g1", "bob", "g1_bob_1"}.sign_in()), pkt::Status::SystemException);
  hangs = false;
  EXPECT_TRUE(until([&] { return redis.ask({"GET", "login:sn:g1_alice_1"}) == "(nil)"; }));
  EXPECT_TRUE(until([&] { return chat.store->thread().calls().in_flight() == 0; }));
  EXPECT_EQ(redis.ask({"GET", "login:loc:alice"}), "(nil)");
  EXPECT_EQ(redis.ask({"GET", "login:sn:g1_bob_1"}), "(nil)");
  EXPECT_GT(chat.store->thread().calls().late(), 0U);
}

TEST(UnknownOutcome, MoreThanMayBeOwedIsCounted) {
  RedisServer redis;
  ChatService chat(redis.port(), 1, 1 << 20, true, 30'000, 3);
  TestGateway gateway(chat.port(), "g1");
  ASSERT_TRUE(sign_in({gateway, "g1", "alice", "g1_alice_1"}));
  redis.pause();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ((TestClient{gateway, "g1", "alice", "g1_alice_" + std::to_string(i)}.sign_out()),
              pkt::Status::SystemException);
  }
  EXPECT_EQ(chat.store->counts().owed.get(), 3);
  EXPECT_EQ(chat.store->counts().owed_dropped.get(), 2);
  redis.resume();
}

TEST(UnknownOutcome, AConnectionThatBrokeMakesGatewaysCallTheRoll) {
  RedisServer redis;
  ChatService chat(redis.port());
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  ASSERT_TRUE(sign_in(alice));
  const std::uint64_t before = chat.store->counts().roll_calls.get();
  redis.ask({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  EXPECT_TRUE(until([&] { return chat.store->counts().roll_calls.get() > before; }));
}

// An array of nothing is no answer to a GET: what was there was read without a look at its length.
TEST(UnknownOutcome, AnEmptyArrayIsAnErrorOfThatRequest) {
  FakeRedis redis([&](const FakeRedis::Words& command) -> std::string {
    if (command[0] == "GET" || command[0] == "MGET") return "*0\r\n";
    return FakeRedis::well(command);
  });
  ChatService chat(redis.port());
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  ASSERT_TRUE(until([&] { return chat.store->health().is_well(); }));
  alice.talk(1, "bob", "hello");
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::SystemException);
  EXPECT_EQ(alice.sign_out(), pkt::Status::SystemException);
}

}  // namespace
}  // namespace ringgate
