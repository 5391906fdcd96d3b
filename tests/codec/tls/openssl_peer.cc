#include "tests/codec/tls/openssl_peer.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <array>

namespace ringgate::tls {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

// A certificate of its own making; nobody checks it.
void make_certificate(SSL_CTX* context) {
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Certificate certificate(X509_new(), X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  EXPECT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
  EXPECT_EQ(SSL_CTX_use_certificate(context, certificate.get()), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey(context, key.get()), 1);
}

// A line of the key log: label, client's random, secret.
void take_secret(std::string_view line, std::string_view label, Bytes& secret) {
  if (line.starts_with(label)) secret = hex(line.substr(line.rfind(' ') + 1));
}

struct Logged {
  Bytes client;
  Bytes server;
};

void log_key(const SSL* ssl, const char* line) {
  auto* const logged = static_cast<Logged*>(SSL_get_app_data(ssl));
  if (logged == nullptr) return;
  take_secret(line, "CLIENT_TRAFFIC_SECRET_0 ", logged->client);
  take_secret(line, "SERVER_TRAFFIC_SECRET_0 ", logged->server);
}

const char* name_of(Suite suite) {
  switch (suite) {
    case Suite::kAes128GcmSha256:
      return "TLS_AES_128_GCM_SHA256";
    case Suite::kAes256GcmSha384:
      return "TLS_AES_256_GCM_SHA384";
    case Suite::kChaCha20Poly1305Sha256:
      return "TLS_CHACHA20_POLY1305_SHA256";
  }
  return "";
}

SslContext make_context(const SSL_METHOD* method, Suite suite) {
  SslContext context(SSL_CTX_new(method));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  EXPECT_EQ(SSL_CTX_set_ciphersuites(context.get(), name_of(suite)), 1);
  return context;
}

SslConnection connection_of(SSL_CTX* context, Peer role) {
  SslConnection ssl(SSL_new(context));
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  if (role == Peer::kClient) {
    SSL_set_connect_state(ssl.get());
  } else {
    SSL_set_accept_state(ssl.get());
  }
  return ssl;
}

Bytes taken_from(BIO* bio) {
  Bytes taken(BIO_ctrl_pending(bio));
  if (!taken.empty()) {
    EXPECT_EQ(BIO_read(bio, taken.data(), static_cast<int>(taken.size())),
              static_cast<int>(taken.size()));
  }
  return taken;
}

void put(BIO* bio, const Bytes& bytes) {
  if (bytes.empty()) return;
  EXPECT_EQ(BIO_write(bio, bytes.data(), static_cast<int>(bytes.size())),
            static_cast<int>(bytes.size()));
}

// The server's last flight, its tickets, stays in its BIO.
void shake_hands(SSL* client, SSL* server) {
  for (int flights = 0; flights < 10; ++flights) {
    const bool connected = SSL_do_handshake(client) == 1;
    put(SSL_get_rbio(server), taken_from(SSL_get_wbio(client)));
    if (SSL_do_handshake(server) == 1 && connected) return;
    put(SSL_get_rbio(client), taken_from(SSL_get_wbio(server)));
  }
  ADD_FAILURE() << "no handshake";
}

}  // namespace

OpensslPeer::OpensslPeer(Suite suite, Peer role, int tickets)
    : suite_(suite),
      role_(role),
      tickets_(tickets),
      client_context_(make_context(TLS_client_method(), suite)),
      server_context_(make_context(TLS_server_method(), suite)) {
  make_certificate(server_context_.get());
  SSL_CTX_set_num_tickets(server_context_.get(), static_cast<std::size_t>(tickets));
  SSL_CTX_set_keylog_callback(client_context_.get(), log_key);
  SslConnection client = connection_of(client_context_.get(), Peer::kClient);
  SslConnection server = connection_of(server_context_.get(), Peer::kServer);
  Logged logged;
  SSL_set_app_data(client.get(), &logged);
  shake_hands(client.get(), server.get());
  SSL_set_app_data(client.get(), nullptr);
  client_secret_ = logged.client;
  server_secret_ = logged.server;
  if (role == Peer::kClient) {
    put(SSL_get_rbio(client.get()), taken_from(SSL_get_wbio(server.get())));
    ssl_ = std::move(client);
  } else {
    ssl_ = std::move(server);
  }
}

Records OpensslPeer::take_over(KeySchedule& schedule) const {
  const bool to_client = role_ == Peer::kClient;
  Secrets secrets = {.suite = suite_,
                     .peer = role_,
                     .read = to_client ? client_secret_ : server_secret_,
                     .write = to_client ? server_secret_ : client_secret_};
  if (to_client) secrets.write_sequence = static_cast<std::uint64_t>(tickets_);
  return Records::create(schedule, secrets).value();
}

Records OpensslPeer::twin(KeySchedule& schedule) const {
  const Secrets secrets = {.suite = suite_,
                           .peer = role_ == Peer::kClient ? Peer::kServer : Peer::kClient,
                           .read = read_secret(),
                           .write = role_ == Peer::kClient ? client_secret_ : server_secret_,
                           .read_sequence = read_sequence()};
  return Records::create(schedule, secrets).value();
}

Bytes OpensslPeer::sent() {
  return taken_from(SSL_get_wbio(ssl_.get()));
}

std::string OpensslPeer::received(const Bytes& stream) {
  put(SSL_get_rbio(ssl_.get()), stream);
  std::string text;
  std::array<char, 16'384> part;
  for (;;) {
    ERR_clear_error();
    const int bytes = SSL_read(ssl_.get(), part.data(), static_cast<int>(part.size()));
    if (bytes > 0) {
      text.append(part.data(), static_cast<std::size_t>(bytes));
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), bytes);
    if (error == SSL_ERROR_WANT_READ) return text;
    end_ = error == SSL_ERROR_ZERO_RETURN ? SslEnd::kCloseNotify : SslEnd::kFailed;
    const int reason = ERR_GET_REASON(ERR_peek_error());
    if (reason > SSL_AD_REASON_OFFSET) fatal_alert_ = reason - SSL_AD_REASON_OFFSET;
    return text;
  }
}

void OpensslPeer::write(std::string_view text) {
  ERR_clear_error();
  EXPECT_EQ(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())),
            static_cast<int>(text.size()));
}

void OpensslPeer::update_key(bool ask) {
  EXPECT_EQ(
      SSL_key_update(ssl_.get(), ask ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED), 1);
  EXPECT_EQ(SSL_do_handshake(ssl_.get()), 1);
}

}  // namespace ringgate::tls
