// Keys that only make sense together.
#include "control/config/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/common/temp_dir.h"

namespace ringgate {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kRequired = "ServiceID: gw01\nAppSecret: a-secret-of-sixteen-bytes\n";
const std::string kFile = "RegistryFile: services.json\n";

Result<Config> parse(const std::string& yaml, ProcessRole role = ProcessRole::kGateway) {
  return parse_config(kRequired + yaml, nullptr, role);
}

std::string error_of(const std::string& yaml, ProcessRole role = ProcessRole::kGateway) {
  const auto config = parse(kFile + yaml, role);
  if (config) return "(taken)";
  EXPECT_EQ(config.error().exit_code, 2);
  return config.error().message;
}

std::vector<std::string> notices_of(const std::string& yaml) {
  const auto config = parse(kFile + yaml);
  return config ? config->notices : std::vector<std::string>{config.error().message};
}

TEST(ConfigCheck, NoTwoListenersOfOneProcessAreOnTheSameAddress) {
  EXPECT_THAT(error_of("Listen: 127.0.0.1:8001\nMonitorPort: 8001\n"),
              AllOf(HasSubstr("Listen (127.0.0.1:8001)"), HasSubstr("MonitorPort")));
  EXPECT_THAT(error_of("Listen: [\"127.0.0.1:8001\", \"ws://127.0.0.1:8001/\"]\n"),
              HasSubstr("Listen"));
  const std::string both = "MonitorPort: 9000\nAdminPort: 9000\n";
  EXPECT_THAT(error_of(both), "(taken)") << "one port serves both";
  EXPECT_THAT(error_of(both + "MonitorAddress: 0.0.0.0\n"),
              AllOf(HasSubstr("MonitorPort (0.0.0.0:9000)"), HasSubstr("AdminPort")));
  EXPECT_THAT(error_of("Listen: \":9000\"\nAdminPort: 9000\n"), HasSubstr("AdminPort"));
  EXPECT_THAT(error_of("Listen: 127.0.0.2:9000\nMonitorPort: 9000\n"), "(taken)");
  EXPECT_THAT(error_of("Listen: \"[::1]:9000\"\nMonitorPort: 9000\nMonitorAddress: 0.0.0.0\n"),
              "(taken)");
  EXPECT_THAT(error_of("Listen: [\"127.0.0.1:0\", \"ws://127.0.0.1:0/\"]\n"), "(taken)");
}

TEST(ConfigCheck, TwoNamesOfOneAddressAreTheSameAddress) {
  for (const char* const other : {"127.0.0.1", "[::1]", "0.0.0.0", ""}) {
    EXPECT_THAT(error_of(std::string("Listen: [\"localhost:9000\", \"") + other + ":9000\"]\n"),
                HasSubstr("on the same port"))
        << other;
  }
  EXPECT_THAT(error_of("Listen: [\"[::1]:9000\", \"[0:0:0:0:0:0:0:1]:9000\"]\n"),
              HasSubstr("on the same port"));
  EXPECT_THAT(error_of("Listen: [\"localhost:9000\", \"127.0.0.2:9000\"]\n"), "(taken)");
}

TEST(ConfigCheck, EveryRouteLeadsToAServiceThatIsLookedFor) {
  EXPECT_THAT(error_of("Depends: [login, chat]\nRoutes: {game: play}\n"),
              HasSubstr("Routes sends game.* to play, which Depends leaves out"));
  EXPECT_THAT(error_of("Depends: [chat]\n"), HasSubstr("Depends leaves out login"));
  EXPECT_THAT(error_of("Depends: [login]\nRoutes: {login: chat}\n"), "(taken)");
  EXPECT_THAT(error_of("Depends: [chat]\nRoutes: {login: chat}\n"), "(taken)");
  EXPECT_THAT(error_of("Depends: [login, chat, play]\nRoutes: {game: play}\n"), "(taken)");
  EXPECT_THAT(error_of("Routes: {game: play}\n"), "(taken)");
}

TEST(ConfigCheck, EverySelectorHasAService) {
  EXPECT_THAT(error_of("Selectors: {game: hash}\n"), HasSubstr("Routes: {game: NAME}"));
  EXPECT_THAT(error_of("Selectors: {echo: hash}\nDepends: [login, chat]\n"),
              HasSubstr("Selectors has echo, but Depends leaves out echo"));
  EXPECT_THAT(error_of("Selectors: {game: hash}\nRoutes: {game: play}\n"), "(taken)");
  EXPECT_THAT(error_of("Selectors: {login: hash, chat: rendezvous}\n"), "(taken)");
}

TEST(ConfigCheck, ABoundPerAddressIsNotAboveTheBound) {
  EXPECT_THAT(error_of("MaxConnections: 100\nMaxConnectionsPerAddress: 101\n"),
              HasSubstr("MaxConnectionsPerAddress (101) is above MaxConnections (100)"));
  EXPECT_THAT(error_of("MaxConnections: 100\nMaxConnectionsPerAddress: 100\n"), "(taken)");
  EXPECT_THAT(error_of("MaxConnectionsPerAddress: 101\n"), "(taken)");
}

TEST(ConfigCheck, MessagesAreKeptAsLongAsTheyAreToldOf) {
  EXPECT_THAT(error_of("OfflineDays: 30\nMessageDays: 20\n"),
              HasSubstr("OfflineDays (30) is above MessageDays (20)"));
  EXPECT_THAT(error_of("OfflineDays: 20\nMessageDays: 20\n"), "(taken)");
}

TEST(ConfigCheck, NobodyDialsEveryInterface) {
  for (const char* host : {"0.0.0.0", "'::'", "'[::]'", "255.255.255.255", "224.0.0.1"}) {
    EXPECT_THAT(error_of(std::string("PublicAddress: ") + host + "\n"),
                HasSubstr("which nobody can dial"))
        << host;
  }
}

TEST(ConfigCheck, AnAuthorityWithoutTlsChecksNothing) {
  const auto config = parse("ConsulURL: http://consul:8500\nConsulCA: ca.pem\n");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("write https://consul:8500"));
}

