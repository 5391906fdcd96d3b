#include "tests/dataplane/tls_client.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>

#include "codec/bytes.h"

namespace ringgate::test {

TlsClient::TlsClient(const Wish& wish)
    : context_(SSL_CTX_new(TLS_client_method())),
      ssl_(nullptr),
      in_(BIO_new(BIO_s_mem())),
      out_(BIO_new(BIO_s_mem())) {
  SSL_CTX_set_min_proto_version(context_, wish.min_version);
  SSL_CTX_set_max_proto_version(context_, wish.max_version);
  if (wish.min_version != 0 && wish.min_version < TLS1_2_VERSION) {
    SSL_CTX_set_security_level(context_, 0);
  }
  if (!wish.ciphers.empty()) SSL_CTX_set_cipher_list(context_, wish.ciphers.c_str());
  if (!wish.suites.empty()) SSL_CTX_set_ciphersuites(context_, wish.suites.c_str());
  if (!wish.groups.empty()) SSL_CTX_set1_groups_list(context_, wish.groups.c_str());
  if (wish.certificate != nullptr) {
    SSL_CTX_use_certificate(context_, wish.certificate);
    SSL_CTX_use_PrivateKey(context_, wish.key);
  }
  if (wish.trusts != nullptr) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), wish.trusts);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
  }
  ssl_ = SSL_new(context_);
  BIO_set_mem_eof_return(in_, -1);
  SSL_set_bio(ssl_, in_, out_);
  SSL_set_connect_state(ssl_);
  if (!wish.server_name.empty()) {
    std::string name = wish.server_name;
    SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    if (wish.trusts != nullptr) SSL_set1_host(ssl_, name.c_str());
  }
  if (!wish.alpn.empty()) {
    SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(wish.alpn.data()),
                        static_cast<unsigned>(wish.alpn.size()));
  }
  if (wish.max_fragment != 0) SSL_set_tlsext_max_fragment_length(ssl_, wish.max_fragment);
  if (wish.session != nullptr) SSL_set_session(ssl_, wish.session);
}

TlsClient::~TlsClient() {
  SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // its session stays good
  SSL_free(ssl_);
  SSL_CTX_free(context_);
  ERR_clear_error();
}

std::string TlsClient::take_output() {
  std::string text(BIO_ctrl_pending(out_), '\0');
  std::size_t taken = 0;
  if (!text.empty()) BIO_read_ex(out_, text.data(), text.size(), &taken);
  return text;
}

std::string TlsClient::step(std::string_view received) {
  std::size_t fed = 0;
  ERR_clear_error();
  if (!received.empty()) BIO_write_ex(in_, received.data(), received.size(), &fed);
  const int result = SSL_do_handshake(ssl_);
  if (result != 1 && SSL_get_error(ssl_, result) != SSL_ERROR_WANT_READ) failed_ = true;
  ERR_clear_error();
  return take_output();
}

std::string TlsClient::seal(std::string_view plain) {
  std::size_t written = 0;
  SSL_write_ex(ssl_, plain.data(), plain.size(), &written);
  return take_output();
}

std::string TlsClient::open(std::string_view received) {
  std::size_t fed = 0;
  if (!received.empty()) BIO_write_ex(in_, received.data(), received.size(), &fed);
  std::string text;
  char buffer[4096];
  std::size_t bytes = 0;
  int result = 0;
  while ((result = SSL_read_ex(ssl_, buffer, sizeof buffer, &bytes)) == 1)
    text.append(buffer, bytes);
  if (SSL_get_error(ssl_, result) != SSL_ERROR_WANT_READ) failed_ = true;
  ERR_clear_error();
  return text;
}

std::string output_of(TlsHandshake& server) {
  std::string text(server.output_bytes(), '\0');
  server.take_output({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return text;
}

std::string rest_of(TlsHandshake& server) {
  std::string text(server.rest_bytes(), '\0');
  server.take_rest({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return text;
}

TlsStatus converse(TlsClient& client, TlsHandshake& server, std::size_t cut) {
  std::string to_server = client.step();
  TlsStatus status = TlsStatus::kNeedMore;
  while (status == TlsStatus::kNeedMore && !to_server.empty()) {
    std::string to_client;
    for (std::size_t at = 0; at < to_server.size() && status == TlsStatus::kNeedMore;) {
      const std::string_view rest = std::string_view(to_server).substr(at);
      const std::string_view piece = rest.substr(0, cut == 0 ? rest.size() : cut);
      status = server.step(as_bytes(piece));
      to_client += output_of(server);
      at += piece.size();
    }
    to_server = client.step(to_client);
  }
  return status;
}

}  // namespace ringgate::test
