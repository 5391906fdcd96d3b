#include "control/tls/client_failure.h"

#include <fmt/ranges.h>
#include <netinet/in.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace ringgate::tls {
namespace {

constexpr int kMostNames = 8;  // of a certificate, in a line for people

std::string date_of(const ASN1_TIME* time) {
  const BioPtr text(BIO_new(BIO_s_mem()));
  char* data = nullptr;
  if (text == nullptr || ASN1_TIME_print(text.get(), time) != 1) return "an unknown day";
  const long bytes = BIO_get_mem_data(text.get(), &data);
  return {data, static_cast<std::size_t>(bytes)};
}

std::string text_of(const GENERAL_NAME& name) {
  const ASN1_STRING* const value = name.type == GEN_DNS     ? name.d.dNSName
                                   : name.type == GEN_IPADD ? name.d.iPAddress
                                                            : nullptr;
  if (value == nullptr) return {};
  const unsigned char* const data = ASN1_STRING_get0_data(value);
  const int bytes = ASN1_STRING_length(value);
  if (name.type == GEN_DNS) {
    return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(bytes)};
  }
  sockaddr_storage address{};
  if (bytes == 4) {
    auto& ip = reinterpret_cast<sockaddr_in&>(address);
    ip.sin_family = AF_INET;
    std::memcpy(&ip.sin_addr, data, 4);
  } else if (bytes == 16) {
    auto& ip = reinterpret_cast<sockaddr_in6&>(address);
    ip.sin6_family = AF_INET6;
    std::memcpy(&ip.sin6_addr, data, 16);
  }
  return format_host(reinterpret_cast<const sockaddr*>(&address));
}

// "a.example, b.example"; empty: it has none that count, whatever its common name is.
std::string names_of(X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>> all(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> names;
  for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
    std::string text = text_of(*sk_GENERAL_NAME_value(all.get(), i));
    if (text.empty()) continue;
    names.push_back(i < kMostNames ? std::move(text) : "...");
    if (i == kMostNames) break;
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string explain_other_name(X509* certificate, const ServerName& server,
                               const ClientSettings::Names& names) {
  const std::string known = names_of(certificate);
  if (known.empty()) {
    return fmt::format(
        "the certificate of {} has no names (subjectAltName), and its common name does not count: "
        "whoever runs it has to have it made anew, with {} among them",
        server.where, server.host);
  }
  return fmt::format("the certificate of {} is for {} and not for {}: {}", server.where, known,
                     server.host, names.other_name);
}

std::string explain_verdict(const Verdict& verdict, const ServerName& server,
                            const ClientSettings::Names& names) {
  const std::string& where = server.where;
  const std::string which =
      (verdict.is_own ? "the certificate of " : "a certificate in the chain of ") + where;
  X509* const at = verdict.at.get();
  switch (verdict.error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format(
          "{} has expired on {}: whoever runs it has to renew it; if it has not expired, set this "
          "machine's clock",
          which, date_of(X509_get0_notAfter(at)));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fmt::format("{} is not valid before {}: wait until then, or set this machine's clock",
                         which, date_of(X509_get0_notBefore(at)));
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return fmt::format(
          "the certificate of {} is not signed by an authority that is trusted here: name the "
          "authority's certificate with {}{}",
          where, names.ca,
          names.insecure.empty()
              ? ""
              : fmt::format(" (or, to see whether it works at all, {})", names.insecure));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return explain_other_name(at, server, names);
    default:
      return fmt::format("{} is not good: {}", which, X509_verify_cert_error_string(verdict.error));
  }
}

// Empty: OpenSSL's own words have to do.
std::string explain_reason(int reason, const std::string& where,
                           const ClientSettings::Names& names) {
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_RECORD_TOO_SMALL:
    case SSL_R_BAD_RECORD_TYPE:
      return fmt::format("what answers at {} does not speak TLS: {}", where, names.no_tls);
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
      return fmt::format(
          "{} speaks only versions of TLS that are too old: it has to be brought up to date",
          where);
    default:
      return {};
  }
}

bool is_about_certificate(int alert) {
  constexpr int kAll[] = {SSL_AD_CERTIFICATE_REQUIRED,
                          SSL_AD_BAD_CERTIFICATE,
                          SSL_AD_UNSUPPORTED_CERTIFICATE,
                          SSL_AD_CERTIFICATE_REVOKED,
                          SSL_AD_CERTIFICATE_EXPIRED,
                          SSL_AD_CERTIFICATE_UNKNOWN,
                          SSL_AD_UNKNOWN_CA};
  return std::ranges::find(kAll, alert) != std::ranges::end(kAll);
}

}  // namespace

std::string advice_for(int alert, const ClientSettings::Names& names) {
  if (names.certificate.empty() &&
      (is_about_certificate(alert) || alert == SSL_AD_HANDSHAKE_FAILURE)) {
    return ": it may want a certificate of ours, and there is none to show; check the port";
  }
  switch (alert) {
    case SSL_AD_CERTIFICATE_REQUIRED:
      return fmt::format(": it wants a certificate of ours; name one with {} and {}",
                         names.certificate, names.key);
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
      return fmt::format(": it does not take our certificate; name another with {} and {}",
                         names.certificate, names.key);
    case SSL_AD_HANDSHAKE_FAILURE:
    case SSL_AD_INSUFFICIENT_SECURITY:
      return fmt::format(
          ": it has no cipher in common with us, or wants a certificate of ours ({} and {})",
          names.certificate, names.key);
    case SSL_AD_PROTOCOL_VERSION:
      return ": it speaks no version of TLS that we do";
    case SSL_AD_UNRECOGNIZED_NAME:
      return ": it knows no such name; connect by a name that it has";
    case SSL_AD_NO_APPLICATION_PROTOCOL:
      return ": it does not speak http/1.1; check the port";
    default:
      return {};
  }
}

std::string explain_failure(const Verdict& verdict, const ServerName& server,
                            const ClientSettings::Names& names) {
  const unsigned long error = ERR_peek_error();
  ERR_clear_error();
  const int reason = ERR_GET_REASON(error);
  const std::string& where = server.where;
  const char* const text = error != 0 ? ERR_reason_error_string(error) : nullptr;
  const std::string_view reason_text = text != nullptr ? text : "OpenSSL gives no reason";
  if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict.at != nullptr) {
      return explain_verdict(verdict, server, names);
    }
    if (reason >= SSL_AD_REASON_OFFSET) {
      // "tlsv13 alert certificate required"
      constexpr std::string_view kAlert = " alert ";
      const std::size_t at = reason_text.find(kAlert);
      return fmt::format(
          "{} refused TLS with the alert \"{}\"{}", where,
          at == reason_text.npos ? reason_text : reason_text.substr(at + kAlert.size()),
          advice_for(reason - SSL_AD_REASON_OFFSET, names));
    }
    if (const std::string known = explain_reason(reason, where, names); !known.empty())
      return known;
  }
  return fmt::format("TLS with {} failed: {}", where, reason_text);
}

}  // namespace ringgate::tls
