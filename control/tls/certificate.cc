#include "control/tls/certificate.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "control/base/text.h"
#include "control/base/text_file.h"

namespace ringgate::tls {
namespace {

constexpr std::time_t kRenewBefore = std::time_t{14} * 24 * 3600;

constexpr std::size_t kMaxPemBytes = std::size_t{4} << 20U;

// A directory or a pipe would be read, or waited for.
Result<std::string> read_pem(std::string_view key, const std::string& file) {
  std::error_code failure;
  if (std::filesystem::exists(file, failure) && !std::filesystem::is_regular_file(file, failure)) {
    return usage_error("{}: {} is not a regular file; name a PEM file", key, file);
  }
  Result<std::string> text = read_text_file(file, kMaxPemBytes);
  if (!text) return usage_error("{}: {}", key, text.error().message);
  return text;
}

std::string date_of(std::time_t time) {
  std::tm parts{};
  gmtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02} UTC", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min);
}

std::time_t time_of(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? timegm(&parts) : 0;
}

// By its own life: who signs for a year has a chain that outlasts many of ours.
std::time_t renewal_of(const X509* certificate) {
  const std::time_t end = time_of(X509_get0_notAfter(certificate));
  const std::time_t life = end - time_of(X509_get0_notBefore(certificate));
  return end - std::min<std::time_t>(kRenewBefore, life / 3);
}

Result<void> check_times(std::string_view key, const std::string& file,
                         const Certificate& certificate, std::time_t now) {
  for (const CertificatePtr& one : certificate.chain) {
    const char* const which =
        one == certificate.chain.front() ? "the certificate" : "a certificate of the chain";
    const std::time_t from = time_of(X509_get0_notBefore(one.get()));
    const std::time_t to = time_of(X509_get0_notAfter(one.get()));
    if (now < from) {
      return usage_error(
          "{}: {} in {} is not valid before {}; use one that is, or set the clock of this machine",
          key, which, file, date_of(from));
    }
    if (now >= to) {
      return usage_error("{}: {} in {} has expired on {}; renew it", key, which, file, date_of(to));
    }
  }
  return {};
}

// Clients have the authorities, and not who is between: without the one that signed ours, whom the
// file forgot or has the wrong one of, they refuse it.
Result<void> check_chain(std::string_view config_key, const std::string& file,
                         const std::vector<CertificatePtr>& chain) {
  if (chain.size() == 1) return {};
  const auto signed_ours = [&](const CertificatePtr& one) {
    return &one != &chain.front() && X509_check_issued(one.get(), chain.front().get()) == X509_V_OK;
  };
  if (std::ranges::any_of(chain, signed_ours)) return {};
  return usage_error(
      "{}: none of the certificates after the first in {} is of who signed it; the file has to "
      "have "
      "the certificate, then who signed it, and so on",
      config_key, file);
}

// Empty: it can be trusted.
std::string_view why_not_trusted(X509* certificate, std::time_t now) {
  if (time_of(X509_get0_notAfter(certificate)) < now) return "has expired";
  if (time_of(X509_get0_notBefore(certificate)) > now) return "is not valid yet";
  const bool signs = X509_check_ca(certificate) != 0;
  // Who shows exactly this one is trusted, too.
  const bool is_its_own =
      X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0;
  return signs || is_its_own ? std::string_view() : "is not an authority's";
}

// The names of the extension; the common name only where there is none (RFC 6125, section 6.4.4).
std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  const std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>> all(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type != GEN_DNS) continue;
    const auto* const text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName));
    names.push_back(lower_case(std::string_view(text, size)));
  }
  char common[256];
  if (all == nullptr && X509_NAME_get_text_by_NID(X509_get_subject_name(certificate),
                                                  NID_commonName, common, sizeof common) > 0) {
    names.push_back(lower_case(common));
  }
  ERR_clear_error();
  return names;
}

std::vector<CertificatePtr> read_certificates(const std::string& text) {
  std::vector<CertificatePtr> all;
  const BioPtr reader = reader_of(text);
  while (X509* const one = PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr)) {
    all.emplace_back(one);
  }
  return all;
}

