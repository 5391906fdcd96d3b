// RedisURL: what it takes, and what it says of what it does not.
#include "services/store/redis/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ringgate {
namespace {

using Kind = RedisTarget::Kind;
using testing::HasSubstr;
using testing::Not;

RedisTarget parse(const std::string& url, const RedisPasswords& passwords = {}) {
  const std::vector<std::string> urls = {url};
  Result<RedisTarget> target = parse_redis_urls(urls, passwords);
  if (!target) ADD_FAILURE() << url << " " << target.error().message;
  return target ? *target : RedisTarget();
}

TEST(RedisUrl, OneServer) {
  EXPECT_EQ(parse("redis://127.0.0.1"), redis_at({"127.0.0.1", 6379}));
  const RedisTarget all = parse("redis://us%2Fer:p%40ss%25@db.example.com:7000/3");
  ASSERT_EQ(all.addresses.size(), 1U);
  const RedisAddress& address = all.addresses[0];
  EXPECT_EQ(address.endpoint, (Endpoint{"db.example.com", 7000}));
  EXPECT_EQ(address.access.user, "us/er");
  EXPECT_EQ(address.access.password, "p@ss%");
  EXPECT_EQ(address.access.db, 3U);
  EXPECT_FALSE(address.access.has_tls);
  EXPECT_EQ(all.name(), "db.example.com:7000") << "without its password";
  EXPECT_TRUE(parse("rediss://db.example.com").has_tls());
  EXPECT_EQ(parse("redis://[::1]:7000").addresses[0].endpoint, (Endpoint{"::1", 7000}));
  EXPECT_EQ(parse("redis://[::1]").addresses[0].endpoint, (Endpoint{"::1", 6379}));
  EXPECT_EQ(parse("redis://:p%40s%20s%2C@host").addresses[0].access.password, "p@s s,");
}

TEST(RedisUrl, ASocketOfThisMachine) {
  const RedisTarget plain = parse("unix:///run/redis.sock");
  EXPECT_EQ(plain.addresses[0].socket_path, "/run/redis.sock");
  EXPECT_EQ(plain.name(), "/run/redis.sock");
  const RedisTarget all = parse("unix://user:secret@/run/redis.sock?db=2");
  EXPECT_EQ(all.addresses[0].socket_path, "/run/redis.sock");
  EXPECT_EQ(all.addresses[0].access, (RedisAccess{"user", "secret", 2, false}));
}

TEST(RedisUrl, SentinelsAndClusters) {
  const RedisTarget sentinel = parse("rediss+sentinel://u:p@a,b:7,c/main/1", {"", "guards"});
  EXPECT_EQ(sentinel.kind, Kind::kSentinel);
  EXPECT_EQ(sentinel.master, "main");
  EXPECT_EQ(sentinel.access, (RedisAccess{"u", "p", 1, true}));
  ASSERT_EQ(sentinel.addresses.size(), 3U);
  EXPECT_EQ(sentinel.addresses[1].endpoint, (Endpoint{"b", 7}));
  EXPECT_EQ(sentinel.addresses[2].endpoint, (Endpoint{"c", 26379}));
  EXPECT_EQ(sentinel.addresses[0].access, (RedisAccess{"", "guards", 0, true}));
  EXPECT_EQ(sentinel.name(), "sentinel a:26379,b:7,c:26379/main");
  const RedisTarget cluster = parse("redis+cluster://a,b:7", {"of a file", ""});
  EXPECT_EQ(cluster.kind, Kind::kCluster);
  EXPECT_EQ(cluster.addresses[0].access.password, "of a file");
  EXPECT_EQ(cluster.access.password, "of a file");
  EXPECT_EQ(cluster.name(), "cluster a:6379,b:7");
}

TEST(RedisUrl, AListIsOfSingleServers) {
  const std::vector<std::string> two = {"redis://a", "unix:///b"};
  const Result<RedisTarget> target = parse_redis_urls(two, {"of a file", ""});
  ASSERT_TRUE(target);
  EXPECT_EQ(target->name(), "a:6379,/b");
  EXPECT_EQ(target->addresses[1].access.password, "of a file");
  EXPECT_FALSE(parse_redis_urls(std::vector<std::string>{"redis://a", "redis+cluster://b"}, {}));
  EXPECT_FALSE(parse_redis_urls(std::vector<std::string>{}, {}));
}

TEST(RedisUrl, WhatIsWrongIsSaidWithoutASecret) {
  const std::string secret = "hunter2";
  const std::vector<std::string> bad = {"",
                                        "redis",
                                        "redis:",
                                        "redis:/",
                                        "redis://",
                                        "redis:///",
                                        "redis:///0",
                                        "REDIS://a",
                                        "http://a",
                                        "redis://a:",
                                        "redis://a:0",
                                        "redis://a:65536",
                                        "redis://a:x",
                                        "redis://a b",
                                        "redis://a,b",
                                        "redis://[::1",
                                        "redis://::1]:7",
                                        "redis://*",
                                        "redis://0.0.0.0",
                                        "redis://a/x",
                                        "redis://a/-1",
                                        "redis://a/65536",
                                        "redis://a/1/2",
                                        "redis://a?db=1",
                                        "redis://a#b",
                                        "redis://u:hunter2%@a",
                                        "redis://u:hunter2%4@a",
                                        "redis://u:hunter2%zz@a",
                                        "redis://u:hunter2/x@a",
                                        "redis://u:hunter2?@a",
                                        "redis://u:hunter2#@a",
                                        "redis://u:hunter2@x@a/0",
                                        "redis://u:hunter2@h,redis://b:t@a",
                                        "redis://u:hunter2,x@a",
                                        "redis://[::1:hunter2@a",
                                        "redis://u:hunter2 x@a",
                                        "redis://u: hunter2@a",
                                        "redis+sentinel://:hunter2@a,,b/m",
                                        "redis+cluster://:hunter2@a,b@c",
                                        "unix://u:hunter2 x@/run/redis.sock",
                                        "redis://u:hunter2@",
                                        "redis://u:hunter2@a:x",
                                        "redis://u:hunter2@a\n",
                                        "unix://",
                                        "unix:///",
                                        "unix://a/b",
                                        "unix:///a/",
                                        "unix:///a?x=1",
                                        "unix:///a?db=x",
                                        "unix://u:hunter2@",
                                        "unix:///" + std::string(200, 'a'),
                                        "redis+sentinel://a",
                                        "redis+sentinel://a/",
                                        "redis+sentinel://a//1",
                                        "redis+sentinel:///m",
                                        "redis+sentinel://a/%0a",
                                        "redis+sentinel://a/m/x",
                                        "redis+sentinel://a,/m",
                                        "redis+cluster://",
                                        "redis+cluster://a/1",
                                        "redis+cluster://a,,b",
                                        "redis+cluster://,a",
                                        "redis+cluster://u:hunter2@a,b:x"};
  for (const std::string& url : bad) {
    const Result<RedisTarget> target = parse_redis_urls(std::vector<std::string>{url}, {});
    ASSERT_FALSE(target) << url;
    EXPECT_EQ(target.error().exit_code, 2) << url;
    EXPECT_THAT(target.error().message, Not(HasSubstr(secret))) << url;
    EXPECT_FALSE(target.error().message.empty()) << url;
  }
}

TEST(RedisUrl, ASlashInAPasswordIsToldHowToBeWritten) {
  for (const std::string url : {"redis://:a/b@h:6379/0", "redis://:1/b@h", "redis://:/@h",
                                "redis+sentinel://u:a/b@h/m", "redis+cluster://u:a/b@h"}) {
    const Result<RedisTarget> target = parse_redis_urls(std::vector<std::string>{url}, {});
    ASSERT_FALSE(target) << url;
    EXPECT_THAT(target.error().message, HasSubstr("%2F for a / in a password")) << url;
  }
}

// Whatever is cut off, doubled or put in: an answer, and no more.
TEST(RedisUrl, TornOnesEndWithAnAnswer) {
  const std::vector<std::string> good = {
      "rediss://us%2Fer:p%40ss@[2001:db8::1]:7000/3", "unix://u:p@/run/redis.sock?db=2",
      "rediss+sentinel://u:p@a,b:7,[::1]:9/main/1", "redis+cluster://u:p@a,b:7"};
  for (const std::string& url : good) {
    for (std::size_t i = 0; i <= url.size(); ++i) {
      for (const char* const more : {"", "%", "@", "/", ":", "[", "]", ",", "?", "\x01", "\xff"}) {
        for (const std::string& torn : {url.substr(0, i) + more + url.substr(i),
                                        url.substr(0, i) + more, url.substr(i) + more}) {
          const auto target = parse_redis_urls(std::vector<std::string>{torn}, {});
          EXPECT_TRUE(!target || !target->addresses.empty()) << torn;
        }
      }
    }
  }
}

}  // namespace
}  // namespace ringgate
