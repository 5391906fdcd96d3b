// What a reload changes of a session store that is in use: certificates, and passwords of
// sentinels. The keys of redis themselves are in ready_store_test.cc.
#include <gmock/gmock.h>

#include <csignal>
#include <string>

#include "tests/common/certificates.h"
#include "tests/common/free_port.h"
#include "tests/common/temp_dir.h"
#include "tests/integration/world.h"
#include "tests/services/store/redis/server.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;

class LoginService {
 public:
  explicit LoginService(Settings settings)
      : settings_(std::move(settings)), server_(world_, "login", "login01", settings_) {
    settings_["MonitorPort"] = std::to_string(server_.monitor());  // as it was given
  }
  // Until the log says what became of it.
  std::string reload(const Settings& changes, const std::string& line) {
    for (const auto& [key, value] : changes) settings_[key] = value;
    world_.config("login", "login01", settings_);
    server_.process().signal(SIGHUP);
    return server_.process().wait_for_line(line);
  }
  void wait_not_ready(const std::string& words) const {
    Server::Reply reply;
    wait_until("/ready says " + words, [&] {
      reply = server_.get("/ready");
      return reply.status == 503 && reply.body.contains(words);
    });
  }
  void wait_ready() const {
    wait_until("ready", [&] { return server_.get("/ready").status == 200; });
  }

 private:
  World world_;
  Settings settings_;
  Server server_;
};

// Each of the three by itself: until all are right, what is wrong changes with them.
TEST(RedisReload, ARunningStoreTakesAuthoritiesAndItsCertificateWithTheKey) {
  const TempDir files;
  const MadeCertificate authority = MadeCertificate::authority("ours");
  const auto make = [&](const std::string& name) {
    const MadeCertificate made = MadeCertificate::make(
        {.common_name = name, .names = {"localhost", "IP:127.0.0.1"}}, &authority);
    files.write(name + ".pem", made.pem());
    files.write(name + ".key", made.key_pem());
  };
  const auto file = [&](const std::string& name) { return (files.path() / name).string(); };
  files.write("ours.pem", authority.pem());
  files.write("others.pem", MadeCertificate::authority("others").pem());
  for (const std::string name : {"redis", "login", "another"}) make(name);
  const std::string port = std::to_string(free_port());
  const RedisServer redis({"--tls-port", port, "--tls-cert-file", file("redis.pem"),
                           "--tls-key-file", file("redis.key"), "--tls-ca-cert-file",
                           file("ours.pem"), "--tls-auth-clients", "yes"});

  LoginService login({{"RedisURL", "rediss://127.0.0.1:" + port}, {"RedisCA", file("others.pem")}});
  login.wait_not_ready("not signed by an authority that is trusted here");
  login.reload({{"RedisCA", file("ours.pem")}}, "SIGHUP: RedisCA changed");
  login.wait_not_ready("name one with RedisCertificate and RedisCertificateKey");
  EXPECT_THAT(login.reload({{"RedisCertificate", file("login.pem")},
                            {"RedisCertificateKey", file("another.key")}},
                           "nothing is reloaded"),
              HasSubstr("RedisCertificateKey: "));
  login.wait_not_ready("name one with RedisCertificate and RedisCertificateKey");
  login.reload({{"RedisCertificateKey", file("login.key")}},
               "SIGHUP: RedisCertificate, RedisCertificateKey changed");
  login.wait_ready();
  // Of other authorities again: the connection that there is does not stay.
  login.reload({{"RedisCA", file("others.pem")}}, "SIGHUP: RedisCA changed");
  login.wait_not_ready("not signed by an authority that is trusted here");
}

class SentinelReload : public testing::TestWithParam<const char*> {
 protected:
  // As that key has it.
  [[nodiscard]] std::string value(const std::string& password) const {
    if (GetParam() == std::string("RedisSentinelPassword")) return password;
    return files_.write(password, password + "\n").string();
  }
  const TempDir files_;
};

TEST_P(SentinelReload, ARunningStoreTakesThePasswordOfTheSentinels) {
  const RedisServer primary;
  const std::string conf =
      files_.write("sentinel.conf", "requirepass s3cret\nsentinel monitor main 127.0.0.1 " +
                                        std::to_string(primary.port()) + " 1\n");
  const RedisServer sentinel({conf, "--sentinel"});
  LoginService login(
      {{"RedisURL", "redis+sentinel://127.0.0.1:" + std::to_string(sentinel.port()) + "/main"},
       {GetParam(), value("wr0ng")}});
  login.wait_not_ready("WRONGPASS");
  const std::string line =
      login.reload({{GetParam(), value("s3cret")}}, "SIGHUP: RedisSentinelPassword");
  EXPECT_THAT(line, HasSubstr(GetParam()));
  EXPECT_THAT(line, testing::Not(HasSubstr("s3cret changed")));
  login.wait_ready();
}

INSTANTIATE_TEST_SUITE_P(Keys, SentinelReload,
                         testing::Values("RedisSentinelPassword", "RedisSentinelPasswordFile"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace ringgate::test
