// OpenSSL's objects as owners, and what it says of a failure. Any thread.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

namespace ringgate::tls {

template <auto kFree>
struct Free {
  template <class Object>
  void operator()(Object* object) const noexcept {
    kFree(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Free<BIO_free>>;
using CertificatePtr = std::unique_ptr<X509, Free<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;

// The one protocol of WebSocket over TLS, as ALPN lists are written (RFC 7301, section 3.1).
inline constexpr unsigned char kHttpAlpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

// Reads from `text`, which outlives it.
[[nodiscard]] inline BioPtr reader_of(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Of this thread's last failure; empties its queue.
[[nodiscard]] inline std::string why() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* const text = error != 0 ? ERR_reason_error_string(error) : nullptr;
  return text != nullptr ? text : "OpenSSL says no more";
}

}  // namespace ringgate::tls
