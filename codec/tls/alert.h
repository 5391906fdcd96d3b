// The alerts of TLS 1.3 (RFC 8446, section 6).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "codec/bytes.h"
#include "codec/tls/content_type.h"

namespace ringgate::tls {

// A peer may send any other number too: it ends the connection like an error that is known.
enum class Alert : std::uint8_t {
  kCloseNotify = 0,
  kUnexpectedMessage = 10,
  kBadRecordMac = 20,
  kRecordOverflow = 22,
  kHandshakeFailure = 40,
  kBadCertificate = 42,
  kUnsupportedCertificate = 43,
  kCertificateRevoked = 44,
  kCertificateExpired = 45,
  kCertificateUnknown = 46,
  kIllegalParameter = 47,
  kUnknownCa = 48,
  kAccessDenied = 49,
  kDecodeError = 50,
  kDecryptError = 51,
  kProtocolVersion = 70,
  kInsufficientSecurity = 71,
  kInternalError = 80,
  kInappropriateFallback = 86,
  kUserCanceled = 90,
  kMissingExtension = 109,
  kUnsupportedExtension = 110,
  kUnrecognizedName = 112,
  kBadCertificateStatusResponse = 113,
  kUnknownPskIdentity = 115,
  kCertificateRequired = 116,
  kNoApplicationProtocol = 120,
};

// Of a server that was sent something else than TLS: a fatal protocol_version, in a record.
inline constexpr std::array<std::uint8_t, 7> kNoTlsAlert = {
    kAlertType, 3, 3, 0, 2, 2, static_cast<std::uint8_t>(Alert::kProtocolVersion)};

// What such a server answers begins like that, whoever it is.
[[nodiscard]] constexpr bool begins_with_alert(ByteView bytes) noexcept {
  return bytes.size() >= 5 && bytes[0] == kAlertType && bytes[1] == 3 && bytes[3] == 0 &&
         bytes[4] == 2;
}

// As the RFC writes it ("bad_record_mac"); "unknown" for any other number.
[[nodiscard]] std::string_view name_of(Alert alert) noexcept;

}  // namespace ringgate::tls
