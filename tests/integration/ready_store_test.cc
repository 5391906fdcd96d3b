// /ready of the services that keep sessions in Redis: what is wrong with it, until it works again.
#include <gmock/gmock.h>

#include <set>
#include <string>

#include "tests/integration/world.h"
#include "tests/services/store/redis/server.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class StoreReady : public testing::TestWithParam<const char*> {
 protected:
  StoreReady() : service_(world_, GetParam(), "service01", {{"RedisAddrs", address()}}) {
    wait_ready();
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(redis_.port()); }
  void wait_ready() const {
    wait_until("ready", [&] { return service_.get("/ready").status == 200; });
    EXPECT_EQ(service_.metric("ringgate_store_up", "store=\"sessions\""), 1);
  }
  // Until /ready says these words: what it says then.
  std::string wait_not_ready(const std::string& words) const {
    Server::Reply reply;
    wait_until("/ready says " + words, [&] {
      reply = service_.get("/ready");
      return reply.status == 503 && reply.body.find(words) != std::string::npos;
    });
    EXPECT_EQ(service_.metric("ringgate_store_up", "store=\"sessions\""), 0);
    EXPECT_EQ(service_.get("/health").status, 200) << "to start it again would not help";
    EXPECT_THAT(reply.body, HasSubstr(address()));
    return reply.body;
  }
  // One line for each kind of trouble, one when it was over.
  void expect_told_once() {
    const std::string end = service_.process().wait_for_line("over after ");
    EXPECT_THAT(end, HasSubstr(address()));
    const std::string log = service_.process().output();
    const std::string about = " the session store redis " + address();
    std::set<std::string> told;
    std::size_t ends = 0;
    for (std::size_t at = log.find(about); at != std::string::npos; at = log.find(about, at + 1)) {
      const std::size_t begin = log.rfind('\n', at) + 1;
      if (log.substr(begin, at - begin).contains("over after ")) {
        ++ends;
      } else {
        EXPECT_TRUE(told.insert(log.substr(at, log.find('\n', at) - at)).second) << log;
      }
    }
    EXPECT_EQ(ends, 1U) << log;
    EXPECT_GE(told.size(), 1U) << log;
  }

  World world_;
  RedisServer redis_;
  Server service_;
};

TEST_P(StoreReady, ADeadOne) {
  redis_.stop();
  wait_not_ready("cannot be reached");
  EXPECT_GE(service_.metric("ringgate_store_errors_total", "kind=\"connection\""), 1);
  redis_.start();
  wait_ready();
  expect_told_once();
}

TEST_P(StoreReady, OneThatHangs) {
  redis_.pause();
  wait_not_ready("does not answer: no answer within");
  service_.wait_metric("ringgate_store_errors_total", 2, "kind=\"timeout\"");
  EXPECT_EQ(service_.get("/ready").status, 503) << "connected again, which says nothing";
  redis_.resume();
  wait_ready();
  expect_told_once();
}

TEST_P(StoreReady, AFullOne) {
  ASSERT_EQ(redis_.ask({"CONFIG", "SET", "maxmemory", "1"}), "OK");
  EXPECT_THAT(wait_not_ready("is full"), HasSubstr("OOM command not allowed"));
  EXPECT_GE(service_.metric("ringgate_store_errors_total", "kind=\"full\""), 1);
  ASSERT_EQ(redis_.ask({"CONFIG", "SET", "maxmemory", "0"}), "OK");
  wait_ready();
  expect_told_once();
}

TEST_P(StoreReady, AReplica) {
  ASSERT_EQ(redis_.ask({"REPLICAOF", "127.0.0.1", "1"}), "OK");
  EXPECT_THAT(wait_not_ready("cannot be written to"), HasSubstr("READONLY"));
  EXPECT_GE(service_.metric("ringgate_store_errors_total", "kind=\"read_only\""), 1);
  ASSERT_EQ(redis_.ask({"REPLICAOF", "NO", "ONE"}), "OK");
  wait_ready();
  expect_told_once();
}

TEST_P(StoreReady, OneThatWantsAPassword) {
  ASSERT_EQ(redis_.ask({"CONFIG", "SET", "requirepass", "secret"}), "OK");
  // Who is connected stays let in.
  ASSERT_GE(redis_.ask_number({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}), 1);
  EXPECT_THAT(wait_not_ready("does not let us in"), HasSubstr("NOAUTH Authentication required"));
  EXPECT_GE(service_.metric("ringgate_store_errors_total", "kind=\"denied\""), 1);
  ASSERT_EQ(redis_.ask({"CONFIG", "SET", "requirepass", ""}), "OK");
  wait_ready();
  expect_told_once();
}

