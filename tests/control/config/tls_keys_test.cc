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
  EXPECT_CONTAINS(error_of(parse(kRequired + "Listen: tls://:1\n", {}, ProcessRole::kChat)),
                  "a logic service has no tls://");
}

}  // namespace
}  // namespace ringgate::test
