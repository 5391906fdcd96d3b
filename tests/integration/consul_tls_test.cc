// Monitor ports that speak TLS, and what Consul and other processes make of it.
#include <gmock/gmock.h>
#include <simdjson.h>

#include <csignal>
#include <ctime>

#include "tests/common/certificates.h"
#include "tests/integration/command_run.h"
#include "tests/integration/consul_world.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class MonitorTls : public testing::Test {
 protected:
  MonitorTls() { renew("monitor"); }
  // Not for the address that it is asked at.
  void renew(const std::string& name, long from_s = -3600, long to_s = 24L * 3600) const {
    const MadeCertificate made = MadeCertificate::make(
        {.common_name = name, .names = {name}, .from_s = from_s, .to_s = to_s});
    world_.files.folder().write("monitor.pem", made.pem());
    world_.files.folder().write("monitor.key", made.key_pem());
  }
  [[nodiscard]] std::unique_ptr<Server> start() const {
    return world_.start("echo", "echo01", settings());
  }
  [[nodiscard]] Settings settings() const {
    const auto& folder = world_.files.folder().path();
    return {{"MonitorTlsCert", (folder / "monitor.pem").string()},
            {"MonitorTlsKey", (folder / "monitor.key").string()}};
  }

  ConsulWorld world_;
};

TEST_F(MonitorTls, TheServiceIsRegisteredPassingOverHttps) {
  const auto echo = start();
  EXPECT_EQ(echo->get("/health").body, "ok");
  wait_until("the check", [&] { return world_.passing("echo") == "echo01"; });
  const std::string health = "https://127.0.0.1:" + std::to_string(echo->monitor()) + "/health";
  EXPECT_THAT(world_.agent.get("/v1/agent/service/echo01").body, HasSubstr(health));
  // It begins as passing; what the agent has seen itself comes later.
  wait_until("the agent's own look", [&] {
    return world_.agent.get("/v1/agent/checks").body.contains("200 OK Output: ok");
  });
  EXPECT_GT(echo->metric("ringgate_http_certificate_expiry_timestamp_seconds"),
            static_cast<double>(std::time(nullptr) + 20 * 3600));
}

TEST_F(MonitorTls, ASecondProcessOfAnIdIsFoundOverHttps) {
  const auto echo = start();
  wait_until("the check", [&] { return world_.passing("echo") == "echo01"; });
  const Ended second = run(
      {"echo", "-c", world_.files.config("echo", "echo01", world_.settings("echo", settings()))});
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.output, AllOf(HasSubstr("echo01"), HasSubstr("ServiceID of its own")));
}

TEST_F(MonitorTls, SighupReadsTheFilesAgainAndABadPairIsRefused) {
  const auto echo = start();
  const auto shown = [&] {
    Socket socket = Socket::connect_tls(echo->monitor());
    X509* const certificate = SSL_get1_peer_certificate(socket.tls().ssl());
    char name[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                              sizeof name);
    X509_free(certificate);
    return std::string(name);
  };
  EXPECT_EQ(shown(), "monitor");
  renew("renewed");
  echo->process().signal(SIGHUP);
  wait_until("the new certificate", [&] { return shown() == "renewed"; });
  world_.files.folder().write("monitor.key", MadeCertificate::make({}).key_pem());
  echo->process().signal(SIGHUP);
  echo->process().wait_for_line("nothing is reloaded: MonitorTlsKey: ");
  EXPECT_EQ(shown(), "renewed");
}

TEST_F(MonitorTls, AnEndThatIsNearIsALineInTheLogAndAWarningOfReady) {
  constexpr long kTenDays = 10L * 24 * 3600;
  renew("monitor", -kTenDays);
  const auto echo = start();
  echo->process().wait_for_line("monitor.pem expires in 2");  // 23 hours
  wait_until("ready", [&] { return echo->get("/ready").status == 200; });
  EXPECT_THAT(echo->get("/ready").body, HasSubstr("ok\nwarning: the certificate in "));
  renew("renewed");
  echo->process().signal(SIGHUP);
  wait_until("no warning", [&] { return echo->get("/ready").body == "ok"; });
}

// It keeps nobody from logging in.
TEST_F(MonitorTls, ACertificateThatHasEndedLeavesTheProcessReadyWithAWarning) {
  const auto echo = start();
  wait_until("ready", [&] { return echo->get("/ready").body == "ok"; });
  // One that has ended before it is read is refused, as it is on a busy machine: another, then.
  constexpr std::time_t kGoodFor = 2;
  std::time_t next = 0;
  wait_until("its end", [&] {
    if (const std::time_t now = std::time(nullptr); now >= next) {
      renew("short", -3600, kGoodFor);
      echo->process().signal(SIGHUP);
      next = now + 2 * kGoodFor;
    }
    return echo->get("/ready").body.contains("monitor.pem has expired");
  });
  const Server::Reply ready = echo->get("/ready");
  EXPECT_EQ(ready.status, 200);
  EXPECT_THAT(ready.body, HasSubstr("ok\nwarning: the certificate in "));
  EXPECT_LE(echo->metric("ringgate_http_certificate_expiry_timestamp_seconds"),
            static_cast<double>(std::time(nullptr)));
  echo->process().wait_for_line("monitor.pem has expired");
}

}  // namespace
}  // namespace ringgate::test
