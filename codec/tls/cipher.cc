#include "codec/tls/cipher.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <cstddef>
#include <utility>

#include "codec/check.h"

namespace ringgate::tls {
namespace {

constexpr std::array<const char*, kSuites> kNames = {"AES-128-GCM", "AES-256-GCM",
                                                     "ChaCha20-Poly1305"};

// RFC 8446, section 5.3: the IV, and the sequence number over its last eight bytes.
struct Nonce {
  std::array<std::uint8_t, kIvBytes> bytes;

  Nonce(const TrafficKeys& keys, std::uint64_t sequence) noexcept : bytes(keys.iv) {
    std::uint8_t* const last = bytes.data() + kIvBytes - sizeof sequence;
    store_be(last, load_be<std::uint64_t>(last) ^ sequence);
  }
};

std::size_t at(Suite suite) noexcept {
  return static_cast<std::size_t>(suite);
}

// A record's head, and its text in place. No record is too long for an int.
bool transform(EVP_CIPHER_CTX* context, ByteView head, MutableBytes text) noexcept {
  int done = 0;
  return EVP_CipherUpdate(context, nullptr, &done, head.data(), static_cast<int>(head.size())) ==
             1 &&
         EVP_CipherUpdate(context, text.data(), &done, text.data(),
                          static_cast<int>(text.size())) == 1;
}

bool seal_with(EVP_CIPHER_CTX* context, ByteView head, MutableBytes sealed) noexcept {
  RINGGATE_CHECK(sealed.size() >= kTagBytes);
  const MutableBytes text = sealed.first(sealed.size() - kTagBytes);
  const MutableBytes tag = sealed.last(kTagBytes);
  int none = 0;
  return transform(context, head, text) &&
         EVP_CipherFinal_ex(context, tag.data(), &none) == 1 &&  // an AEAD has nothing left
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag.data()) == 1;
}

}  // namespace

void Cipher::Free::operator()(evp_cipher_ctx_st* context) const noexcept {
  EVP_CIPHER_CTX_free(context);
}

Result<Cipher::Context> Cipher::make(Suite suite, bool sealing) {
  const char* const name = kNames[at(suite)];
  EVP_CIPHER* const aead = EVP_CIPHER_fetch(nullptr, name, nullptr);
  Context context(EVP_CIPHER_CTX_new());
  const bool made =
      aead != nullptr && context != nullptr &&
      EVP_CipherInit_ex(context.get(), aead, nullptr, nullptr, nullptr, sealing ? 1 : 0) == 1;
  EVP_CIPHER_free(aead);
  if (!made) {
    return fail(fmt::format("this OpenSSL has no {}: TLS 1.3 needs its default provider", name));
  }
  return context;
}

Result<Cipher> Cipher::create() {
  auto schedule = KeySchedule::create();
  if (!schedule) return std::unexpected(schedule.error());
  Cipher cipher(std::move(*schedule));
  for (std::size_t suite = 0; suite < kSuites; ++suite) {
    for (const bool sealing : {false, true}) {
      auto context = make(static_cast<Suite>(suite), sealing);
      if (!context) return std::unexpected(context.error());
      (sealing ? cipher.sealing_ : cipher.opening_)[suite] = std::move(*context);
    }
  }
  return cipher;
}

bool Cipher::open(Suite suite, const TrafficKeys& keys, std::uint64_t sequence, ByteView head,
                  MutableBytes sealed) noexcept {
  RINGGATE_CHECK(sealed.size() >= kTagBytes);
  EVP_CIPHER_CTX* const context = opening_[at(suite)].get();
  const Nonce nonce(keys, sequence);
  const MutableBytes text = sealed.first(sealed.size() - kTagBytes);
  std::uint8_t* const tag = sealed.last(kTagBytes).data();
  int none = 0;
  const bool authentic =
      EVP_CipherInit_ex(context, nullptr, nullptr, keys.key.data(), nonce.bytes.data(), -1) == 1 &&
      transform(context, head, text) &&
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag) == 1 &&
      EVP_CipherFinal_ex(context, tag, &none) == 1;
  // What is left in the thread's queue would be taken for another connection's fault.
  if (!authentic) ERR_clear_error();
  return authentic;
}

bool Cipher::seal(Suite suite, const TrafficKeys& keys, std::uint64_t sequence, ByteView head,
                  MutableBytes sealed) noexcept {
  EVP_CIPHER_CTX* const context = sealing_[at(suite)].get();
  const Nonce nonce(keys, sequence);
  return EVP_CipherInit_ex(context, nullptr, nullptr, keys.key.data(), nonce.bytes.data(), -1) ==
             1 &&
         seal_with(context, head, sealed);
}

bool Cipher::seal_next(Suite suite, const TrafficKeys& keys, std::uint64_t sequence, ByteView head,
                       MutableBytes sealed) noexcept {
  EVP_CIPHER_CTX* const context = sealing_[at(suite)].get();
  const Nonce nonce(keys, sequence);
  return EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, nonce.bytes.data(), -1) == 1 &&
         seal_with(context, head, sealed);
}

void Cipher::forget() noexcept {
  const TrafficKeys none{};
  for (const Contexts* contexts : {&opening_, &sealing_}) {
    for (const Context& context : *contexts) {
      EVP_CipherInit_ex(context.get(), nullptr, nullptr, none.key.data(), none.iv.data(), -1);
    }
  }
}

}  // namespace ringgate::tls
