#include "control/tls/client_context.h"

#include <ctime>

#include "control/tls/certificate.h"
#include "control/tls/client_stream.h"

namespace ringgate::tls {
namespace {

Result<void> trust(SSL_CTX* context, const ClientSettings& settings) {
  SSL_CTX_set_verify(context, settings.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!settings.verify) return {};
  if (settings.ca.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return {};
    return run_error("this machine's certificate authorities cannot be read: {}; name some with {}",
                     why(), settings.names.ca);
  }
  auto authorities = load_authorities(settings.names.ca, settings.ca, std::time(nullptr));
  if (!authorities) return std::unexpected(authorities.error());
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  for (const CertificatePtr& one : *authorities) {
    if (X509_STORE_add_cert(store, one.get()) != 1) return run_error("TLS: {}", why());
  }
  return {};
}

Result<void> show(SSL_CTX* context, const ClientSettings& settings) {
  const ClientSettings::Names& names = settings.names;
  if (settings.certificate.empty() != settings.key.empty()) {
    return usage_error("{} and {} go together; name both files", names.certificate, names.key);
  }
  if (settings.certificate.empty()) return {};
  // Not by OpenSSL's own functions for files: a pipe that nobody writes to, or a file without an
  // end, would hold up the thread that reloads the configuration.
  const auto ours = load_certificate(settings.certificate, settings.key, std::time(nullptr),
                                     {.certificate = names.certificate, .key = names.key});
  if (!ours) return std::unexpected(ours.error());
  return take_certificate(context, *ours, names.certificate);
}

}  // namespace

Result<ContextPtr> new_client_context(const ClientSettings& settings) {
  ERR_clear_error();
  ContextPtr made(SSL_CTX_new(TLS_client_method()));
  if (made == nullptr) return run_error("TLS: {}", why());
  SSL_CTX* const context = made.get();
  SSL_CTX_set_min_proto_version(context, settings.only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // ClientStream::session()
  if (settings.is_http && SSL_CTX_set_alpn_protos(context, kHttpAlpn, sizeof kHttpAlpn) != 0) {
    return run_error("TLS: {}", why());
  }
  if (auto trusts = trust(context, settings); !trusts) return std::unexpected(trusts.error());
  if (auto shows = show(context, settings); !shows) return std::unexpected(shows.error());
  ClientStream::prepare(context);
  return made;
}

}  // namespace ringgate::tls
