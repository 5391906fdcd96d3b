// Monitor ports that speak TLS, and what Consul and other processes make of it.
#include <gmock/gmock.h>
#include <simdjson.h>

#include <csignal>

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
  void renew(const std::string& name) const {
    const MadeCertificate made = MadeCertificate::make({.common_name = name, .names = {name}});
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
  EXPECT_GT(echo->metric("ringgate_http_certificate_days_left"), 0.9);
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

}  // namespace
}  // namespace ringgate::test
