// The rules of a context, and what it does in a handshake: which certificate a client gets, ALPN,
// tickets. Any thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "control/base/error.h"
#include "control/tls/openssl.h"
#include "control/tls/settings.h"
#include "control/tls/ticket_keys.h"

namespace ringgate::tls {

// What a context's callbacks read. It goes with the context.
struct ContextData {
  std::shared_ptr<const TicketKeys> tickets;
  bool is_http = false;
  std::map<std::string, ContextPtr, std::less<>> by_name;  // of other certificates; null: its own

  // The certificate for a name: exactly, else of "*." and what follows its first dot.
  [[nodiscard]] SSL_CTX* find(std::string_view name) const;
};

// A context with our rules and without a certificate.
[[nodiscard]] Result<ContextPtr> new_context(const Settings& settings);

// Whether a cipher of TLS 1.2 goes with that key: one is for RSA, or for the other kinds.
[[nodiscard]] bool has_old_cipher_for(SSL_CTX* context, const EVP_PKEY* key) noexcept;

// Whether OpenSSL knows all of them, and our records can be of those of TLS 1.3.
[[nodiscard]] Result<void> check_ciphers(const std::vector<std::string>& ciphers);

// Hands the data over, and has its callbacks called.
void attach(SSL_CTX* context, std::unique_ptr<ContextData> data);

}  // namespace ringgate::tls
