// The client's side of TLS, beside the server's side that gateways have.
#include "control/tls/client_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>

#include "codec/tls/records.h"
#include "dataplane/tls_handshake.h"
#include "tests/control/tls/tls_fixture.h"
#include "tests/dataplane/tls_client.h"

namespace ringgate::tls {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using test::MadeCertificate;
using test::TlsFiles;

MutableBytes bytes_of(std::string& text) {
  return {reinterpret_cast<std::uint8_t*>(text.data()), text.size()};
}

class ClientStreamTest : public ::testing::Test {
 protected:
  ClientStreamTest() { wish_.ca = files_.write("ca.pem", authority_.pem()); }

  void serve(const MadeCertificate::Wish& wish) {
    files_.add("server", MadeCertificate::make(wish, &authority_));
  }

  void begin(const std::string& host = "gateway.example", const std::string& session = {}) {
    client_.reset();
    const Result<ContextPtr> context = new_client_context(wish_);
    ASSERT_TRUE(context) << context.error().message;
    auto begun = ClientStream::begin(context->get(), {host, 8443}, wish_.names, session);
    ASSERT_TRUE(begun) << begun.error().message;
    client_ = std::move(*begun);
    server_ = TlsHandshake::begin(files_.context(use_));
  }

  // What the client says in the end; empty: the handshake is done. `cut`: the server's bytes come
  // in pieces of so many.
  std::string shake(std::size_t cut = 1 << 20) {
    bool serving = true;
    while (true) {
      std::string sent;
      client_->append_output(sent);
      if (serving && !sent.empty()) serving = server_->step(as_bytes(sent)) == TlsStatus::kNeedMore;
      const std::string answer = test::output_of(*server_);
      if (answer.empty()) return client_->is_ready() ? "" : client_->cut_off().message;
      for (std::size_t at = 0; at < answer.size(); at += cut) {
        auto fed = client_->feed(as_bytes(std::string_view(answer).substr(at, cut)));
        if (!fed) return fed.error().message;
      }
      std::string plain(100, '\0');
      const auto read = client_->read(bytes_of(plain));
      if (!read) return read.error().message;
    }
  }
  std::string shake_with(const std::string& host) {
    begin(host);
    return shake();
  }

