// What a configuration says of TLS.
#include <gtest/gtest.h>

#include "tests/control/config/parse.h"

namespace ringgate::test {
namespace {

TEST(TlsKeys, TlsNeedsACertificate) {
  EXPECT_CONTAINS(error_of(parse(kRequired + "Listen: tls://:8443\n")), "TlsCert is missing");
  const auto config = parse(kRequired +
                            "Listen: [tls://:8443, 'wss://:443/chat?client_cert=off']\n"
                            "TlsCert: [a.pem, b.pem]\nTlsKey: [a.key, b.key]\nTlsMin: 1.3\n"
                            "TlsClientCA: ca.pem\nTlsTicketKeys: tickets\n"
                            "TlsCiphers: TLS_AES_128_GCM_SHA256, ECDHE+AESGCM\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->tls, (tls::Settings{.certificates = {"a.pem", "b.pem"},
                                        .keys = {"a.key", "b.key"},
                                        .min_version = tls::MinVersion::kTls13,
                                        .ciphers = {"TLS_AES_128_GCM_SHA256", "ECDHE+AESGCM"},
                                        .client_ca = "ca.pem",
                                        .ticket_keys = "tickets"}));
  EXPECT_TRUE(wants_client_certificate(*config, config->listen[0]));
  EXPECT_FALSE(wants_client_certificate(*config, config->listen[1]));
}

// Who comes over TLS to a logic service shows that it is a gateway.
TEST(TlsKeys, AServicesListenerAsksForCertificates) {
  const std::string files = kRequired + "TlsCert: a.pem\nTlsKey: a.key\n";
  const auto of_chat = [&](const std::string& more) {
    return parse(files + more, {}, ProcessRole::kChat);
  };
  EXPECT_CONTAINS(error_of(of_chat("Listen: tls://:1\n")), "TlsClientCA");
  EXPECT_CONTAINS(error_of(of_chat("Listen: tls://:1?client_cert=off\nTlsClientCA: ca.pem\n")),
                  "client_cert=off");
  EXPECT_TRUE(of_chat("Listen: tls://:1\nTlsClientCA: ca.pem\n"));
  EXPECT_CONTAINS(error_of(of_chat("Listen: wss://:1\nTlsClientCA: ca.pem\n")), "ws://");
}

TEST(TlsKeys, LinksAreOverTlsWhereAnAuthorityIsNamed) {
  const auto config =
      parse(kRequired + "LinkTlsCA: ca.pem\nLinkTlsCert: a.pem\nLinkTlsKey: a.key\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->link_tls.ca, "ca.pem");
  EXPECT_EQ(config->link_tls.certificate, "a.pem");
  EXPECT_EQ(config->link_tls.key, "a.key");
  const auto without = parse(kRequired + "LinkTlsCert: a.pem\nLinkTlsKey: a.key\n");
  ASSERT_TRUE(without);
  ASSERT_FALSE(without->notices.empty());
  EXPECT_CONTAINS(without->notices.front(), "LinkTlsCA is not set");
}

TEST(TlsKeys, WhatHasNoEffectIsNoticed) {
  const auto notices = [](const std::string& more) {
    const auto config = parse(kRequired + more);
    EXPECT_TRUE(config) << config.error().message;
    std::string all;
    for (const std::string& one : config->notices) all += one + "\n";
    return all;
  };
  const std::string of_monitor = "MonitorTlsCert: a.pem\nMonitorTlsKey: a.key\n";
  EXPECT_CONTAINS(notices(of_monitor), "MonitorTlsCert, MonitorTlsKey have no effect");
  EXPECT_EQ(notices(of_monitor + "AdminPort: 9000\n").find("MonitorTls"), std::string::npos);
  const std::string listen =
      "Listen: tls://:8443\nTlsCert: a.pem\nTlsKey: a.key\n"
      "TlsCiphers: TLS_AES_128_GCM_SHA256, ECDHE+AESGCM\n";
  EXPECT_CONTAINS(notices(listen + "TlsMin: 1.3\n"), "ECDHE+AESGCM has no effect");
  EXPECT_EQ(notices(listen).find("no effect"), std::string::npos);
}

}  // namespace
}  // namespace ringgate::test
