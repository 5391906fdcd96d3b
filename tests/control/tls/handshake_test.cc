// Handshakes of contexts as a configuration makes them, with clients of OpenSSL's.
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/kdf.h>

#include <string>

#include "codec/bytes.h"
#include "codec/tls/alert.h"
#include "tests/control/tls/tls_fixture.h"
#include "tests/dataplane/tls_client.h"

namespace ringgate {
namespace {

using test::converse;
using test::MadeCertificate;
using test::output_of;
using test::TlsClient;
using Server = test::TlsServer;
using test::failure_of;

constexpr const char* kHttpAlpn = "\x02h2\x08http/1.1";
constexpr const char* kOnlyH2 = "\x02h2";

// A secret that OpenSSL's client has, by its key log.
class Secrets {
 public:
  explicit Secrets(const TlsClient& client) {
    lines() = {};
    SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(client.ssl()), [](const SSL*, const char* line) {
      lines() += line + std::string("\n");
    });
  }
  [[nodiscard]] static bool has(const std::string& label, ByteView secret) {
    std::string hex;
    for (const std::uint8_t byte : secret) {
      constexpr const char* kDigits = "0123456789abcdef";
      hex += {kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
    const std::size_t at = lines().find(label + " ");
    return at != std::string::npos && lines().find(hex, at) != std::string::npos;
  }

 private:
  static std::string& lines() {
    static std::string all;
    return all;
  }
};

struct Kind {
  const char* name;
  const char* suite;
  std::uint16_t number;
  std::size_t secret_bytes;
};
constexpr Kind kKinds[] = {{"Aes128", "TLS_AES_128_GCM_SHA256", 0x1301, 32},
                           {"Aes256", "TLS_AES_256_GCM_SHA384", 0x1302, 48},
                           {"ChaCha", "TLS_CHACHA20_POLY1305_SHA256", 0x1303, 32}};

class HandshakeOfTls13 : public testing::TestWithParam<Kind> {};

TEST_P(HandshakeOfTls13, GivesTheSecretsInEveryChunking) {
  const Server server;
  for (const std::size_t cut : {0U, 1U, 2U, 3U, 5U, 7U, 64U, 200U, 517U}) {
    SCOPED_TRACE(cut);
    TlsClient client({.suites = GetParam().suite, .trusts = server.authority.certificate()});
    const Secrets secrets(client);
    const auto ours = server.begin();
    ASSERT_EQ(converse(client, *ours, cut), TlsStatus::kDone);
    EXPECT_TRUE(client.is_done());
    EXPECT_TRUE(ours->is_1_3());
    EXPECT_FALSE(ours->is_resumed());
    EXPECT_EQ(ours->keys().suite, GetParam().number);
    ASSERT_EQ(ours->keys().secret_bytes, GetParam().secret_bytes);
    const auto view = [&](const auto& secret) {
      return ByteView(secret).first(ours->keys().secret_bytes);
    };
    EXPECT_TRUE(secrets.has("CLIENT_TRAFFIC_SECRET_0", view(ours->keys().read)));
    EXPECT_TRUE(secrets.has("SERVER_TRAFFIC_SECRET_0", view(ours->keys().write)));
    EXPECT_EQ(ours->keys().read_sequence, 0U);
    EXPECT_EQ(ours->keys().write_sequence, 1U) << "the one ticket";
    EXPECT_EQ(ours->rest_bytes(), 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Suites, HandshakeOfTls13, testing::ValuesIn(kKinds),
                         [](const auto& test) { return std::string(test.param.name); });

// The client's last flight, what it says behind it, and a key update between them.
TEST(Handshake, LeavesWhatComesBehindItSealed) {
  for (const bool updates : {false, true}) {
    const Server server;
    TlsClient client;
    const auto ours = server.begin();
    ASSERT_EQ(ours->step(as_bytes(client.step())), TlsStatus::kNeedMore);
    std::string last = client.step(output_of(*ours));
    ASSERT_TRUE(client.is_done());
    if (updates) SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED);
    const std::string behind = client.seal("hello");
    ASSERT_EQ(ours->step(as_bytes(last + behind)), TlsStatus::kDone);
    EXPECT_EQ(test::rest_of(*ours), behind);
    EXPECT_EQ(ours->keys().read_sequence, 0U);
  }
}

TEST(Handshake, AskedForAnotherGroupStillCountsTheTicketOnly) {
  const Server server;
  TlsClient client({.groups = "P-521:P-256"});  // its key share is one that we have not
  const auto ours = server.begin();
  ASSERT_EQ(converse(client, *ours, 1), TlsStatus::kDone);
  EXPECT_EQ(ours->keys().write_sequence, 1U);
}

TEST(Handshake, Of1_2KeepsItsObject) {
  const Server server;
  for (const std::size_t cut : {0U, 1U, 100U}) {
    TlsClient client({.max_version = TLS1_2_VERSION, .trusts = server.authority.certificate()});
    const auto ours = server.begin();
    ASSERT_EQ(converse(client, *ours, cut), TlsStatus::kDone);
    EXPECT_FALSE(ours->is_1_3());
    TlsSession session(ours->release());
    ASSERT_TRUE(session.feed(as_bytes(client.seal("hello"))));
    std::uint8_t buffer[64];
    std::size_t bytes = 0;
    ASSERT_EQ(session.read(buffer, bytes), TlsSession::Read::kData);
    EXPECT_EQ(as_text(ByteView(buffer, bytes)), "hello");
    EXPECT_EQ(session.read(buffer, bytes), TlsSession::Read::kNeedMore);
    ASSERT_TRUE(session.write(as_bytes("and back")));
    std::string out(session.output_bytes(), '\0');
    session.take_output({reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
    EXPECT_EQ(client.open(out), "and back");

    SSL_shutdown(client.ssl());
    ASSERT_TRUE(session.feed(as_bytes(client.take_output())));
    EXPECT_EQ(session.read(buffer, bytes), TlsSession::Read::kEnd);
    EXPECT_EQ(ERR_peek_error(), 0U);
  }
}

// Costs the client its wish only.
TEST(Handshake, IsNotDoneAgain) {
  const Server server;
  TlsClient client({.max_version = TLS1_2_VERSION});
  const auto ours = server.begin();
  ASSERT_EQ(converse(client, *ours), TlsStatus::kDone);
  TlsSession session(ours->release());
  SSL_renegotiate(client.ssl());
  ASSERT_TRUE(session.feed(as_bytes(client.step())));
  std::uint8_t buffer[64];
  std::size_t bytes = 0;
  EXPECT_EQ(session.read(buffer, bytes), TlsSession::Read::kNeedMore);
  EXPECT_GT(session.output_bytes(), 0U) << "an alert: no_renegotiation";
}

TEST(Handshake, FailuresHaveTheirReasonAndTheClientIsTold) {
  Server server;
  TlsClient old({.min_version = TLS1_1_VERSION, .max_version = TLS1_1_VERSION});
  EXPECT_EQ(failure_of(server, old), TlsFailure::kVersion);
  EXPECT_TRUE(old.has_failed());

  server.files.settings.min_version = tls::MinVersion::kTls13;
  TlsClient of_1_2({.max_version = TLS1_2_VERSION});
  EXPECT_EQ(failure_of(server, of_1_2), TlsFailure::kVersion);
  server.files.settings.min_version = tls::MinVersion::kTls12;

  TlsClient without_common({.max_version = TLS1_2_VERSION, .ciphers = "AES128-SHA"});
  EXPECT_EQ(failure_of(server, without_common), TlsFailure::kNoCommonCipher);

  TlsClient without_group({.groups = "P-521"});
  EXPECT_EQ(failure_of(server, without_group), TlsFailure::kNoCommonCipher);

  const MadeCertificate other = MadeCertificate::authority("another");
  TlsClient distrustful({.trusts = other.certificate()});
  EXPECT_EQ(failure_of(server, distrustful), TlsFailure::kPeerAlert);

  TlsClient h2({.alpn = kOnlyH2});
  EXPECT_EQ(failure_of(server, h2, {.is_http = true}), TlsFailure::kBadMessage);
  EXPECT_TRUE(h2.has_failed());
}

TEST(Handshake, AnswersHttp1_1WhereItIsWebSocket) {
  const Server server;
  TlsClient client({.alpn = kHttpAlpn});
  const auto ours = server.begin({.is_http = true});
  ASSERT_EQ(converse(client, *ours), TlsStatus::kDone);
  const unsigned char* chosen = nullptr;
  unsigned bytes = 0;
  SSL_get0_alpn_selected(client.ssl(), &chosen, &bytes);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), bytes), "http/1.1");

  TlsClient elsewhere({.alpn = kOnlyH2});
  const auto tcp = server.begin();
  EXPECT_EQ(converse(elsewhere, *tcp), TlsStatus::kDone) << "whatever it offers";
}

TEST(Handshake, AnswersPlainHttpInWords) {
  const Server server;
  for (const std::string method : {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH",
                                   "TRACE", "CONNECT", "PROPFIND", "get", "LOCK", "X"}) {
    SCOPED_TRACE(method);
    const auto ours = server.begin();
    const std::string target = method == "CONNECT" ? "chat.example.com:443" : "/";
    const std::string request = method + " " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
    ASSERT_EQ(ours->step(as_bytes(request.substr(0, 4))), TlsStatus::kNeedMore);
    ASSERT_EQ(ours->step(as_bytes(request.substr(4))), TlsStatus::kFailed);
    EXPECT_EQ(ours->failure(), TlsFailure::kPlainText);
    const std::string answer = output_of(*ours);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
    const std::size_t body = answer.find("\r\n\r\n") + 4;
    const std::string length = "Content-Length: " + std::to_string(answer.size() - body);
    // To HEAD its length is told, and it is not there.
    EXPECT_EQ(answer.contains(length + "\r\n"), method != "HEAD") << answer;
    EXPECT_EQ(body == answer.size(), method == "HEAD") << answer;
  }

  const auto other = server.begin();
  ASSERT_EQ(other->step(as_bytes(std::string("\x02\x00\x00\x00\x01w", 6))), TlsStatus::kFailed);
  EXPECT_EQ(other->failure(), TlsFailure::kPlainText);
  const std::string alert = output_of(*other);
  EXPECT_EQ(alert, (std::string("\x15\x03\x03\x00\x02\x02\x46", 7))) << "protocol_version";
  EXPECT_TRUE(tls::begins_with_alert(as_bytes(alert)));
}

TEST(Handshake, IsBoundedInBytes) {
  const Server server;
  const auto ours = server.begin();
  // A ClientHello that says that it is long, in records of a hundred bytes.
  std::string record = {'\x16', '\x03', '\x01', '\x00', '\x64'};
  std::string first = record + std::string("\x01\x01\xff\xff\x03\x03", 6) + std::string(94, 'a');
  record += std::string(100, 'a');
  TlsStatus status = ours->step(as_bytes(first));
  std::size_t bytes = first.size();
  while (status == TlsStatus::kNeedMore && bytes < 2 * TlsHandshake::kMaxBytes) {
    status = ours->step(as_bytes(record));
    bytes += record.size();
  }
  EXPECT_EQ(status, TlsStatus::kFailed);
  EXPECT_LE(bytes, TlsHandshake::kMaxBytes + record.size());
}

TEST(Handshake, ThatIsLeftHalfwayLeavesNothing) {
  const Server server;
  TlsClient client;
  {
    const auto ours = server.begin();
    const std::string hello = client.step();
    ASSERT_EQ(ours->step(as_bytes(hello.substr(0, hello.size() / 2))), TlsStatus::kNeedMore);
  }
  EXPECT_EQ(ERR_peek_error(), 0U);
}

}  // namespace
}  // namespace ringgate
