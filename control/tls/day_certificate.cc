#include "control/tls/day_certificate.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <array>
#include <string_view>
#include <system_error>

#include "control/base/replace_file.h"
#include "control/tls/certificate.h"
#include "control/tls/openssl.h"

namespace ringgate::tls {
namespace {

constexpr long kHourS = 3600;
constexpr long kDayS = 24 * kHourS;
constexpr std::string_view kNames = "DNS:localhost,IP:127.0.0.1,IP:::1";

bool extend(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

CertificatePtr make_certificate(EVP_PKEY* key) {
  CertificatePtr made(X509_new());
  X509* const one = made.get();
  std::array<unsigned char, 8> serial{};
  if (one == nullptr || key == nullptr || RAND_bytes(serial.data(), 7) != 1) return nullptr;
  std::uint64_t number = 0;
  std::memcpy(&number, serial.data(), sizeof number);
  static constexpr unsigned char kName[] = "ringgate dev";
  X509_NAME* const subject = X509_get_subject_name(one);
  const bool good =
      X509_set_version(one, X509_VERSION_3) == 1 &&
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(one), number) == 1 &&
      X509_gmtime_adj(X509_getm_notBefore(one), -kHourS) != nullptr &&
      X509_gmtime_adj(X509_getm_notAfter(one), kDayS) != nullptr &&
      X509_set_pubkey(one, key) == 1 &&
      X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, kName, -1, -1, 0) == 1 &&
      X509_set_issuer_name(one, subject) == 1 &&
      extend(one, NID_basic_constraints, "critical,CA:FALSE") &&
      extend(one, NID_key_usage, "critical,digitalSignature") &&
      extend(one, NID_ext_key_usage, "serverAuth") &&
      extend(one, NID_subject_alt_name, std::string(kNames)) &&
      X509_sign(one, key, EVP_sha256()) > 0;
  return good ? std::move(made) : nullptr;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(bytes)};
}

// `mode` holds from the first byte on.
Result<void> write_file(const std::filesystem::path& file, std::string_view text, mode_t mode) {
  const Result<void> written = replace_file(file, text, {.mode = mode});
  if (written) return {};
  return run_error("cannot write {}: {}", file.string(), written.error().message);
}

Result<void> write_new(const DayCertificate& day) {
  ERR_clear_error();
  const KeyPtr key(EVP_EC_gen("P-256"));
  const CertificatePtr made = make_certificate(key.get());
  const BioPtr certificate_pem(BIO_new(BIO_s_mem()));
  const BioPtr key_pem(BIO_new(BIO_s_secmem()));
  if (made == nullptr || PEM_write_bio_X509(certificate_pem.get(), made.get()) != 1 ||
      PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return run_error("a certificate cannot be made: {}", why());
  }
  std::string secret = text_of(key_pem.get());
  Result<void> written = write_file(day.key_file, secret, S_IRUSR | S_IWUSR);
  OPENSSL_cleanse(secret.data(), secret.size());
  if (!written) return written;
  return write_file(day.file, text_of(certificate_pem.get()),
                    S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
}

std::string fingerprint_of(X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned bytes = 0;
  X509_digest(certificate, EVP_sha256(), digest.data(), &bytes);
  std::string text;
  for (unsigned i = 0; i < bytes; ++i)
    text += fmt::format("{}{:02X}", i == 0 ? "" : ":", digest[i]);
  return text;
}

}  // namespace

Result<DayCertificate> day_certificate(const std::filesystem::path& folder, std::time_t now) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return run_error("{}: {}", folder.string(), error.message());
  DayCertificate day{(folder / "localhost.pem").string(), (folder / "localhost.key").string(), {}};
  const Result<Certificate> old = load_certificate(day.file, day.key_file, now);
  if (!old || now >= old->renew_at) {
    if (auto written = write_new(day); !written) return std::unexpected(written.error());
  }
  const Result<Certificate> loaded = load_certificate(day.file, day.key_file, now);
  if (!loaded) return std::unexpected(loaded.error());
  day.sha256 = fingerprint_of(loaded->chain.front().get());
  return day;
}

}  // namespace ringgate::tls
