// From a traffic secret of TLS 1.3 to the key and IV of its records, and to the secret after it
// (RFC 8446, sections 7.1 to 7.3). The HKDF is OpenSSL's.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "codec/bytes.h"
#include "codec/error.h"
#include "codec/tls/suite.h"

struct evp_kdf_ctx_st;

namespace ringgate::tls {

// What protects one direction of a connection. Plain bytes; whoever has one wipes it (Records
// does). What a suite does not need of an array is zeros.
struct TrafficKeys {
  std::array<std::uint8_t, kMaxSecretBytes> secret;
  std::array<std::uint8_t, kMaxKeyBytes> key;
  std::array<std::uint8_t, kIvBytes> iv;
};

// Belongs to one thread at a time. Every call takes memory of OpenSSL's for its time: for the
// handshake and for key updates, not for records.
class KeySchedule {
 public:
  // The error is a sentence: this OpenSSL has no HKDF.
  [[nodiscard]] static Result<KeySchedule> create();

  // HKDF-Expand-Label with an empty context; `out` is at most 255 bytes and `label`, without its
  // "tls13 ", at most 32. False: OpenSSL is out of memory, and `out` is not to be used.
  [[nodiscard]] bool expand(Suite suite, ByteView secret, std::string_view label,
                            MutableBytes out) noexcept;

  // Key and IV of `keys.secret`.
  [[nodiscard]] bool derive(Suite suite, TrafficKeys& keys) noexcept;
  // The next secret, and its key and IV. On false `keys` are as before.
  [[nodiscard]] bool update(Suite suite, TrafficKeys& keys) noexcept;

 private:
  struct Free {
    void operator()(evp_kdf_ctx_st* context) const noexcept;
  };
  using Context = std::unique_ptr<evp_kdf_ctx_st, Free>;
  explicit KeySchedule(Context context) noexcept : context_(std::move(context)) {}

  Context context_;
};

}  // namespace ringgate::tls
