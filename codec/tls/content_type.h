// The numbers in and around records of TLS 1.3 (RFC 8446, appendices B.1 and B.3).
#pragma once

#include <cstdint>

namespace ringgate::tls {

// ContentType. Outside, a record after the handshake always has kDataType.
inline constexpr std::uint8_t kAlertType = 21;
inline constexpr std::uint8_t kHandshakeType = 22;
inline constexpr std::uint8_t kDataType = 23;

// legacy_record_version.
inline constexpr std::uint16_t kRecordVersion = 0x0303;

// HandshakeType.
inline constexpr std::uint8_t kTicketMessage = 4;
inline constexpr std::uint8_t kKeyUpdateMessage = 24;

}  // namespace ringgate::tls
