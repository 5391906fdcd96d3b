#include "codec/tls/alert.h"

#include <algorithm>
#include <array>

namespace ringgate::tls {
namespace {

struct Row {
  Alert alert;
  std::string_view name;
};

constexpr auto kRows = std::to_array<Row>({
    {Alert::kCloseNotify, "close_notify"},
    {Alert::kUnexpectedMessage, "unexpected_message"},
    {Alert::kBadRecordMac, "bad_record_mac"},
    {Alert::kRecordOverflow, "record_overflow"},
    {Alert::kHandshakeFailure, "handshake_failure"},
    {Alert::kBadCertificate, "bad_certificate"},
    {Alert::kUnsupportedCertificate, "unsupported_certificate"},
    {Alert::kCertificateRevoked, "certificate_revoked"},
    {Alert::kCertificateExpired, "certificate_expired"},
    {Alert::kCertificateUnknown, "certificate_unknown"},
    {Alert::kIllegalParameter, "illegal_parameter"},
    {Alert::kUnknownCa, "unknown_ca"},
    {Alert::kAccessDenied, "access_denied"},
    {Alert::kDecodeError, "decode_error"},
    {Alert::kDecryptError, "decrypt_error"},
    {Alert::kProtocolVersion, "protocol_version"},
    {Alert::kInsufficientSecurity, "insufficient_security"},
    {Alert::kInternalError, "internal_error"},
    {Alert::kInappropriateFallback, "inappropriate_fallback"},
    {Alert::kUserCanceled, "user_canceled"},
    {Alert::kMissingExtension, "missing_extension"},
    {Alert::kUnsupportedExtension, "unsupported_extension"},
    {Alert::kUnrecognizedName, "unrecognized_name"},
    {Alert::kBadCertificateStatusResponse, "bad_certificate_status_response"},
    {Alert::kUnknownPskIdentity, "unknown_psk_identity"},
    {Alert::kCertificateRequired, "certificate_required"},
    {Alert::kNoApplicationProtocol, "no_application_protocol"},
});

}  // namespace

std::string_view name_of(Alert alert) noexcept {
  const auto* const row = std::ranges::find(kRows, alert, &Row::alert);
  return row == kRows.end() ? "unknown" : row->name;
}

}  // namespace ringgate::tls
