#include "benchmarks/floors/tls_handshakes.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstdint>
#include <vector>

#include "codec/tls/key_log.h"

namespace ringgate::bench {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Connection = std::unique_ptr<SSL, decltype(&SSL_free)>;

struct TrafficSecrets {
  std::vector<std::uint8_t> client;
  std::vector<std::uint8_t> server;
};

void take_secret(const SSL* ssl, const char* line) {
  const auto logged = tls::traffic_secret_in(line);
  if (!logged) return;
  auto* const secrets = static_cast<TrafficSecrets*>(SSL_get_app_data(ssl));
  std::vector<std::uint8_t>& secret = logged->is_of_server ? secrets->server : secrets->client;
  secret.resize(tls::kMaxSecretBytes);
  secret.resize(tls::read_hex(logged->hex, secret));
}

// ECDSA with P-256, as servers have it; for a day.
bool take_made_certificate(SSL_CTX* context) {
  constexpr long kSecondsOfADay = 86'400;
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Certificate made(X509_new(), X509_free);
  if (key == nullptr || made == nullptr) return false;
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -kSecondsOfADay);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), kSecondsOfADay);
  X509_set_pubkey(made.get(), key.get());
  return X509_sign(made.get(), key.get(), EVP_sha256()) > 0 &&
         SSL_CTX_use_certificate(context, made.get()) == 1 &&
         SSL_CTX_use_PrivateKey(context, key.get()) == 1;
}

}  // namespace

void TlsHandshakes::Free::operator()(ssl_ctx_st* context) const noexcept {
  SSL_CTX_free(context);
}

Result<TlsHandshakes> TlsHandshakes::create() {
  auto schedule = tls::KeySchedule::create();
  if (!schedule) return std::unexpected(schedule.error());
  Context context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr || !take_made_certificate(context.get())) {
    return fail("OpenSSL cannot make a certificate: is its default provider there?");
  }
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  // The gateway's choice, too: AES-128 costs less than what clients offer first.
  SSL_CTX_set_ciphersuites(context.get(),
                           "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                           "TLS_CHACHA20_POLY1305_SHA256");
  SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_keylog_callback(context.get(), take_secret);
  return TlsHandshakes(std::move(*schedule), std::move(context));
}

std::optional<KeptRecords> TlsHandshakes::shake_hands(int socket) {
  const timeval patience{.tv_sec = kPatienceSeconds, .tv_usec = 0};
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const Connection ssl(SSL_new(context_.get()), SSL_free);
  TrafficSecrets secrets;
  SSL_set_app_data(ssl.get(), &secrets);
  ERR_clear_error();
  if (SSL_set_fd(ssl.get(), socket) != 1 || SSL_accept(ssl.get()) != 1) return {};
  const auto suite = tls::suite_of(
      static_cast<std::uint16_t>(SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl.get()))));
  if (!suite) return {};
  auto in = KeptContext::create(schedule_, *suite, secrets.client, false);
  auto out = KeptContext::create(schedule_, *suite, secrets.server, true);
  if (!in || !out) return {};
  return KeptRecords{std::move(*in), std::move(*out)};
}

}  // namespace ringgate::bench