// All kinds of keys are needed by whoever is alive: without those of ringgate nobody is online.
TEST_P(StoreReady, OneThatAllowsOnlySomeKeys) {
  const auto allow = [&](const std::vector<std::string>& keys) {
    std::vector<std::string> words = {"ACL", "SETUSER", "default", "resetkeys"};
    words.insert(words.end(), keys.begin(), keys.end());
    ASSERT_EQ(redis_.ask(words), "OK");
  };
  const std::vector<std::string> all = {"~login:sn:*", "~login:loc:*", "~ringgate:boot:*",
                                        "~ringgate:node:*", "~ringgate:data*"};
  for (const std::string& missing : all) {
    const bool is_needed = GetParam() == std::string("chat") || missing != "~ringgate:node:*";
    if (!is_needed) continue;  // it gives out no message ids
    std::vector<std::string> others = all;
    std::erase(others, missing);
    allow(others);
    EXPECT_THAT(wait_not_ready("does not let us in"),
                AllOf(HasSubstr("NOPERM"), HasSubstr("(keys " + missing.substr(1))));
    allow(all);
    wait_ready();
  }
}

// Also those that only answers to clients, or leases, are made of.
TEST_P(StoreReady, OneThatAllowsOnlySomeCommands) {
  for (const std::string command :
       {"eval", "time", "get", "mget", "set", "del", "expire", "pexpire"}) {
    if (GetParam() == std::string("login") && command == "pexpire") continue;  // it leases nothing
    ASSERT_EQ(redis_.ask({"ACL", "SETUSER", "default", "-" + command}), "OK");
    EXPECT_THAT(wait_not_ready("NOPERM"), HasSubstr("'" + command + "'"));
    ASSERT_EQ(redis_.ask({"ACL", "SETUSER", "default", "+" + command}), "OK");
    wait_ready();
  }
}

TEST_P(StoreReady, OneThatAllowsOnlySomeKeysFromTheStart) {
  RedisServer redis;
  redis.ask({"ACL", "SETUSER", "default", "resetkeys", "~login:sn:*", "~login:loc:*"});
  const std::string at = "127.0.0.1:" + std::to_string(redis.port());
  const Server service(world_, GetParam(), "service02", {{"RedisAddrs", at}});
  wait_until("/ready says what is missing", [&] {
    const auto reply = service.get("/ready");
    return reply.status == 503 && reply.body.find("(keys ringgate:boot:*)") != std::string::npos;
  });
  redis.ask({"ACL", "SETUSER", "default", "allkeys"});
  wait_until("ready", [&] { return service.get("/ready").status == 200; });
}

INSTANTIATE_TEST_SUITE_P(Ready, StoreReady, testing::Values("login", "chat"),
                         [](const auto& test) { return std::string(test.param); });

TEST(StoreReadyAtStart, IsNotUntilTheStoreHasAnswered) {
  const World world;
  RedisServer redis;
  redis.pause();
  const std::string address = "127.0.0.1:" + std::to_string(redis.port());
  const Server login(world, "login", "login01", {{"RedisAddrs", address}});
  EXPECT_EQ(login.get("/ready").status, 503);
  EXPECT_THAT(login.get("/ready").body, HasSubstr(address));
  redis.resume();
  wait_until("ready", [&] { return login.get("/ready").status == 200; });
}

// The password of the new one comes from its file; a URL that is wrong changes nothing.
TEST(StoreReload, TakesOverAnotherRedis) {
  const World world;
  RedisServer first;
  RedisServer second({"--requirepass", "s3cret"});
  const auto url = [](const RedisServer& redis) {
    return "redis://127.0.0.1:" + std::to_string(redis.port());
  };
  Settings settings = {{"RedisURL", url(first)}};
  Server login(world, "login", "login01", settings);
  wait_until("ready", [&] { return login.get("/ready").status == 200; });
  settings["MonitorPort"] = std::to_string(login.monitor());  // as it was given
  settings["RedisURL"] = "redis://u:hunter2@127.0.0.1:x";
  world.config("login", "login01", settings);
  login.process().signal(SIGHUP);
  EXPECT_THAT(login.process().wait_for_line("nothing is reloaded"),
              AllOf(HasSubstr("RedisURL has a host or a port"), Not(HasSubstr("hunter2"))));
  settings["RedisURL"] = url(second);
  settings["RedisPasswordFile"] = world.folder().write("password", "s3cret\n").string();
  world.config("login", "login01", settings);
  login.process().signal(SIGHUP);
  login.process().wait_for_line("SIGHUP: RedisURL, RedisPassword, RedisPasswordFile changed");
  first.stop();
  wait_until("ready again", [&] {
    return login.get("/ready").status == 200 &&
           login.metric("ringgate_redis_connections_total") >= 2;
  });
  EXPECT_EQ(login.process().output().find("s3cret"), std::string::npos);
}

}  // namespace
}  // namespace ringgate::test