TEST(ConfigCheck, AnAuthorityThatCannotBeReadIsRefused) {
  const test::TempDir dir;
  const std::string consul = "ConsulURL: https://consul:8501\nConsulCA: ";
  const std::string good = dir.write("ca.pem", "# ours\n-----BEGIN CERTIFICATE-----\n").string();
  EXPECT_TRUE(parse(consul + good + "\n"));
  const auto error_of_file = [&](const std::string& file) {
    const auto config = parse(consul + file + "\n");
    return config ? "(taken)" : config.error().message;
  };
  EXPECT_THAT(error_of_file(good + "x"), HasSubstr("ConsulCA: cannot open " + good + "x"));
  EXPECT_THAT(error_of_file(dir.path().string()), HasSubstr("not a regular file"));
  EXPECT_THAT(error_of_file(dir.write("empty", "").string()), HasSubstr("holds no certificate"));
  EXPECT_THAT(error_of("ConsulCA: /nowhere/ca.pem\n"), HasSubstr("/nowhere/ca.pem"))
      << "also where Consul is not asked";
}

TEST(ConfigCheck, WhatHasNoEffectIsNoticed) {
  EXPECT_THAT(notices_of(""), IsEmpty());
  EXPECT_THAT(
      notices_of("Subprotocol: kim\nAllowedOrigins: https://a.example\n"),
      ElementsAre("AllowedOrigins, Subprotocol have no effect: Listen has no ws:// address"));
  EXPECT_THAT(
      notices_of("Subprotocol: kim\nAllowedOrigins: https://a.example\nListen: ws://:8000/\n"),
      IsEmpty());
  EXPECT_THAT(notices_of("TrustedProxies: 10.0.0.0/8\n"),
              ElementsAre(HasSubstr("TrustedProxies has no effect")));
  EXPECT_THAT(notices_of("TrustedProxies: 10.0.0.0/8\nProxyProtocol: true\n"), IsEmpty());
  EXPECT_THAT(notices_of("MaxProxyHeader: 1KiB\n"),
              ElementsAre("MaxProxyHeader has no effect: ProxyProtocol is off"));
  EXPECT_THAT(notices_of("ConsulTag: blue\nEmptyListHold: 1s\n"),
              ElementsAre("ConsulTag, EmptyListHold have no effect: ConsulURL is not set"));
  EXPECT_THAT(notices_of("AdminToken: a-token-of-some-length\n"),
              ElementsAre("AdminToken has no effect: AdminPort is off"));
  EXPECT_THAT(notices_of("MonitorAddress: 0.0.0.0\n"),
              ElementsAre("MonitorAddress has no effect: MonitorPort is off"));
  EXPECT_THAT(notices_of("AllowedOrigins: ['*', https://a.example]\nListen: ws://:8000/\n"),
              ElementsAre("AllowedOrigins has *, so its other entries have no effect"));
  EXPECT_THAT(notices_of("Ring: epoll\nLatencyBudget: 300us\n"),
              ElementsAre("LatencyBudget has no effect: it needs io_uring of Linux 6.12 or newer"));
  EXPECT_THAT(notices_of("Ring: epoll\n"), IsEmpty());
  EXPECT_THAT(notices_of("Ring: epoll\nLatencyBudget: 0\n"), IsEmpty());
  EXPECT_THAT(notices_of("IdlePollAfter: 2m\nIdleTimeout: 1m\n"),
              ElementsAre("IdlePollAfter has no effect: it is not below IdleTimeout"));
}

TEST(ConfigCheck, AListenersOptionWithoutEffectIsNoticed) {
  const std::string files = "TlsCert: a.pem\nTlsKey: a.key\n";
  const std::string off = "Listen: [tls://:8443, 'wss://:443/?client_cert=off']\n" + files;
  EXPECT_THAT(notices_of(off),
              ElementsAre("Listen: ?client_cert=off has no effect: TlsClientCA is not set, so no "
                          "client has to show a certificate"));
  EXPECT_THAT(notices_of(off + "TlsClientCA: ca.pem\n"), IsEmpty());
  EXPECT_THAT(notices_of("Listen: tls://:8443?client_cert=off\nTlsClientCA: ca.pem\n" + files),
              ElementsAre("TlsClientCA has no effect: Listen has ?client_cert=off everywhere"));
  EXPECT_THAT(notices_of("Listen: ':8001?proxy=off'\n"),
              ElementsAre("Listen: ?proxy=off has no effect: ProxyProtocol is off"));
  EXPECT_THAT(notices_of("Listen: [':8001?proxy=off', ':8002']\nProxyProtocol: true\n"
                         "TrustedProxies: 10.0.0.0/8\n"),
              IsEmpty());
}

}  // namespace
}  // namespace ringgate
