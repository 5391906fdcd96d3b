// Redis as people run it: behind a socket, a password, a user; one of a list; another one
// after a reload. Real servers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/common/temp_dir.h"
#include "tests/services/store/redis/chat.h"
#include "tests/services/store/redis/server.h"
#include "tests/services/store/redis/until.h"

namespace ringgate {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string host_and_port(const RedisServer& redis) {
  return "127.0.0.1:" + std::to_string(redis.port());
}

TEST(RedisTargets, AUnixSocket) {
  const test::TempDir dir;
  const std::string path = dir.path() / "redis.sock";
  RedisServer redis({"--unixsocket", path});
  ChatService chat("unix://" + path + "?db=3");
  expect_serves(chat);
  EXPECT_EQ(redis.ask({"GET", "login:loc:alice"}), "(nil)") << "it is in another database";
  redis.ask({"SELECT", "3"});
  EXPECT_THAT(redis.ask({"GET", "login:loc:alice"}), HasSubstr("g1_alice_1"));
}

// Also there a user may be meant, with a password of its own or one from a file.
TEST(RedisTargets, AUserBehindAUnixSocket) {
  const test::TempDir dir;
  const std::string path = dir.path() / "redis.sock";
  RedisServer redis({"--unixsocket", path});
  ASSERT_EQ(redis.ask({"ACL", "SETUSER", "gate", "on", ">s3cret/", "~*", "+@all"}), "OK");
  ChatService chat("unix://gate:s3cret%2F@" + path);
  expect_serves(chat);
  EXPECT_THAT(redis.ask({"CLIENT", "LIST"}), HasSubstr("user=gate"));
  ASSERT_EQ(redis.ask({"CONFIG", "SET", "requirepass", "pw"}), "OK");
  const std::vector<std::string> urls = {"unix://" + path};
  chat.store->use(parse_redis_urls(urls, {}).value(), nullptr);
  EXPECT_THAT(problem_with(chat, "NOAUTH"), HasSubstr(path + " does not let us in"));
  chat.store->use(parse_redis_urls(urls, {"pw", ""}).value(), nullptr);
  expect_serves(chat);
}

TEST(RedisTargets, AUserWithRightsOfItsOwn) {
  RedisServer redis;
  ASSERT_EQ(redis.ask({"ACL", "SETUSER", "gate", "on", ">s3cret/", "~login:sn:*", "~login:loc:*",
                       "~ringgate:*", "+@all", "-@dangerous"}),
            "OK");
  ChatService chat("redis://gate:s3cret%2F@" + host_and_port(redis));
  expect_serves(chat);
  EXPECT_THAT(redis.ask({"CLIENT", "LIST"}), HasSubstr("user=gate"));
  ChatService wrong("redis://gate:wrong-one@" + host_and_port(redis));
  const std::string problem = problem_with(wrong, "WRONGPASS");
  EXPECT_THAT(problem, HasSubstr("does not let us in"));
  EXPECT_THAT(problem, Not(HasSubstr("wrong-one")));
}

TEST(RedisTargets, APasswordThatIsSetLater) {
  RedisServer redis;
  ChatService chat("redis://:later@" + host_and_port(redis));
  EXPECT_THAT(problem_with(chat, "AUTH"), HasSubstr("without any password configured"));
  ASSERT_EQ(redis.ask({"CONFIG", "SET", "requirepass", "later"}), "OK");
  EXPECT_TRUE(is_well(chat));
}

// A replica's answer is that it cannot be written to: the next one is tried.
TEST(RedisTargets, TheOneOfAListThatCanBeWrittenTo) {
  RedisServer primary;
  RedisServer replica;
  replica.ask({"REPLICAOF", "127.0.0.1", std::to_string(primary.port())});
  ChatService chat("redis://" + host_and_port(replica));
  EXPECT_THAT(problem_with(chat, "READONLY"), HasSubstr("cannot be written to"));
  const std::vector<std::string> urls = {"redis://127.0.0.1:1", "redis://" + host_and_port(replica),
                                         "redis://" + host_and_port(primary)};
  chat.store->use(parse_redis_urls(urls, {}).value(), nullptr);
  expect_serves(chat);
  EXPECT_THAT(primary.ask({"GET", "login:loc:alice"}), HasSubstr("g1_alice_1"));
}

TEST(RedisTargets, AnotherOneAfterAReload) {
  RedisServer first;
  RedisServer second;
  ChatService chat("redis://" + host_and_port(first));
  expect_serves(chat);
  chat.store->use(redis_at({"127.0.0.1", second.port()}), nullptr);
  EXPECT_TRUE(until([&] {
    return second.ask_number({"EXISTS", "ringgate:data"}) == 1 && chat.store->health().is_well();
  }));
  expect_serves(chat);
  EXPECT_THAT(second.ask({"GET", "login:loc:alice"}), HasSubstr("g1_alice_1"));
  second.stop();
  EXPECT_THAT(problem_with(chat, host_and_port(second)), HasSubstr("cannot be reached"));
}

}  // namespace
}  // namespace ringgate
