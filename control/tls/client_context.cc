#include "control/tls/client_context.h"

#include <ctime>

#include "control/tls/certificate.h"
#include "control/tls/client_stream.h"

namespace ringgate::tls {
namespace {

// Nobody is asked: a terminal may be busy, and a test has none.
int on_password(char* /*to*/, int /*size*/, int /*writing*/, void* /*data*/) {
  return -1;
}

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
  if (SSL_CTX_use_certificate_chain_file(context, settings.certificate.c_str()) != 1) {
    return usage_error("{}: {} has no certificate in PEM: {}", names.certificate,
                       settings.certificate, why());
  }
  SSL_CTX_set_default_passwd_cb(context, &on_password);
  if (SSL_CTX_use_PrivateKey_file(context, settings.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return usage_error("{}: {} has not the key, in PEM and without a password, of {}: {}",
                       names.key, settings.key, settings.certificate, why());
  }
  return {};
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
