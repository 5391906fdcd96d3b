// A store whose primary sentinels name: real ones, and a real failover.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/common/temp_dir.h"
#include "tests/services/store/redis/chat.h"
#include "tests/services/store/redis/server.h"
#include "tests/services/store/redis/until.h"

namespace ringgate {
namespace {

using testing::HasSubstr;

struct RedisSentinel : testing::Test {
  RedisSentinel() {
    replica.ask({"REPLICAOF", "127.0.0.1", std::to_string(primary.port())});
    EXPECT_TRUE(until([&] {
      return replica.ask({"INFO", "replication"}).find("master_link_status:up") !=
             std::string::npos;
    }));
    const std::string conf = dir.write(
        "sentinel.conf", "sentinel monitor main 127.0.0.1 " + std::to_string(primary.port()) +
                             " 1\nsentinel down-after-milliseconds main 500\n"
                             "sentinel failover-timeout main 3000\n");
    sentinel.emplace(std::vector<std::string>{conf, "--sentinel"});
    // It cannot choose one that it does not know yet.
    EXPECT_TRUE(until(
        [&] { return sentinel->ask({"INFO", "sentinel"}).find("slaves=1") != std::string::npos; }));
  }
  [[nodiscard]] std::string url(const std::string& name = "main") const {
    return "redis+sentinel://127.0.0.1:1,127.0.0.1:" + std::to_string(sentinel->port()) + "/" +
           name;
  }
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

  const test::TempDir dir;
  RedisServer primary;
  RedisServer replica;
  std::optional<RedisServer> sentinel;
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
}

}  // namespace
}  // namespace ringgate
