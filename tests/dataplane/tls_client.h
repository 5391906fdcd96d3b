// A TLS client over memory, and a conversation of it with a handshake of ours.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "dataplane/tls_handshake.h"

namespace ringgate::test {

class TlsClient {
 public:
  struct Wish {
    int min_version = 0;
    int max_version = 0;
    std::string server_name{};
    std::string alpn{};     // as on the wire
    std::string ciphers{};  // of TLS 1.2
    std::string suites{};   // of TLS 1.3
    std::string groups{};
    unsigned char max_fragment = 0;  // TLSEXT_max_fragment_length_*
    SSL_SESSION* session = nullptr;
    X509* certificate = nullptr;  // of the client
    EVP_PKEY* key = nullptr;
    X509* trusts = nullptr;  // checked where it is set
  };
  TlsClient() : TlsClient(Wish{}) {}
  explicit TlsClient(const Wish& wish);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // Goes on with the handshake; what is to be sent.
  std::string step(std::string_view received = {});
  [[nodiscard]] bool is_done() const { return SSL_is_init_finished(ssl_) == 1; }
  [[nodiscard]] bool has_failed() const { return failed_; }
  [[nodiscard]] SSL* ssl() const { return ssl_; }
  // After the handshake: what `plain` is on the wire, and what was in `received`.
  std::string seal(std::string_view plain);
  std::string open(std::string_view received);
  std::string take_output();
  // A session that may be resumed, after open() has seen its ticket; the caller frees it.
  [[nodiscard]] SSL_SESSION* session() const { return SSL_get1_session(ssl_); }

 private:
  SSL_CTX* context_;
  SSL* ssl_;
  BIO* in_;
  BIO* out_;
  bool failed_ = false;
};

// What our side sends now.
std::string output_of(TlsHandshake& server);
std::string rest_of(TlsHandshake& server);

// Both sides until ours is done or has failed. `cut`: the client's bytes come in pieces of so many;
// 0: as they are. What our side sent last is given to the client, too.
TlsStatus converse(TlsClient& client, TlsHandshake& server, std::size_t cut = 0);

}  // namespace ringgate::test