// Nobody is there to be asked.
int on_password(char* /*to*/, int /*size*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Result<KeyPtr> load_key(std::string_view config_key, const std::string& file) {
  Result<std::string> text = read_pem(config_key, file);
  if (!text) return std::unexpected(text.error());
  bool asked = false;
  KeyPtr key(PEM_read_bio_PrivateKey(reader_of(*text).get(), nullptr, &on_password, &asked));
  OPENSSL_cleanse(text->data(), text->size());
  const std::string reason = why();
  if (asked) {
    return usage_error(
        "{}: {} is protected by a password, which nobody is there to type; "
        "write it without (\"openssl pkey -in {} -out NEW\")",
        config_key, file, file);
  }
  if (key == nullptr) return usage_error("{}: {} has no key in PEM: {}", config_key, file, reason);
  return key;
}

Result<std::vector<CertificatePtr>> load_certificates(std::string_view config_key,
                                                      const std::string& file) {
  const Result<std::string> text = read_pem(config_key, file);
  if (!text) return std::unexpected(text.error());
  ERR_clear_error();
  std::vector<CertificatePtr> all = read_certificates(*text);
  const unsigned long error = ERR_peek_last_error();
  const bool is_end =
      ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  const std::string reason = why();
  if (!is_end) {
    return usage_error("{}: {} has a certificate that cannot be read: {}", config_key, file,
                       reason);
  }
  if (all.empty()) {
    return usage_error("{}: {} has no certificate in PEM; name a file that has", config_key, file);
  }
  return all;
}

}  // namespace

Result<Certificate> load_certificate(const std::string& certificate_file,
                                     const std::string& key_file, std::time_t now,
                                     const CertificateKeys& keys) {
  ERR_clear_error();
  Result<std::vector<CertificatePtr>> chain = load_certificates(keys.certificate, certificate_file);
  if (!chain) return std::unexpected(chain.error());
  Certificate made;
  made.file = certificate_file;
  made.chain = std::move(*chain);
  if (auto good = check_times(keys.certificate, certificate_file, made, now); !good) {
    return std::unexpected(good.error());
  }
  Result<KeyPtr> key = load_key(keys.key, key_file);
  if (!key) return std::unexpected(key.error());
  made.key = std::move(*key);
  X509* const own = made.chain.front().get();
  if (X509_check_private_key(own, made.key.get()) != 1) {
    ERR_clear_error();
    return usage_error(
        "{}: {} is not the key of the certificate in {}; where that file has a chain, its own "
        "certificate comes first",
        keys.key, key_file, certificate_file);
  }
  if (auto good = check_chain(keys.certificate, certificate_file, made.chain); !good) {
    return std::unexpected(good.error());
  }
  made.names = names_of(own);
  made.has_names = X509_get_ext_by_NID(own, NID_subject_alt_name, -1) >= 0;
  made.not_after = time_of(X509_get0_notAfter(own));
  made.renew_at = renewal_of(own);
  for (const CertificatePtr& one : made.chain) {
    made.not_after = std::min(made.not_after, time_of(X509_get0_notAfter(one.get())));
    made.renew_at = std::min(made.renew_at, renewal_of(one.get()));
  }
  return made;
}

// Clients differ over anyExtendedKeyUsage, so a server's may have it; of our services none takes it
// for clientAuth.
Result<void> check_purpose(const Certificate& certificate, Purpose purpose,
                           std::string_view config_key) {
  const bool is_server = purpose == Purpose::kServer;
  const std::uint32_t wanted = is_server ? XKU_SSL_SERVER | XKU_ANYEKU : XKU_SSL_CLIENT;
  // All bits, where it has no such extension.
  if ((X509_get_extended_key_usage(certificate.chain.front().get()) & wanted) != 0) return {};
  return usage_error(
      "{}: the certificate in {} is not for a {}: it has extended key usages, and {} is not among "
      "them, so {} refuse it; have it made with {}, or without such usages",
      config_key, certificate.file, is_server ? "server" : "client",
      is_server ? "serverAuth" : "clientAuth", is_server ? "clients" : "services",
      is_server ? "serverAuth" : "clientAuth");
}

Result<void> take_certificate(SSL_CTX* context, const Certificate& certificate,
                              std::string_view config_key) {
  for (const CertificatePtr& one : certificate.chain) {
    const bool is_own = &one == &certificate.chain.front();
    if ((is_own ? SSL_CTX_use_certificate(context, one.get())
                : static_cast<int>(SSL_CTX_add1_chain_cert(context, one.get()))) != 1) {
      return usage_error("{}: {} is not taken: {}", config_key, certificate.file, why());
    }
  }
  if (SSL_CTX_use_PrivateKey(context, certificate.key.get()) != 1) {
    return usage_error("{}: the key of {} is not taken: {}", config_key, certificate.file, why());
  }
  return {};
}

Result<std::vector<CertificatePtr>> load_authorities(std::string_view config_key,
                                                     const std::string& file, std::time_t now) {
  auto all = load_certificates(config_key, file);
  if (!all) return all;
  // A bundle may have some that nobody needs any more.
  std::string_view why_not;
  for (const CertificatePtr& one : *all) {
    why_not = why_not_trusted(one.get(), now);
    if (why_not.empty()) return all;
  }
  return usage_error("{}: nobody can be trusted by {}: {} {}; name the file of an authority",
                     config_key, file,
                     all->size() == 1 ? "its certificate" : "none will do, and the last", why_not);
}

}  // namespace ringgate::tls
