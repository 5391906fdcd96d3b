#include "benchmarks/floors/kept_records.h"

#include <openssl/evp.h>

#include <algorithm>

namespace ringgate::bench {
namespace {

constexpr std::uint8_t kDataType = 23;
constexpr int kTag = static_cast<int>(tls::kTagBytes);

const EVP_CIPHER* aead_of(tls::Suite suite) noexcept {
  switch (suite) {
    case tls::Suite::kAes128GcmSha256:
      return EVP_aes_128_gcm();
    case tls::Suite::kAes256GcmSha384:
      return EVP_aes_256_gcm();
    case tls::Suite::kChaCha20Poly1305Sha256:
      break;
  }
  return EVP_chacha20_poly1305();
}

}  // namespace

void KeptContext::Free::operator()(evp_cipher_ctx_st* context) const noexcept {
  EVP_CIPHER_CTX_free(context);
}

std::optional<KeptContext> KeptContext::create(tls::KeySchedule& schedule, tls::Suite suite,
                                               ByteView secret, bool sealing) {
  tls::TrafficKeys keys{};
  if (secret.size() != tls::secret_bytes(suite)) return {};
  std::ranges::copy(secret, keys.secret.begin());
  KeptContext kept;
  kept.context_.reset(EVP_CIPHER_CTX_new());
  if (kept.context_ == nullptr || !schedule.derive(suite, keys)) return {};
  kept.iv_ = keys.iv;
  const bool keyed = EVP_CipherInit_ex(kept.context_.get(), aead_of(suite), nullptr,
                                       keys.key.data(), nullptr, sealing ? 1 : 0) == 1;
  return keyed ? std::optional(std::move(kept)) : std::nullopt;
}

// The nonce of the next record, and its head as what is only authenticated.
bool KeptContext::begin(ByteView head) noexcept {
  auto nonce = iv_;
  std::uint8_t* const last = nonce.data() + tls::kIvBytes - sizeof sequence_;
  store_be(last, load_be<std::uint64_t>(last) ^ sequence_++);
  int done = 0;
  return EVP_CipherInit_ex(context_.get(), nullptr, nullptr, nullptr, nonce.data(), -1) == 1 &&
         EVP_CipherUpdate(context_.get(), nullptr, &done, head.data(),
                          static_cast<int>(head.size())) == 1;
}

bool KeptContext::open(MutableBytes record) noexcept {
  if (record.size() < kTlsOverheadBytes || !begin(record.first(kTlsHeadBytes))) return false;
  const MutableBytes text =
      record.subspan(kTlsHeadBytes, record.size() - kTlsHeadBytes - tls::kTagBytes);
  std::uint8_t* const tag = text.data() + text.size();
  int done = 0;
  return EVP_CipherUpdate(context_.get(), text.data(), &done, text.data(),
                          static_cast<int>(text.size())) == 1 &&
         EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, kTag, tag) == 1 &&
         EVP_CipherFinal_ex(context_.get(), tag, &done) == 1 && text.back() == kDataType;
}

bool KeptContext::seal(MutableBytes record) noexcept {
  const MutableBytes text =
      record.subspan(kTlsHeadBytes, record.size() - kTlsHeadBytes - tls::kTagBytes);
  std::uint8_t* const tag = text.data() + text.size();
  text.back() = kDataType;
  record[0] = kDataType;
  store_be<std::uint16_t>(record.data() + 1, 0x0303);
  store_be(record.data() + 3, static_cast<std::uint16_t>(record.size() - kTlsHeadBytes));
  int done = 0;
  return begin(record.first(kTlsHeadBytes)) &&
         EVP_CipherUpdate(context_.get(), text.data(), &done, text.data(),
                          static_cast<int>(text.size())) == 1 &&
         EVP_CipherFinal_ex(context_.get(), tag, &done) == 1 &&
         EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, kTag, tag) == 1;
}

}  // namespace ringgate::bench
