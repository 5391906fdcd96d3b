// WebSocket close frames: their codes and payload (RFC 6455, sections 5.5.1 and 7.4).
//
// Pure functions over bytes, any thread; a reason handed out is a part of the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "codec/bytes.h"

namespace ringgate {

enum class WsCloseCode : std::uint16_t {
  kNormal = 1000,
  kGoingAway = 1001,
  kProtocolError = 1002,
  kUnsupportedData = 1003,
  kNoStatus = 1005,  // stands for a close without a code; never on the wire
  kAbnormal = 1006,  // never on the wire
  kInvalidPayload = 1007,
  kPolicyViolation = 1008,
  kTooBig = 1009,
  kMandatoryExtension = 1010,
  kInternalError = 1011,
  kServiceRestart = 1012,
  kTryAgainLater = 1013,
  kBadGateway = 1014,
  kTlsHandshake = 1015,  // never on the wire
};

// 1000-1003, 1007-1014 and 3000-4999.
[[nodiscard]] bool is_wire_close_code(std::uint16_t code) noexcept;

enum class WsCloseStatus : std::uint8_t {
  kOk,
  kBadLength,  // one byte is no code: 1002
  kBadCode,    // not one of those on the wire: 1002
  kBadReason,  // not UTF-8: 1007
};

struct WsClose {
  WsCloseStatus status = WsCloseStatus::kOk;
  WsCloseCode code = WsCloseCode::kNoStatus;  // the peer's; with a bad status, what to answer with
  std::string_view reason;
};

// `payload` is that of a close frame, unmasked. Empty is fine: kNoStatus.
[[nodiscard]] WsClose parse_close(ByteView payload) noexcept;

inline constexpr std::size_t kMaxWsClosePayloadBytes = 125;
inline constexpr std::size_t kMaxWsCloseReasonBytes = 123;
inline constexpr std::size_t kMaxWsCloseFrameBytes = 127;

// Writes a close frame's payload and returns the end of it: the code and as many whole characters
// of the reason as fit. A code that may not be on the wire, kNoStatus above all, writes nothing,
// and a reason that is not UTF-8 is left out: the peer would take either for an error of ours.
std::uint8_t* write_close_payload(std::uint8_t* to, WsCloseCode code,
                                  std::string_view reason) noexcept;

// The whole frame, unmasked: at most kMaxWsCloseFrameBytes.
std::uint8_t* write_ws_close_frame(std::uint8_t* to, WsCloseCode code,
                                   std::string_view reason = {}) noexcept;

}  // namespace ringgate
