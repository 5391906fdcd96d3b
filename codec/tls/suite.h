// The cipher suites of TLS 1.3 whose records are read and written here (RFC 8446, appendix B.4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace ringgate::tls {

enum class Suite : std::uint8_t {
  kAes128GcmSha256,
  kAes256GcmSha384,
  kChaCha20Poly1305Sha256,
};
inline constexpr std::size_t kSuites = 3;

inline constexpr std::size_t kMaxSecretBytes = 48;  // a hash's length: 32 or 48
inline constexpr std::size_t kMaxKeyBytes = 32;     // 16 or 32
inline constexpr std::size_t kIvBytes = 12;         // of all three, as the tag
inline constexpr std::size_t kTagBytes = 16;

[[nodiscard]] constexpr std::size_t secret_bytes(Suite suite) noexcept {
  return suite == Suite::kAes256GcmSha384 ? 48 : 32;
}
[[nodiscard]] constexpr std::size_t key_bytes(Suite suite) noexcept {
  return suite == Suite::kAes128GcmSha256 ? 16 : 32;
}

// By the number on the wire, which SSL_CIPHER_get_protocol_id gives; nothing for any other suite.
[[nodiscard]] constexpr std::optional<Suite> suite_of(std::uint16_t protocol_id) noexcept {
  switch (protocol_id) {
    case 0x1301:
      return Suite::kAes128GcmSha256;
    case 0x1302:
      return Suite::kAes256GcmSha384;
    case 0x1303:
      return Suite::kChaCha20Poly1305Sha256;
    default:
      return {};
  }
}

}  // namespace ringgate::tls
