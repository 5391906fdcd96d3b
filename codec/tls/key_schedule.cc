#include "codec/tls/key_schedule.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>
#include <cstddef>

#include "codec/check.h"

namespace ringgate::tls {
namespace {

constexpr std::string_view kPrefix = "tls13 ";
constexpr std::size_t kMaxLabelBytes = 32;
constexpr std::size_t kMaxOutBytes = 255;

// HkdfLabel: u16 length, u8 length of the label and the label, u8 length of the context and none.
struct HkdfLabel {
  std::array<std::uint8_t, 2 + 1 + kPrefix.size() + kMaxLabelBytes + 1> bytes;
  std::size_t size = 0;

  HkdfLabel(std::string_view label, std::size_t out_bytes) noexcept {
    bytes[0] = 0;
    bytes[1] = static_cast<std::uint8_t>(out_bytes);
    bytes[2] = static_cast<std::uint8_t>(kPrefix.size() + label.size());
    std::uint8_t* end = std::ranges::copy(kPrefix, bytes.data() + 3).out;
    end = std::ranges::copy(label, end).out;
    *end++ = 0;
    size = static_cast<std::size_t>(end - bytes.data());
  }
};

const char* digest_of(Suite suite) noexcept {
  return suite == Suite::kAes256GcmSha384 ? "SHA384" : "SHA256";
}

// OpenSSL takes what it only reads as a void*.
OSSL_PARAM octets(const char* key, ByteView bytes) noexcept {
  return OSSL_PARAM_construct_octet_string(key, const_cast<std::uint8_t*>(bytes.data()),
                                           bytes.size());
}

}  // namespace

void KeySchedule::Free::operator()(evp_kdf_ctx_st* context) const noexcept {
  EVP_KDF_CTX_free(context);
}

Result<KeySchedule> KeySchedule::create() {
  EVP_KDF* const hkdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  Context context(hkdf == nullptr ? nullptr : EVP_KDF_CTX_new(hkdf));
  EVP_KDF_free(hkdf);
  if (context == nullptr)
    return fail("this OpenSSL has no HKDF: TLS 1.3 needs its default provider");
  return KeySchedule(std::move(context));
}

bool KeySchedule::expand(Suite suite, ByteView secret, std::string_view label,
                         MutableBytes out) noexcept {
  RINGGATE_CHECK(label.size() <= kMaxLabelBytes && out.size() <= kMaxOutBytes);
  const HkdfLabel info(label, out.size());
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  const std::array<OSSL_PARAM, 5> params = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, const_cast<char*>(digest_of(suite)),
                                       0),
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
      octets(OSSL_KDF_PARAM_KEY, secret),
      octets(OSSL_KDF_PARAM_INFO, ByteView(info.bytes).first(info.size)),
      OSSL_PARAM_construct_end(),
  };
  const bool derived = EVP_KDF_derive(context_.get(), out.data(), out.size(), params.data()) == 1;
  EVP_KDF_CTX_reset(context_.get());  // wipes its copy of the secret
  return derived;
}

bool KeySchedule::derive(Suite suite, TrafficKeys& keys) noexcept {
  const ByteView secret = ByteView(keys.secret).first(secret_bytes(suite));
  return expand(suite, secret, "key", MutableBytes(keys.key).first(key_bytes(suite))) &&
         expand(suite, secret, "iv", keys.iv);
}

bool KeySchedule::update(Suite suite, TrafficKeys& keys) noexcept {
  TrafficKeys next{};
  const std::size_t bytes = secret_bytes(suite);
  const bool updated = expand(suite, ByteView(keys.secret).first(bytes), "traffic upd",
                              MutableBytes(next.secret).first(bytes)) &&
                       derive(suite, next);
  if (updated) keys = next;
  OPENSSL_cleanse(&next, sizeof next);
  return updated;
}

}  // namespace ringgate::tls
