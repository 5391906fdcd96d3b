// A certificate with its chain and its key, read from PEM files and checked. Any thread.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/error.h"
#include "control/tls/openssl.h"

namespace ringgate::tls {

struct Certificate {
  std::string file;
  std::vector<CertificatePtr> chain;  // ours first
  KeyPtr key;
  std::vector<std::string> names;  // DNS names that it is for, lower case; "*.example.com" too
  // It says what it is for (subjectAltName). Else `names` has its common name, by which clients
  // that ask for one find it, and which none believes (RFC 9525).
  bool has_names = false;
  std::time_t not_after = 0;  // of the first of the chain that ends
  // Of the first of the chain that has to be renewed: each two weeks before its own end, but not
  // before two thirds of its own time have passed, so one of a day or a week later.
  std::time_t renew_at = 0;
};

// The keys of the configuration that name the files.
struct CertificateKeys {
  std::string_view certificate = "TlsCert";
  std::string_view key = "TlsKey";
};

// Errors name the key of the configuration, the file, and what to do; their exit code is 2. One
// that has expired, or is not valid yet, at `now` is an error, and a chain without who signed it.
[[nodiscard]] Result<Certificate> load_certificate(const std::string& certificate_file,
                                                   const std::string& key_file, std::time_t now,
                                                   const CertificateKeys& keys = {});

enum class Purpose : std::uint8_t { kServer, kClient };
// Whether those whom it is shown will take it for that: an error where it has extended key usages
// (RFC 5280, section 4.2.1.12) without serverAuth, or clientAuth. Errors begin with `config_key`.
[[nodiscard]] Result<void> check_purpose(const Certificate& certificate, Purpose purpose,
                                         std::string_view config_key);

// For what is shown from that context on. Errors begin with `config_key`.
[[nodiscard]] Result<void> take_certificate(SSL_CTX* context, const Certificate& certificate,
                                            std::string_view config_key);

// Those of a file, of which one at least can be trusted at `now`: it has not expired, and is an
// authority's, or signed by itself. `config_key` is for the message.
[[nodiscard]] Result<std::vector<CertificatePtr>> load_authorities(std::string_view config_key,
                                                                   const std::string& file,
                                                                   std::time_t now);

}  // namespace ringgate::tls
