// Handshakes that resume sessions, that ask for a name, and those of clients with certificates.
#include <gtest/gtest.h>
#include <openssl/x509.h>

#include <string>

#include "codec/bytes.h"
#include "tests/control/tls/tls_fixture.h"
#include "tests/dataplane/tls_client.h"

namespace ringgate {
namespace {

using test::converse;
using test::failure_of;
using test::MadeCertificate;
using test::output_of;
using test::TlsClient;
using Server = test::TlsServer;

// --- Resumption ---------------------------------------------------------------------------------

struct SessionPtr {
  explicit SessionPtr(SSL_SESSION* given) : session(given) {}
  ~SessionPtr() { SSL_SESSION_free(session); }
  SessionPtr(const SessionPtr&) = delete;
  SessionPtr& operator=(const SessionPtr&) = delete;
  SSL_SESSION* session;
};

// A client's whole first visit, with what it gets to come back with.
SSL_SESSION* visit(const TlsContext& context, const TlsClient::Wish& wish) {
  TlsClient client(wish);
  const auto ours = TlsHandshake::begin(context);
  EXPECT_EQ(converse(client, *ours), TlsStatus::kDone);
  client.open("");  // the ticket
  return client.session();
}

bool is_resumed(const TlsContext& context, TlsClient::Wish wish, SSL_SESSION* session) {
  wish.session = session;
  TlsClient client(wish);
  const auto ours = TlsHandshake::begin(context);
  EXPECT_EQ(converse(client, *ours), TlsStatus::kDone);
  EXPECT_EQ(ours->is_resumed(), SSL_session_reused(client.ssl()) == 1);
  if (ours->is_1_3()) {
    const std::size_t tickets = ours->keys().write_sequence;
    EXPECT_LE(tickets, 1U);
  }
  return ours->is_resumed();
}

constexpr int kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

std::string key_line(char digit) {
  return std::string(160, digit) + "\n";
}

TEST(HandshakeResumption, IsForAllWhoShareTheTicketKeysAlsoWhileTheyRotate) {
  Server one;
  one.files.settings.ticket_keys = one.files.write("tickets", "# ours\n\n" + key_line('a'));
  const TlsContext first = one.files.context();
  one.files.settings.ticket_keys = one.files.write("rotated", key_line('b') + key_line('a'));
  const TlsContext rotated = one.files.context();
  one.files.settings.ticket_keys = one.files.write("others", key_line('c'));
  const TlsContext other = one.files.context();
  for (const int version : kVersions) {
    const TlsClient::Wish wish{.max_version = version};
    const SessionPtr session(visit(first, wish));
    EXPECT_TRUE(is_resumed(first, wish, session.session));
    EXPECT_TRUE(is_resumed(rotated, wish, session.session));
    EXPECT_FALSE(is_resumed(other, wish, session.session)) << "a full handshake instead";
    const SessionPtr renewed(visit(rotated, wish));
    EXPECT_FALSE(is_resumed(first, wish, renewed.session));
  }
}

TEST(HandshakeResumption, OutlivesAReloadWithoutAFileOfKeys) {
  const Server server;
  const SessionPtr session(visit(server.files.context(), {}));
  EXPECT_TRUE(is_resumed(server.files.context(), {}, session.session));
}

// Who was let in without a certificate does not get in by a ticket where one is wanted.
TEST(HandshakeResumption, DoesNotGetAroundAClientsCertificate) {
  Server server;
  server.files.settings.client_ca = server.files.write("ca.pem", server.authority.pem());
  for (const int version : kVersions) {
    const SessionPtr session(visit(server.files.context(), {.max_version = version}));
    TlsClient client({.max_version = version, .session = session.session});
    EXPECT_EQ(failure_of(server, client, {.client_certificate = true}),
              TlsFailure::kNoClientCertificate);
  }
}

// What was agreed to holds for the session, and so when it is resumed (RFC 6066, section 4).
TEST(Handshake, SaysHowLongRecordsMayBe) {
  const Server server;
  const TlsContext context = server.files.context();
  const auto agreed = [&context](TlsClient&& client) {
    const auto ours = TlsHandshake::begin(context);
    EXPECT_EQ(converse(client, *ours), TlsStatus::kDone);
    return ours->keys().max_text_bytes;
  };
  EXPECT_EQ(agreed(TlsClient()), 16 * 1024);
  EXPECT_EQ(agreed(TlsClient({.max_fragment = TLSEXT_max_fragment_length_512})), 512);
  const TlsClient::Wish wish{.max_fragment = TLSEXT_max_fragment_length_4096};
  EXPECT_EQ(agreed(TlsClient(wish)), 4096);
  const SessionPtr session(visit(context, wish));
  TlsClient::Wish again = wish;
  again.session = session.session;
  EXPECT_EQ(agreed(TlsClient(again)), 4096);
}

// 0-RTT is offered to a server that gave no leave for it: its records are passed over.
TEST(Handshake, EarlyDataIsRefusedAndTheHandshakeGoesOn) {
  const Server server;
  const TlsContext giving = server.files.context();
  SSL_CTX_set_max_early_data(giving.get(), 4096);
  const SessionPtr session(visit(giving, {}));
  ASSERT_GT(SSL_SESSION_get_max_early_data(session.session), 0U);
  for (const std::size_t cut : {0U, 1U, 50U}) {
    TlsClient client({.session = session.session});
    std::size_t written = 0;
    ASSERT_EQ(SSL_write_early_data(client.ssl(), "early", 5, &written), 1);
    const std::string early = client.take_output();
    const auto ours = server.begin();
    std::string to_client;
    for (std::size_t at = 0; at < early.size(); at += cut == 0 ? early.size() : cut) {
      ASSERT_EQ(
          ours->step(as_bytes(std::string_view(early).substr(at, cut == 0 ? early.size() : cut))),
          TlsStatus::kNeedMore);
      to_client += output_of(*ours);
    }
    ASSERT_EQ(ours->step(as_bytes(client.step(to_client))), TlsStatus::kDone);
    EXPECT_EQ(SSL_get_early_data_status(client.ssl()), SSL_EARLY_DATA_REJECTED);
    EXPECT_EQ(ours->keys().read_sequence, 0U);
  }
}

// --- Names and clients' certificates ------------------------------------------------------------

std::string common_name(const X509* certificate) {
  char name[64] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  return name;
}

std::string name_for(const TlsContext& context, const std::string& server_name, int version) {
  TlsClient client({.max_version = version, .server_name = server_name});
  const auto ours = TlsHandshake::begin(context);
  EXPECT_EQ(converse(client, *ours), TlsStatus::kDone) << server_name;
  X509* const shown = SSL_get1_peer_certificate(client.ssl());
  const std::string name = common_name(shown);
  X509_free(shown);
  return name;
}

TEST(HandshakeNames, TheCertificateIsTheOneForTheNameElseTheFirst) {
  test::TlsFiles files;
  files.add("first", MadeCertificate::make({.common_name = "first", .names = {"a.example.com"}}));
  files.add("wild", MadeCertificate::make({.common_name = "wild", .names = {"*.example.com"}}));
  files.add("exact", MadeCertificate::make(
                         {.common_name = "exact", .names = {"B.example.com", "a.example.com"}}));
  files.add("named", MadeCertificate::make({.common_name = "named.example.org"}));
  const TlsContext context = files.context();
  for (const int version : kVersions) {
    EXPECT_EQ(name_for(context, "", version), "first");
    EXPECT_EQ(name_for(context, "a.example.com", version), "first") << "the first that has it";
    EXPECT_EQ(name_for(context, "c.Example.com", version), "wild");
    EXPECT_EQ(name_for(context, "b.example.com", version), "exact") << "before the wildcard";
    EXPECT_EQ(name_for(context, "named.example.org", version), "named.example.org");
    EXPECT_EQ(name_for(context, "example.com", version), "first") << "a wildcard has a label more";
    EXPECT_EQ(name_for(context, "x.c.example.com", version), "first");
    EXPECT_EQ(name_for(context, "elsewhere", version), "first");
  }
}

TEST(HandshakeNames, AnotherCertificatesHandshakeGivesItsSecretsToo) {
  test::TlsFiles files;
  files.add("first", MadeCertificate::make({.names = {"a.example.com"}}));
  files.add("second", MadeCertificate::make({.names = {"b.example.com"}}));
  TlsClient client({.server_name = "b.example.com"});
  const auto ours = TlsHandshake::begin(files.context());
  ASSERT_EQ(converse(client, *ours), TlsStatus::kDone);
  EXPECT_EQ(ours->keys().suite, 0x1301) << "our first choice";
}

TEST(HandshakeClientCertificate, OfTheAuthorityLetsIn) {
  Server server;
  server.files.settings.client_ca = server.files.write("ca.pem", server.authority.pem());
  const tls::ListenerUse use{.client_certificate = true};
  const MadeCertificate good = MadeCertificate::make({.common_name = "client"}, &server.authority);
  const MadeCertificate strange = MadeCertificate::make({.common_name = "client"});
  const auto made = [&](const MadeCertificate::Wish& wish) {
    return MadeCertificate::make(wish, &server.authority);
  };
  const MadeCertificate late = made({.common_name = "client", .to_s = -10});
  const MadeCertificate early = made({.common_name = "client", .from_s = 3600});
  const MadeCertificate of_server = made({.common_name = "client", .usages = "serverAuth"});
  for (const int version : kVersions) {
    const auto with = [&](const MadeCertificate& one) {
      return TlsClient::Wish{
          .max_version = version, .certificate = one.certificate(), .key = one.key()};
    };
    TlsClient welcome(with(good));
    const auto ours = server.begin(use);
    EXPECT_EQ(converse(welcome, *ours), TlsStatus::kDone);
    TlsClient none({.max_version = version});
    EXPECT_EQ(failure_of(server, none, use), TlsFailure::kNoClientCertificate);
    TlsClient stranger(with(strange));
    EXPECT_EQ(failure_of(server, stranger, use), TlsFailure::kClientCertificateAuthority);
    TlsClient expired(with(late));
    EXPECT_EQ(failure_of(server, expired, use), TlsFailure::kClientCertificateExpired);
    TlsClient not_yet(with(early));
    EXPECT_EQ(failure_of(server, not_yet, use), TlsFailure::kClientCertificate);
    TlsClient other_purpose(with(of_server));
    EXPECT_EQ(failure_of(server, other_purpose, use), TlsFailure::kClientCertificatePurpose);
    // And back, without showing it again.
    const TlsContext context = server.files.context(use);
    const SessionPtr session(visit(context, with(good)));
    EXPECT_TRUE(is_resumed(context, with(good), session.session));
  }
}

}  // namespace
}  // namespace ringgate
