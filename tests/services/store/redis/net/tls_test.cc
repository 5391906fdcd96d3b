// Redis over TLS: one server, behind sentinels, in a cluster. Real servers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "tests/common/free_port.h"
#include "tests/common/temp_dir.h"
#include "tests/services/store/redis/chat.h"
#include "tests/services/store/redis/server.h"
#include "tests/services/store/redis/until.h"

namespace ringgate {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Certificates of an authority of the test's own, and a server that wants one of its clients.
struct RedisTls : testing::Test {
  RedisTls() {
    const std::string key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes ";
    run("req -x509 " + key + "-days 2 -subj /CN=ours -keyout ca.key -out ca.pem");
    run("req -x509 " + key + "-days 2 -subj /CN=others -keyout no.key -out no.pem");
    dir.write("san", "subjectAltName=IP:127.0.0.1");
    for (const std::string name : {"server", "client"}) {
      run("req " + key + "-subj /CN=" + name + " -keyout " + name + ".key -out " + name + ".csr");
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
  [[nodiscard]] std::vector<std::string> arguments() const { return arguments(port); }
  [[nodiscard]] std::vector<std::string> arguments(std::uint16_t tls_port) const {
    return {"--tls-port",         std::to_string(tls_port),
            "--tls-cert-file",    file("server.pem"),
            "--tls-key-file",     file("server.key"),
            "--tls-ca-cert-file", file("ca.pem"),
            "--tls-auth-clients", "yes"};
  }
  [[nodiscard]] std::shared_ptr<const RedisTlsContext> ours() const {
    return RedisTlsContext::load({file("ca.pem"), file("client.pem"), file("client.key")}).value();
  }
  [[nodiscard]] std::string url() const { return "rediss://127.0.0.1:" + std::to_string(port); }

  const test::TempDir dir;
  const std::uint16_t port = test::free_port();
};

TEST_F(RedisTls, WithACertificateOfOurs) {
  RedisServer redis(arguments());
  ChatService chat(url(), ours());
  expect_serves(chat);
  EXPECT_THAT(redis.ask({"GET", "login:loc:alice"}), HasSubstr("g1_alice_1"));
}

TEST_F(RedisTls, WithoutOneItIsNotLetIn) {
  RedisServer redis(arguments());
  ChatService chat(url(), RedisTlsContext::load({file("ca.pem"), "", ""}).value());
  EXPECT_THAT(problem_with(chat, "certificate required"),
              AllOf(HasSubstr("cannot be reached"),
                    HasSubstr("name one with RedisCertificate and RedisCertificateKey")));
}

TEST_F(RedisTls, AServerOfAnotherAuthorityIsNotTrusted) {
  RedisServer redis(arguments());
  ChatService chat(
      url(),
      RedisTlsContext::load({file("no.pem"), file("client.pem"), file("client.key")}).value());
  EXPECT_THAT(problem_with(chat, "certificate"),
              HasSubstr("not signed by an authority that is trusted here: name the authority's "
                        "certificate with RedisCA"));
}

TEST_F(RedisTls, ACertificateForAnotherHostIsNotTrusted) {
  RedisServer redis(arguments());
  ChatService chat("rediss://localhost:" + std::to_string(port), ours());
  EXPECT_THAT(problem_with(chat, "certificate"),
              HasSubstr("is for 127.0.0.1 and not for localhost: it has to name the host of"));
}

TEST_F(RedisTls, WhereOnlyOneEndSpeaksItThatIsTold) {
  RedisServer redis(arguments());
  const ChatService to_tls("redis://127.0.0.1:" + std::to_string(port));
  EXPECT_THAT(problem_with(to_tls, "TLS"), HasSubstr("if it speaks TLS, write rediss"));
  const ChatService to_plain("rediss://127.0.0.1:" + std::to_string(redis.port()), ours());
  EXPECT_THAT(problem_with(to_plain, "TLS"), HasSubstr("no TLS handshake within 1000 ms: check"));
}

// Sentinels and the primary that they name.
TEST_F(RedisTls, BehindSentinels) {
  RedisServer primary(arguments());
  const std::uint16_t sentinel_port = test::free_port();
  const std::string conf = dir.write(
      "sentinel.conf", "sentinel monitor main 127.0.0.1 " + std::to_string(port) + " 1\n");
  std::vector<std::string> words = {conf, "--sentinel", "--tls-replication", "yes"};
  std::ranges::copy(arguments(sentinel_port), std::back_inserter(words));
  RedisServer sentinel(words);
  ChatService chat("rediss+sentinel://127.0.0.1:" + std::to_string(sentinel_port) + "/main/0",
                   ours());
  expect_serves(chat);
  EXPECT_THAT(primary.ask({"GET", "login:loc:alice"}), HasSubstr("g1_alice_1"));
}

// Each server is dialled over it where the cluster says that it is.
TEST_F(RedisTls, InACluster) {
  std::vector<std::string> seeds;
  std::vector<std::unique_ptr<RedisServer>> servers;
  std::vector<std::string> bus;
  for (int i = 0; i < 2; ++i) {
    const std::uint16_t tls_port = test::free_port();
    bus.push_back(std::to_string(test::free_port()));
    std::vector<std::string> words = {"--cluster-enabled",     "yes",
                                      "--tls-cluster",         "yes",
                                      "--cluster-port",        bus.back(),
                                      "--cluster-config-file", file("nodes" + std::to_string(i))};
    std::ranges::copy(arguments(tls_port), std::back_inserter(words));
    servers.push_back(std::make_unique<RedisServer>(words));
    servers.back()->ask({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
    seeds.push_back(std::to_string(tls_port));
  }
  servers[0]->ask({"CLUSTER", "ADDSLOTSRANGE", "0", "8191"});
  servers[1]->ask({"CLUSTER", "ADDSLOTSRANGE", "8192", "16383"});
  int looks = 0;
  ASSERT_TRUE(until([&] {  // a handshake that takes long is forgotten
    if (looks++ % 400 == 0) servers[0]->ask({"CLUSTER", "MEET", "127.0.0.1", seeds[1], bus[1]});
    return std::ranges::all_of(servers, [](const auto& server) {
      return server->ask({"CLUSTER", "INFO"}).find("cluster_state:ok") != std::string::npos;
    });
  }));
  ChatService chat("rediss+cluster://127.0.0.1:" + seeds[0], ours());
  ASSERT_TRUE(is_well(chat)) << chat.store->health().problem().value_or("");
  expect_serves(chat);
  const auto has_data = [](const auto& server) {
    return server->ask_number({"EVAL", "return #redis.call('KEYS', 'ringgate:data*')", "0"}) > 0;
  };
  EXPECT_TRUE(until([&] { return std::ranges::all_of(servers, has_data); }));
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
