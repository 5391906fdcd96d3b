// Redis as people run it: behind a socket, a password, a user, TLS; one of a list; another one
// after a reload. Real servers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/common/free_port.h"
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

// Certificates of an authority of the test's own, and a server that wants one of its clients.
struct RedisTls : testing::Test {
  RedisTls() {
    run("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ours -keyout ca.key -out ca.pem");
    run("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=others -keyout no.key -out no.pem");
    dir.write("san", "subjectAltName=IP:127.0.0.1");
    for (const std::string name : {"server", "client"}) {
      run("req -newkey rsa:2048 -nodes -subj /CN=" + name + " -keyout " + name + ".key -out " +
          name + ".csr");
      run("x509 -req -in " + name + ".csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 " +
          "-extfile san -out " + name + ".pem");
    }
  }
  void run(const std::string& command) const {
    const std::string line =
        "cd " + dir.path().string() + " && openssl " + command + " >openssl.log 2>&1";
    ASSERT_EQ(std::system(line.c_str()), 0) << line;
  }
  [[nodiscard]] std::string file(const std::string& name) const { return dir.path() / name; }
  [[nodiscard]] std::vector<std::string> arguments() const {
    return {"--tls-port",         std::to_string(port),
            "--tls-cert-file",    file("server.pem"),
            "--tls-key-file",     file("server.key"),
            "--tls-ca-cert-file", file("ca.pem"),
            "--tls-auth-clients", "yes"};
  }
  [[nodiscard]] std::string url() const { return "rediss://127.0.0.1:" + std::to_string(port); }

  const test::TempDir dir;
  const std::uint16_t port = test::free_port();
};

TEST_F(RedisTls, WithACertificateOfOurs) {
  RedisServer redis(arguments());
  ChatService chat(
      url(),
      RedisTlsContext::load({file("ca.pem"), file("client.pem"), file("client.key")}).value());
  expect_serves(chat);
  EXPECT_THAT(redis.ask({"GET", "login:loc:alice"}), HasSubstr("g1_alice_1"));
}

TEST_F(RedisTls, WithoutOneItIsNotLetIn) {
  RedisServer redis(arguments());
  ChatService chat(url(), RedisTlsContext::load({file("ca.pem"), "", ""}).value());
  EXPECT_THAT(problem_with(chat, "certificate"), HasSubstr("cannot be reached"));
}

TEST_F(RedisTls, AServerOfAnotherAuthorityIsNotTrusted) {
  RedisServer redis(arguments());
  ChatService chat(
      url(),
      RedisTlsContext::load({file("no.pem"), file("client.pem"), file("client.key")}).value());
  EXPECT_THAT(problem_with(chat, "certificate"), HasSubstr("its certificate is not good"));
}

TEST_F(RedisTls, ACertificateForAnotherHostIsNotTrusted) {
  RedisServer redis(arguments());
  ChatService chat(
      "rediss://localhost:" + std::to_string(port),
      RedisTlsContext::load({file("ca.pem"), file("client.pem"), file("client.key")}).value());
  EXPECT_THAT(problem_with(chat, "hostname mismatch"), HasSubstr("its certificate is not good"));
}

TEST_F(RedisTls, FilesThatAreNoneAreToldByTheirKey) {
  const auto why = [](const RedisTlsFiles& files) {
    const auto loaded = RedisTlsContext::load(files);
    EXPECT_FALSE(loaded);
    return loaded ? "" : loaded.error().message;
  };
  EXPECT_THAT(why({file("none"), "", ""}), HasSubstr("RedisCA: "));
  EXPECT_THAT(why({file("san"), "", ""}), HasSubstr("RedisCA: "));
  EXPECT_THAT(why({"", file("san"), file("client.key")}), HasSubstr("RedisCertificate: "));
  EXPECT_THAT(why({"", file("client.pem"), file("server.key")}),
              HasSubstr("RedisCertificateKey: "));
  EXPECT_THAT(why({"", file("client.pem"), ""}), HasSubstr("go together"));
}

}  // namespace
}  // namespace ringgate
