// What the store's thread says of a store that does not work, and what it makes of odd answers.
#include "services/store/health.h"

#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>
#include <utility>

#include "tests/services/store/redis/chat.h"
#include "tests/services/store/redis/fake.h"
#include "tests/services/store/redis/server.h"

namespace ringgate {
namespace {

using testing::AllOf;
using testing::HasSubstr;

bool until(const std::function<bool()>& condition) {
  for (int i = 0; i < 20'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

bool gets_well(const ChatService& chat) {
  return until([&] { return chat.store->health().is_well() && !chat.store->health().problem(); });
}

// The first problem with these words.
std::string problem_with(const ChatService& chat, const std::string& words) {
  std::string problem;
  until([&] {
    problem = chat.store->health().problem().value_or("none");
    return problem.find(words) != std::string::npos;
  });
  return problem;
}

double errors(const ChatService& chat, const std::string& kind) {
  MetricsSnapshot metrics;
  chat.store->health().collect(metrics, "chat01");
  for (const prometheus::MetricFamily& family : metrics.take()) {
    if (family.name != "ringgate_store_errors_total") continue;
    for (const prometheus::ClientMetric& metric : family.metric) {
      for (const auto& label : metric.label) {
        if (label.name == "kind" && label.value == kind) return metric.counter.value;
      }
    }
  }
  return -1;
}

// How it begins, a connection that broke, is seldom what keeps it away.
TEST(StoreHealth, TellsEachKindOfTroubleOnceWhileItLasts) {
  std::ostringstream log;
  const std::shared_ptr<spdlog::logger> before = spdlog::default_logger();
  auto logger = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_st>(log));
  logger->set_pattern("%v");
  spdlog::set_default_logger(std::move(logger));
  StoreHealth health("redis a:1");
  for (int i = 0; i < 3; ++i) {
    health.ill(StoreTrouble::kConnection, "it broke");
    health.ill(StoreTrouble::kDenied, "WRONGPASS");
  }
  EXPECT_EQ(log.str(),
            "the session store redis a:1 cannot be reached: it broke\n"
            "the session store redis a:1 does not let us in: WRONGPASS\n");
  log.str("");
  health.well();
  health.ill(StoreTrouble::kDenied, "WRONGPASS");
  EXPECT_THAT(log.str(), AllOf(HasSubstr("over after"), HasSubstr("does not let us in")));
  spdlog::set_default_logger(before);
}

TEST(StoreTroubleOf, IsTheCodeOfTheError) {
  EXPECT_EQ(trouble_of("OOM command not allowed when used memory > 'maxmemory'."),
            StoreTrouble::kFull);
  EXPECT_EQ(trouble_of("ERR Error running script (call to f_1): @user_script:1: -OOM command not"),
            StoreTrouble::kFull)
      << "as before Redis 7";
  EXPECT_EQ(trouble_of("READONLY You can't write against a read only replica."),
            StoreTrouble::kReadOnly);
  EXPECT_EQ(trouble_of("MASTERDOWN Link with MASTER is down"), StoreTrouble::kReadOnly);
  EXPECT_EQ(trouble_of("NOAUTH Authentication required."), StoreTrouble::kDenied);
  EXPECT_EQ(trouble_of("NOPERM this user has no permissions"), StoreTrouble::kDenied);
  EXPECT_EQ(trouble_of("LOADING Redis is loading the dataset in memory"), StoreTrouble::kLoading);
  EXPECT_EQ(trouble_of("CLUSTERDOWN Hash slot not served"), StoreTrouble::kLoading);
  EXPECT_EQ(trouble_of("MISCONF Redis is configured to save RDB snapshots, but it is not able to"),
            StoreTrouble::kReadOnly);
  EXPECT_EQ(trouble_of("NOREPLICAS Not enough good replicas to write."), StoreTrouble::kReadOnly);
  EXPECT_EQ(trouble_of("ERR max number of clients reached"), StoreTrouble::kOther);
  EXPECT_EQ(trouble_of(""), StoreTrouble::kOther);
}

TEST(StoreHealthSentence, IsOneLineWhateverTheServerSays) {
  StoreHealth health("redis 10.0.0.7:6379");
  EXPECT_EQ(health.problem(), "the session store redis 10.0.0.7:6379 has not answered yet");
  health.ill(StoreTrouble::kOther, "ERR \x1b[31mred\r\nsecond line");
  EXPECT_THAT(*health.problem(), HasSubstr("10.0.0.7:6379 does not work: ERR \\x1b[31mred"));
  EXPECT_FALSE(health.is_well());
  health.well();
  EXPECT_FALSE(health.problem());
  EXPECT_TRUE(health.is_well());
}

TEST(StoreHealthOverRedis, AConnectionAloneDoesNotMakeItWell) {
  RedisServer redis;
  ChatService chat(redis.port());
  ASSERT_TRUE(gets_well(chat));
  redis.pause();  // the kernel goes on accepting for it
  const std::string problem = problem_with(chat, "does not answer");
  EXPECT_THAT(problem, AllOf(HasSubstr("redis 127.0.0.1:" + std::to_string(redis.port())),
                             HasSubstr("no answer within 300 ms")));
  const double timeouts = errors(chat, "timeout");
  EXPECT_TRUE(until([&] { return errors(chat, "timeout") >= timeouts + 2; }))
      << "connected again, and again without an answer";
  EXPECT_FALSE(chat.store->health().is_well());
  // What comes while it hangs is answered at once, and not kept for later.
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  EXPECT_EQ(alice.sign_in(), pkt::Status::SystemException);
  redis.resume();
  EXPECT_TRUE(gets_well(chat));
  EXPECT_EQ(redis.ask({"GET", "login:sn:g1_alice_1"}), "(nil)")
      << "answered with 300, and then it happened";
  EXPECT_TRUE(sign_in(alice));
}

TEST(StoreHealthOverRedis, AReplicaIsDialledAgainAndReadsGoOn) {
  RedisServer redis;
  ChatService chat(redis.port());
  ASSERT_TRUE(gets_well(chat));
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  ASSERT_TRUE(sign_in(alice));
  ASSERT_TRUE(can_talk(alice));
  const auto connections = [&] {
    const std::string stats = redis.ask({"INFO", "stats"});
    return std::stoi(stats.substr(stats.find("total_connections_received:") + 27));
  };
  const int before = connections();
  redis.ask({"REPLICAOF", "127.0.0.1", "1"});
  EXPECT_THAT(problem_with(chat, "cannot be written to"), HasSubstr("READONLY"));
  EXPECT_TRUE(until([&] { return connections() >= before + 2; })) << "a master may be there by now";
  EXPECT_TRUE(can_talk(alice)) << "with the session that is there, and the node number it has";
  redis.ask({"REPLICAOF", "NO", "ONE"});
  EXPECT_TRUE(gets_well(chat));
  EXPECT_TRUE(sign_in(alice));
}

TEST(StoreHealthOverRedis, WithoutANodeNumberItSaysSo) {
  RedisServer redis;
  for (int node = 1000; node < 1024; ++node) {
    redis.ask({"SET", "ringgate:node:" + std::to_string(node), "somebody"});
  }
  ChatService chat(redis.port(), 1, 1 << 20, true, 60);
  ASSERT_TRUE(gets_well(chat)) << "logins work";
  EXPECT_TRUE(until([&] { return chat.store->health().ids_problem().has_value(); }));
  EXPECT_THAT(*chat.store->health().ids_problem(), HasSubstr("all 24 (1000 to 1023) are taken"));
  redis.ask({"DEL", "ringgate:node:1005"});
  EXPECT_TRUE(until([&] { return !chat.store->health().ids_problem(); }));
}

// What it had is over only with its time, but it is not renewed.
TEST(StoreHealthOverRedis, ANodeNumberThatIsNotRenewedIsSaid) {
  RedisServer redis;
  ChatService chat("redis://127.0.0.1:" + std::to_string(redis.port()), nullptr, 300);
  ASSERT_TRUE(gets_well(chat));
  std::string node;
  ASSERT_TRUE(until([&] {
    for (int i = 1000; node.empty() && i < 1024; ++i) {
      const std::string key = "ringgate:node:" + std::to_string(i);
      if (redis.ask_number({"EXISTS", key}) == 1) node = key;
    }
    return !node.empty();
  }));
  redis.ask({"EVAL", "redis.call('DEL', KEYS[1]) redis.call('RPUSH', KEYS[1], 'x')", "1", node});
  ASSERT_TRUE(until([&] { return chat.store->health().ids_problem().has_value(); }));
  EXPECT_THAT(chat.store->health().ids_problem().value_or(""),
              HasSubstr("gives no node number for message ids: WRONGTYPE"));
  EXPECT_TRUE(chat.store->health().is_well()) << "logins work";
  redis.ask({"DEL", node});
  EXPECT_TRUE(until([&] { return !chat.store->health().ids_problem(); }));
}

// Taken away while it is used: of each kind of key, and each command.
TEST(StoreHealthOverRedis, ARightThatIsMissingIsNamed) {
  RedisServer redis;
  ChatService chat("redis://127.0.0.1:" + std::to_string(redis.port()));
  ASSERT_TRUE(gets_well(chat));
  const auto set = [&](std::vector<std::string> rules) {
    rules.insert(rules.begin(), {"ACL", "SETUSER", "default"});
    ASSERT_EQ(redis.ask(rules), "OK");
  };
  const std::vector<std::string> keys = {"login:sn:*", "login:loc:*", "ringgate:boot:*",
                                         "ringgate:node:*", "ringgate:data*"};
  for (const std::string& missing : keys) {
    std::vector<std::string> rules = {"resetkeys"};
    for (const std::string& key : keys) {
      if (key != missing) rules.push_back("~" + key);
    }
    set(rules);
    EXPECT_THAT(problem_with(chat, "(keys " + missing), HasSubstr("does not let us in: NOPERM"));
    set({"allkeys"});
    EXPECT_TRUE(gets_well(chat)) << missing;
  }
  for (const std::string command :
       {"eval", "time", "get", "mget", "set", "del", "expire", "pexpire"}) {
    set({"-" + command});
    EXPECT_THAT(problem_with(chat, "'" + command + "'"), HasSubstr("does not let us in: NOPERM"));
    set({"+" + command});
    EXPECT_TRUE(gets_well(chat)) << command;
  }
}

// --- Answers that a Redis never gives ------------------------------------------------------------

// Answers as a well one does, but for what the test says.
struct OddRedis {
  static constexpr std::string_view kAll = "*";
  std::mutex mutex;
  std::string word;    // of a command, or all
  std::string answer;  // to it
  FakeRedis server{[this](const FakeRedis::Words& command) {
    const std::scoped_lock lock(mutex);
    return word == kAll || command[0] == word ? answer : FakeRedis::well(command);
  }};
  void set(const std::string& to, const std::string& bytes) {
    const std::scoped_lock lock(mutex);
    word = to;
    answer = bytes;
  }
};

class OddAnswers : public testing::TestWithParam<const char*> {};

TEST_P(OddAnswers, AreErrorsOfThatRequest) {
  OddRedis redis;
  ChatService chat(redis.server.port());
  ASSERT_TRUE(gets_well(chat));
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  redis.set("GET", GetParam());
  alice.talk(2, "bob", "hello");
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::SystemException);
  EXPECT_EQ(alice.sign_out(), pkt::Status::SystemException);
  EXPECT_GE(errors(chat, "answer"), 2);
  redis.set("", "");
  EXPECT_TRUE(gets_well(chat));
  EXPECT_EQ(alice.sign_out(), pkt::Status::Success);
}

INSTANTIATE_TEST_SUITE_P(Store, OddAnswers,
                         testing::Values("*0\r\n", "*1\r\n$-1\r\n", ":1\r\n", "+OK\r\n",
                                         "*1\r\n*1\r\n*0\r\n"));

TEST(OddStore, AProbeThatIsNotWhatWasWrittenIsNotBelieved) {
  for (const char* const answer : {"+OK\r\n", "$-1\r\n", "$3\r\nyes\r\n", "*0\r\n"}) {
    OddRedis redis;
    redis.set("EVAL", answer);
    ChatService chat(redis.server.port());
    EXPECT_THAT(problem_with(chat, "make no sense"), HasSubstr("what was written")) << answer;
    redis.set("", "");
    EXPECT_TRUE(gets_well(chat));
  }
}

TEST(OddStore, OneThatIsLoadingIsAskedAgain) {
  OddRedis redis;
  redis.set("EVAL", "-LOADING Redis is loading the dataset in memory\r\n");
  ChatService chat(redis.server.port());
  EXPECT_THAT(problem_with(chat, "is not ready yet"), HasSubstr("LOADING"));
  EXPECT_TRUE(until([&] { return redis.server.connections() >= 2; }));
  EXPECT_GE(errors(chat, "loading"), 1);
  redis.set("", "");
  EXPECT_TRUE(gets_well(chat));
}

TEST(OddStore, WhatIsNoRedisIsToldApart) {
  OddRedis redis;
  redis.set("EVAL", "HTTP/1.1 400 Bad Request\r\n\r\n");
  const ChatService chat(redis.server.port());
  EXPECT_THAT(problem_with(chat, "make no sense"), HasSubstr("Protocol error"));
}

// As TLS ends with an alert at words that are none of it.
TEST(OddStore, OneThatSpeaksTlsIsTold) {
  OddRedis redis;
  redis.set(std::string(OddRedis::kAll), "\x15\x03\x01" + std::string(1, '\0') + "\x02\x02\x46");
  const ChatService chat(redis.server.port());
  EXPECT_THAT(problem_with(chat, "TLS"), HasSubstr("cannot be reached: if it speaks TLS, write"));
}

// Answers that hiredis would end the process for, or take a minute and all memory for.
TEST(OddStore, AnAnswerThatNoRedisGivesCostsTheConnection) {
  const std::pair<std::string, const char*> cases[] = {
      {"+OK\r\n+OK\r\n", "nobody asked for"},
      {"*0\r\n*0\r\n", "nobody asked for"},
      {":1\r\n:1\r\n", "nobody asked for"},
      {"$-1\r\n$-1\r\n", "nobody asked for"},
      {"*2147483647\r\n", "more than 65536 elements"},
      {"*65536\r\n*1\r\n", "more than 65536 elements"},
      {"$2147483647\r\n" + std::string((std::size_t{16} << 20U) + 1, 'x'), "more than 16777216"},
      {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "nested"},
  };
  for (const auto& [answer, why] : cases) {
    OddRedis redis;
    redis.set("EVAL", answer);
    ChatService chat(redis.server.port());
    EXPECT_THAT(problem_with(chat, why), AllOf(HasSubstr("make no sense"), HasSubstr(why)));
    EXPECT_TRUE(until([&] { return redis.server.connections() >= 2; })) << why;
    EXPECT_GE(errors(chat, "answer"), 1) << why;
    redis.set("", "");
    EXPECT_TRUE(gets_well(chat)) << why;
  }
}

TEST(OddStore, AnErrorThatNobodyAskedForIsTold) {
  OddRedis redis;
  redis.set("EVAL", "+OK\r\n-ERR max number of clients reached\r\n");
  const ChatService chat(redis.server.port());
  EXPECT_THAT(problem_with(chat, "max number"), HasSubstr("max number of clients reached"));
}

}  // namespace
}  // namespace ringgate
