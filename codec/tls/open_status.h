// What comes of opening a record, and which alert tells the peer of a failure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "codec/tls/alert.h"

namespace ringgate::tls {

enum class OpenStatus : std::uint8_t {
  kNeedMore,     // `need` bytes in all, counted from the start of the input
  kData,         // `data` has one byte at least; go on after `consumed` bytes
  kNothing,      // a record that brought nothing for the caller; go on after `consumed`
  kKeyUpdate,    // the same: the peer has changed its keys, and has been followed
  kCloseNotify,  // the peer sends nothing more; what comes after it is to be ignored
  kAlert,        // the peer has given up, for the reason `alert`; it is not answered

  // Failures: the connection ends with alert_of(status). The input is spoilt.
  kBadRecordType,      // not application data, outside: a ChangeCipherSpec, plain text, HTTP
  kBadVersion,         // not 3.3
  kRecordTooLong,      // more than 2^14 + 256 bytes: decided from the head alone
  kRecordTooShort,     // no room for a tag
  kNotAuthentic,       // altered, cut, repeated, left out, or sealed with other keys
  kTextTooLong,        // more than 2^14 bytes inside, padding included
  kNoType,             // nothing but padding inside
  kBadType,            // of what is inside: neither data nor handshake nor alert
  kEmptyMessage,       // a handshake or alert record with nothing in it
  kBadAlert,           // not two bytes
  kUnexpectedMessage,  // a handshake message that has no place after the handshake
  kBadMessageLength,   // a KeyUpdate that is not one byte, a ticket longer than can be
  kBadKeyUpdate,       // neither requests an update nor does not
  kNotAtBoundary,      // something follows a KeyUpdate within its record, under its old keys
  kInterleaved,        // data within a handshake message that was cut in two
  kTooManyQuiet,       // more than kMaxQuietRecords in a row without a byte of data
  kTooManyKeyUpdates,  // see kMaxKeyUpdatesInARow
  kSequenceUsedUp,     // 2^64 - 1 records with one key
  kCipherFailed,       // OpenSSL's fault, not the peer's
};

[[nodiscard]] constexpr bool is_failure(OpenStatus status) noexcept {
  return status >= OpenStatus::kBadRecordType;
}

// For a failure what the peer is told (RFC 8446, section 6.2); else nothing.
[[nodiscard]] std::optional<Alert> alert_of(OpenStatus status) noexcept;

// For logs and labels: "not_authentic".
[[nodiscard]] std::string_view name_of(OpenStatus status) noexcept;

}  // namespace ringgate::tls
