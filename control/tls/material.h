// Everything that TLS listeners need from files, read and checked at start and at a reload, and the
// contexts that are made of it. Immutable, any thread.
#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "control/base/error.h"
#include "control/tls/certificate.h"
#include "control/tls/settings.h"
#include "control/tls/ticket_keys.h"
#include "dataplane/tls_context.h"

namespace ringgate::tls {

// What differs between listeners.
struct ListenerUse {
  bool is_http = false;             // ALPN answers http/1.1
  bool client_certificate = false;  // clients have to show one
};

class Material {
 public:
  // Errors are sentences that name the key and the file; their exit code is 2.
  [[nodiscard]] static Result<std::shared_ptr<const Material>> load(
      const Settings& settings, std::time_t now, const CertificateKeys& keys = {});

  [[nodiscard]] Result<TlsContext> context(const ListenerUse& use) const;

  struct Validity {
    std::string file;
    std::time_t not_after;
    std::time_t renew_at;   // from here on it should have been renewed: see Certificate
    bool has_names = true;  // those who come can find theirs: see Certificate
  };
  [[nodiscard]] std::vector<Validity> validity() const;

 private:
  Material() = default;
  [[nodiscard]] Result<ContextPtr> make(const Certificate& certificate,
                                        const ListenerUse& use) const;
  [[nodiscard]] Result<void> take_client_authorities(SSL_CTX* context, bool required) const;

  Settings settings_;
  std::vector<Certificate> certificates_;
  std::vector<CertificatePtr> client_authorities_;
  std::string session_id_;  // differs where clients are judged differently
  std::shared_ptr<const TicketKeys> tickets_;
};

}  // namespace ringgate::tls
