// Why a connection ended.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include "dataplane/names.h"

namespace ringgate {

// One of the dataplane's own reasons, or one that the shard's handler brings in an enum of its own.
class CloseReason {
 public:
  enum Own : std::uint8_t {
    kNone,
    kPeerClosed,
    kPeerCloseFrame,
    kPeerReset,
    kSendFailed,
    kBadFrame,
    kFrameTooLong,
    kIdleTimeout,
    kWriteTimeout,
    kSlowConsumer,
    kDraining,  // the handler wants everybody to go
    kTooManyFromAddress,
    kBadProxyHeader,
    kUpgradeRefused,
    kTextMessage,  // packets travel in binary messages only
    kBadText,      // no UTF-8
    kProxyHeaderTooLong,
    kTooManyLinks,  // as many as the shard may have are open
    kNoMemory,      // the system has none for what it sends or is sent
    kTlsHandshakeFailed,
    kTlsPlainText,  // no TLS at all
    kTlsVersion,    // older than TlsMin
    kTlsNoCommonCipher,
    kTlsClientCertificate,  // not good for a reason that has no name here
    kTlsNoClientCertificate,
    kTlsClientCertificateAuthority,  // nobody whom we trust has signed it
    kTlsClientCertificateExpired,
    kTlsClientCertificatePurpose,  // its extended key usages are without clientAuth
    kTlsPeerAlert,                 // the client has given up
    kTlsBadRecord,
    kEnd,
  };

  // How many there are room for, the handler's included.
  static constexpr std::size_t kMost = 64;

  constexpr CloseReason() noexcept = default;
  constexpr CloseReason(Own own) noexcept : number_(static_cast<std::uint8_t>(own)) {}
  template <NamedBy<CloseName> Enum>
    requires(!std::same_as<Enum, Own>)
  constexpr CloseReason(Enum of_handler) noexcept
      : number_(static_cast<std::uint8_t>(index_of(Own::kEnd) + index_of(of_handler))) {
    static_assert(index_of(Own::kEnd) + index_of(Enum::kEnd) <= kMost);
  }
  // The reason with that index.
  [[nodiscard]] static constexpr CloseReason at(std::size_t index) noexcept {
    CloseReason reason;
    reason.number_ = static_cast<std::uint8_t>(index);
    return reason;
  }

  // Below kMost: the dataplane's own come first, kNone is 0.
  [[nodiscard]] constexpr std::size_t index() const noexcept { return number_; }
  friend constexpr bool operator==(CloseReason, CloseReason) noexcept = default;

 private:
  std::uint8_t number_ = 0;
};

template <>
inline constexpr auto kNamesOf<CloseReason::Own> = std::to_array<CloseName>({
    {"none", WsCloseCode::kNormal},
    {"peer_closed", WsCloseCode::kNormal},
    {"peer_close_frame", WsCloseCode::kNormal},  // not used: answered with the peer's own code
    {"peer_reset"},
    {"send_failed"},
    {"bad_frame", WsCloseCode::kProtocolError},
    {"frame_too_long", WsCloseCode::kTooBig},
    {"idle_timeout", WsCloseCode::kGoingAway},
    {"write_timeout"},
    {"slow_consumer"},
    {"draining", WsCloseCode::kGoingAway},
    {"too_many_from_address"},
    {"bad_proxy_header"},
    {"upgrade_refused"},
    {"text_message", WsCloseCode::kUnsupportedData},
    {"bad_text", WsCloseCode::kInvalidPayload},
    {"proxy_header_too_long"},
    {"too_many_links"},
    {"no_memory", WsCloseCode::kTryAgainLater},
    {"tls_handshake_failed"},
    {"tls_plain_text"},
    {"tls_version"},
    {"tls_no_common_cipher"},
    {"tls_client_certificate"},
    {"tls_client_certificate_missing"},
    {"tls_client_certificate_unknown_authority"},
    {"tls_client_certificate_expired"},
    {"tls_client_certificate_wrong_purpose"},
    {"tls_peer_alert"},
    {"tls_bad_record"},
});

// A TLS handshake that failed, or a record that could not be opened.
[[nodiscard]] constexpr bool is_of_tls(CloseReason reason) noexcept {
  return reason.index() >= index_of(CloseReason::kTlsHandshakeFailed) &&
         reason.index() <= index_of(CloseReason::kTlsBadRecord);
}

// `names`: of the handler whose shard closed the connection.
[[nodiscard]] const CloseName& describe(CloseReason reason, const HandlerNames& names) noexcept;

}  // namespace ringgate
