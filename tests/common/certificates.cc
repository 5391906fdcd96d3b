#include "tests/common/certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace ringgate::test {
namespace {

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("certificate of a test: ") + what);
}

void extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  require(extension != nullptr, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

}  // namespace

MadeCertificate MadeCertificate::authority(const std::string& name) {
  return make({.common_name = name, .is_authority = true});
}

MadeCertificate MadeCertificate::make(const Wish& wish, const MadeCertificate* issuer) {
  MadeCertificate made;
  made.key_ = std::shared_ptr<EVP_PKEY>(EVP_EC_gen("P-256"), EVP_PKEY_free);
  made.certificate_ = std::shared_ptr<X509>(X509_new(), X509_free);
  X509* const one = made.certificate_.get();
  X509_set_version(one, X509_VERSION_3);
  std::int64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), 7);
  ASN1_INTEGER_set_int64(X509_get_serialNumber(one), serial);
  X509_gmtime_adj(X509_getm_notBefore(one), wish.from_s);
  X509_gmtime_adj(X509_getm_notAfter(one), wish.to_s);
  X509_set_pubkey(one, made.key_.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(one), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1,
                             -1, 0);
  X509* const signer = issuer != nullptr ? issuer->certificate() : one;
  X509_set_issuer_name(one, X509_get_subject_name(signer));
  extend(one, signer, NID_basic_constraints, wish.is_authority ? "critical,CA:TRUE" : "CA:FALSE");
  std::string names;
  for (const std::string& name : wish.names) {
    if (!names.empty()) names += ',';
    names += name.starts_with("IP:") ? name : "DNS:" + name;
  }
  if (!names.empty()) extend(one, signer, NID_subject_alt_name, names);
  if (!wish.usages.empty()) extend(one, signer, NID_ext_key_usage, wish.usages);
  EVP_PKEY* const key = issuer != nullptr ? issuer->key() : made.key();
  require(X509_sign(one, key, EVP_sha256()) > 0, "signature");
  return made;
}

std::string MadeCertificate::pem() const {
  BIO* const bio = BIO_new(BIO_s_mem());
  require(PEM_write_bio_X509(bio, certificate_.get()) == 1, "PEM");
  return text_of(bio);
}

std::string MadeCertificate::key_pem(const std::string& password) const {
  BIO* const bio = BIO_new(BIO_s_mem());
  const EVP_CIPHER* const cipher = password.empty() ? nullptr : EVP_aes_128_cbc();
  require(PEM_write_bio_PKCS8PrivateKey(bio, key_.get(), cipher, password.data(),
                                        static_cast<int>(password.size()), nullptr, nullptr) == 1,
          "key");
  return text_of(bio);
}

}  // namespace ringgate::test
