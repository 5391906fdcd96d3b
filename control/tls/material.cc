#include "control/tls/material.h"

#include <openssl/sha.h>

#include "control/tls/context.h"

namespace ringgate::tls {
namespace {

// Of the authorities, by which sessions are told apart: who was let in by some is not resumed by
// others (RFC 8446, section 4.2.11).
std::string digest_of(const std::vector<CertificatePtr>& authorities) {
  std::string all;
  for (const CertificatePtr& one : authorities) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned bytes = 0;
    if (X509_digest(one.get(), EVP_sha256(), digest, &bytes) == 1) {
      all.append(reinterpret_cast<const char*>(digest), bytes);
    }
  }
  std::string sum(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(all.data()), all.size(),
         reinterpret_cast<unsigned char*>(sum.data()));
  return sum;
}

Result<void> check_pairs(const Settings& settings, const CertificateKeys& keys) {
  if (settings.certificates.empty()) {
    return usage_error(
        "{} is missing; name the PEM file of the certificate, and that of its key in {}",
        keys.certificate, keys.key);
  }
  if (settings.certificates.size() != settings.keys.size()) {
    return usage_error(
        "{} names {} and {} names {}; name a key for each certificate, in the same order",
        keys.certificate, settings.certificates.size(), keys.key, settings.keys.size());
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Material>> Material::load(const Settings& settings, std::time_t now,
                                                       const CertificateKeys& keys) {
  if (auto good = check_pairs(settings, keys); !good) return std::unexpected(good.error());
  if (auto good = check_ciphers(settings.ciphers); !good) return std::unexpected(good.error());
  std::shared_ptr<Material> made(new Material);
  made->settings_ = settings;
  for (std::size_t i = 0; i < settings.certificates.size(); ++i) {
    auto certificate = load_certificate(settings.certificates[i], settings.keys[i], now, keys);
    if (!certificate) return std::unexpected(certificate.error());
    if (auto good = check_purpose(*certificate, Purpose::kServer, keys.certificate); !good) {
      return std::unexpected(good.error());
    }
    made->certificates_.push_back(std::move(*certificate));
  }
  if (!settings.client_ca.empty()) {
    auto authorities = load_authorities("TlsClientCA", settings.client_ca, now);
    if (!authorities) return std::unexpected(authorities.error());
    made->client_authorities_ = std::move(*authorities);
    made->session_id_ = digest_of(made->client_authorities_);
  }
  made->tickets_ = TicketKeys::of_this_process();
  if (!settings.ticket_keys.empty()) {
    auto tickets = TicketKeys::load(settings.ticket_keys);
    if (!tickets) return std::unexpected(tickets.error());
    made->tickets_ = std::move(*tickets);
  }
  return made;
}

Result<void> Material::take_client_authorities(SSL_CTX* context, bool required) const {
  const std::string session_id = required ? session_id_ : std::string("ringgate");
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(session_id.data()),
                                 static_cast<unsigned>(session_id.size()));
  if (!required) return {};
  if (client_authorities_.empty()) {
    return usage_error(
        "a listener has client_cert=required, but TlsClientCA is missing; name the PEM file of the "
        "authorities that clients' certificates are trusted by");
  }
  for (const CertificatePtr& one : client_authorities_) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get()) != 1 ||
        SSL_CTX_add_client_CA(context, one.get()) != 1) {
      return usage_error("TlsClientCA: {}: {}", settings_.client_ca, why());
    }
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

Result<ContextPtr> Material::make(const Certificate& certificate, const ListenerUse& use) const {
  Result<ContextPtr> made = new_context(settings_);
  if (!made) return made;
  SSL_CTX* const context = made->get();
  if (auto taken = take_certificate(context, certificate, "TlsCert"); !taken) {
    return std::unexpected(taken.error());
  }
  if (settings_.min_version == MinVersion::kTls12 &&
      !has_old_cipher_for(context, certificate.key.get())) {
    return usage_error(
        "TlsCiphers has none for clients of TLS 1.2 that goes with the key of {}, which is {} key; "
        "add one, or set TlsMin to 1.3",
        certificate.file,
        EVP_PKEY_get_base_id(certificate.key.get()) == EVP_PKEY_RSA ? "an RSA" : "no RSA");
  }
  if (auto taken = take_client_authorities(context, use.client_certificate); !taken) {
    return std::unexpected(taken.error());
  }
  return made;
}

Result<TlsContext> Material::context(const ListenerUse& use) const {
  auto data = std::make_unique<ContextData>();
  data->tickets = tickets_;
  data->is_http = use.is_http;
  Result<ContextPtr> first;
  for (const Certificate& certificate : certificates_) {
    const bool is_first = &certificate == &certificates_.front();
    Result<ContextPtr> one = make(certificate, use);
    if (!one) return std::unexpected(one.error());
    for (const std::string& name : certificate.names) {
      if (data->by_name.contains(name)) continue;  // of an earlier one
      if (!is_first) SSL_CTX_up_ref(one->get());
      data->by_name.emplace(name, is_first ? nullptr : one->get());
    }
    if (is_first) {
      first = std::move(one);
      continue;
    }
    auto own = std::make_unique<ContextData>();
    own->tickets = tickets_;
    own->is_http = use.is_http;
    attach(one->get(), std::move(own));
  }
  SSL_CTX* const context = first->release();
  attach(context, std::move(data));
  return TlsContext::of(context);
}

std::vector<Material::Validity> Material::validity() const {
  std::vector<Validity> all;
  all.reserve(certificates_.size());
  for (const Certificate& one : certificates_)
    all.push_back({one.file, one.not_after, one.renew_at, one.has_names});
  return all;
}

}  // namespace ringgate::tls