  MadeCertificate authority_ = MadeCertificate::authority();
  TlsFiles files_;
  ListenerUse use_;
  ClientSettings wish_;
  std::unique_ptr<ClientStream> client_;
  std::unique_ptr<TlsHandshake> server_;
};

TEST_F(ClientStreamTest, TrustsWhoeverHasTheNameAndTheAuthority) {
  serve({.names = {"gateway.example", "*.a.example", "IP:127.0.0.1", "IP:::1"}});
  for (const char* host : {"gateway.example", "b.a.example", "127.0.0.1", "::1"}) {
    EXPECT_EQ(shake_with(host), "") << host;
  }
  begin();
  EXPECT_EQ(shake(1), "") << "cut into bytes";
}

TEST_F(ClientStreamTest, SaysWhichNamesACertificateIsFor) {
  serve({.names = {"gateway.example", "IP:127.0.0.1"}});
  EXPECT_THAT(shake_with("other.example"),
              HasSubstr("is for gateway.example, 127.0.0.1 and not for other.example"));
  EXPECT_THAT(shake_with("127.0.0.2"), HasSubstr("and not for 127.0.0.2: connect by a name"));
}

// There is no name to connect by: only another certificate helps.
TEST_F(ClientStreamTest, SaysThatACertificateHasNoNames) {
  serve({.common_name = "gateway.example"});
  for (const char* const host : {"gateway.example", "127.0.0.1"}) {
    EXPECT_THAT(shake_with(host),
                AllOf(HasSubstr("has no names (subjectAltName)"), HasSubstr("made anew, with "),
                      HasSubstr(host), testing::Not(HasSubstr("connect by"))));
  }
}

TEST_F(ClientStreamTest, SaysWhenACertificateIsNotOfItsTime) {
  serve({.names = {"gateway.example"}});
  const auto shake_at = [&](long from_s, long to_s) {
    begin();
    const MadeCertificate made = MadeCertificate::make(
        {.names = {"gateway.example"}, .from_s = from_s, .to_s = to_s}, &authority_);
    // Ours would not begin with it.
    SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
    EXPECT_EQ(SSL_CTX_use_certificate(context, made.certificate()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(context, made.key()), 1);
    TlsHandshake::prepare(context);
    server_ = TlsHandshake::begin(TlsContext::of(context));
    return shake();
  };
  EXPECT_THAT(shake_at(-7200, -3600), AllOf(HasSubstr("has expired on"), HasSubstr("clock")));
  EXPECT_THAT(shake_at(3600, 7200), AllOf(HasSubstr("is not valid before"), HasSubstr("clock")));
}

TEST_F(ClientStreamTest, SaysWhatToDoAboutAnUnknownAuthority) {
  serve({.names = {"gateway.example"}});
  wish_.ca = files_.write("other.pem", MadeCertificate::authority("other").pem());
  EXPECT_THAT(shake_with("gateway.example"),
              AllOf(HasSubstr("not signed by an authority that is trusted here"),
                    HasSubstr("--tls-ca"), HasSubstr("--tls-insecure")));
}

TEST_F(ClientStreamTest, InsecureTakesAnybody) {
  serve({.names = {"other.example"}});
  wish_.ca.clear();
  wish_.verify = false;
  EXPECT_EQ(shake_with("gateway.example"), "");
}

TEST_F(ClientStreamTest, SaysWhatAnAlertWants) {
  serve({.names = {"gateway.example"}});
  files_.settings.client_ca = wish_.ca;
  use_.client_certificate = true;
  EXPECT_THAT(shake_with("gateway.example"),
              AllOf(HasSubstr("certificate required"), HasSubstr("--tls-cert and --tls-key")));
  const MadeCertificate stranger = MadeCertificate::make({.common_name = "stranger"});
  wish_.certificate = files_.write("stranger.pem", stranger.pem());
  wish_.key = files_.write("stranger.key", stranger.key_pem());
  EXPECT_THAT(shake_with("gateway.example"), HasSubstr("it does not take our certificate"));
  const MadeCertificate known = MadeCertificate::make({.common_name = "known"}, &authority_);
  wish_.certificate = files_.write("known.pem", known.pem());
  wish_.key = files_.write("known.key", known.key_pem());
  EXPECT_EQ(shake_with("gateway.example"), "");
}

TEST_F(ClientStreamTest, SaysWhenNobodySpeaksTlsThere) {
  serve({.names = {"gateway.example"}});
  begin();
  const auto fed = client_->feed(as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
  ASSERT_FALSE(fed);
  EXPECT_THAT(fed.error().message, HasSubstr("gateway.example:8443 does not speak TLS"));
  EXPECT_EQ(fed.error().exit_code, 1);
  begin();
  EXPECT_THAT(client_->cut_off().message, HasSubstr("closed the connection in the TLS handshake"));
}

// A server that speaks TLS, and goes away: the port is no mistake.
TEST_F(ClientStreamTest, SaysWhereToLookWhenAHandshakeIsBrokenOff) {
  serve({.names = {"gateway.example"}});
  begin();
  std::string hello;
  client_->append_output(hello);
  ASSERT_EQ(server_->step(as_bytes(hello)), TlsStatus::kNeedMore);
  const std::string answer = test::output_of(*server_);
  ASSERT_TRUE(client_->feed(as_bytes(std::string_view(answer).substr(0, answer.size() - 1))));
  ASSERT_FALSE(client_->is_ready());
  EXPECT_THAT(client_->cut_off().message, HasSubstr("in the middle of the TLS handshake: see its"));
}

TEST_F(ClientStreamTest, SettingsThatDoNotFitAreToldOf) {
  const auto problem = [&] {
    const Result<ContextPtr> made = new_client_context(wish_);
    EXPECT_EQ(made ? 2 : made.error().exit_code, 2);
    return made ? "" : made.error().message;
  };
  wish_.ca = "/nowhere/ca.pem";
  EXPECT_THAT(problem(), AllOf(HasSubstr("--tls-ca"), HasSubstr("/nowhere/ca.pem")));
  wish_.ca = files_.write("ca.pem", "no PEM");
  EXPECT_THAT(problem(), HasSubstr("no certificate in PEM"));
  wish_.ca.clear();
  const MadeCertificate one = MadeCertificate::make({});
  wish_.certificate = files_.write("one.pem", one.pem());
  EXPECT_THAT(problem(), HasSubstr("--tls-cert and --tls-key go together"));
  wish_.key = files_.write("other.key", MadeCertificate::make({}).key_pem());
  EXPECT_THAT(problem(), AllOf(HasSubstr("--tls-key"), HasSubstr("is not the key")));
  wish_.key = files_.write("locked.key", one.key_pem("password"));
  EXPECT_THAT(problem(), HasSubstr("protected by a password"));
  wish_.key = files_.write("one.key", one.key_pem());
  EXPECT_EQ(problem(), "");
  wish_.certificate = files_.write("short.pem", MadeCertificate::make({.to_s = -60}).pem());
  EXPECT_THAT(problem(), AllOf(HasSubstr("--tls-cert"), HasSubstr("has expired")));
}

// Else the thread that reloads the configuration would wait for ever.
TEST_F(ClientStreamTest, APipeThatNobodyWritesToIsNotWaitedForLong) {
  const MadeCertificate one = MadeCertificate::make({});
  wish_.key = files_.write("one.key", one.key_pem());
  wish_.certificate = files_.write("pipe", "");
  ASSERT_EQ(unlink(wish_.certificate.c_str()), 0);
  ASSERT_EQ(mkfifo(wish_.certificate.c_str(), 0600), 0);
  const Result<ContextPtr> made = new_client_context(wish_);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, AllOf(HasSubstr("--tls-cert"), HasSubstr("pipe")));
}

TEST_F(ClientStreamTest, ASessionIsResumedByLaterConnections) {
  serve({.names = {"gateway.example"}});
  ASSERT_EQ(shake_with("gateway.example"), "");
  EXPECT_FALSE(client_->is_resumed());
  const std::string session = client_->session();
  ASSERT_NE(session, "");
  for (int i = 0; i < 3; ++i) {
    begin("gateway.example", session);
    ASSERT_EQ(shake(), "");
    EXPECT_TRUE(client_->is_resumed());
    EXPECT_TRUE(server_->is_resumed());
  }
}

// What is left of a handshake of TLS 1.3 is what codec/tls goes on with.
TEST_F(ClientStreamTest, RecordsGoOnFromTheSecrets) {
  serve({.names = {"gateway.example"}});
  begin();
  std::string sent;
  while (!client_->is_ready()) {
    sent.clear();
    client_->append_output(sent);
    static_cast<void>(server_->step(as_bytes(sent)));
    ASSERT_TRUE(client_->feed(as_bytes(test::output_of(*server_))));
  }
  sent.clear();
  client_->append_output(sent);
  ASSERT_EQ(server_->step(as_bytes(sent)), TlsStatus::kDone);
  const ClientStream::Secrets& secrets = client_->secrets();
  const TlsHandshake::Keys& keys = server_->keys();
  ASSERT_EQ(secrets.bytes, keys.secret_bytes);
  EXPECT_EQ(secrets.suite, keys.suite);
  EXPECT_EQ(secrets.read, keys.write);
  EXPECT_EQ(secrets.write, keys.read);
  KeySchedule schedule = KeySchedule::create().value();
  Cipher cipher = Cipher::create().value();
  auto records = Records::create(schedule, {.suite = suite_of(secrets.suite).value(),
                                            .peer = Peer::kServer,
                                            .read = ByteView(secrets.read).first(secrets.bytes),
                                            .write = ByteView(secrets.write).first(secrets.bytes)});
  ASSERT_TRUE(records) << records.error().message;
  std::string ticket = test::output_of(*server_);
  ASSERT_NE(ticket, "");
  const OpenStep step = records->open(cipher, bytes_of(ticket));
  EXPECT_EQ(step.status, OpenStatus::kNothing);
  EXPECT_EQ(step.consumed, ticket.size());
}

}  // namespace
}  // namespace ringgate::tls
