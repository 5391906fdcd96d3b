#include "dataplane/connection.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/counters.h"

namespace ringgate {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(CloseReason::kCount)> kReasons = {
    "none",
    "peer_closed",
    "peer_close_frame",
    "peer_reset",
    "send_failed",
    "bad_frame",
    "frame_too_long",
    "bad_packet",
    "header_too_long",
    "too_many_metas",
    "not_a_login",
    "login_timeout",
    "login_refused",
    "idle_timeout",
    "write_timeout",
    "slow_consumer",
    "kicked_out",
    "token_expired",
    "no_login_service",
    "draining",
    "handshake",
    "replaced",
    "link_removed",
    "too_many_from_address",
    "bad_proxy_header",
    "upgrade_refused",
    "text_message",
    "bad_text",
    "kicked_by_operator",
    "login_answer_timeout",
    "proxy_header_too_long",
    "too_many_links",
};
static_assert(kReasons.size() <= kCloseReasons);

}  // namespace

std::string_view describe(CloseReason reason) noexcept {
  return kReasons[static_cast<std::size_t>(reason)];
}

WsCloseCode close_code_of(CloseReason reason) noexcept {
  switch (reason) {
    case CloseReason::kBadFrame:
      return WsCloseCode::kProtocolError;
    case CloseReason::kTextMessage:
      return WsCloseCode::kUnsupportedData;
    case CloseReason::kBadText:
    case CloseReason::kBadPacket:
      return WsCloseCode::kInvalidPayload;
    case CloseReason::kFrameTooLong:
    case CloseReason::kHeaderTooLong:
      return WsCloseCode::kTooBig;
    case CloseReason::kIdleTimeout:
    case CloseReason::kDraining:
      return WsCloseCode::kGoingAway;
    case CloseReason::kNoLoginService:
    case CloseReason::kLoginAnswerTimeout:
      return WsCloseCode::kTryAgainLater;
    case CloseReason::kNone:
    case CloseReason::kPeerClosed:
    case CloseReason::kPeerCloseFrame:
      return WsCloseCode::kNormal;
    default:
      return WsCloseCode::kPolicyViolation;
  }
}

void Carry::append(BlockPool& pool, ByteView bytes) {
  if (bytes.empty()) return;
  if (size + bytes.size() > capacity) {
    const std::size_t wanted = std::max(size + bytes.size(), std::size_t{capacity} * 2);
    const Block grown = pool.take(wanted);
    if (size > 0) std::memcpy(grown.data, data, size);
    if (data != nullptr) pool.give({data, capacity});
    data = grown.data;
    capacity = grown.capacity;
  }
  std::memcpy(data + size, bytes.data(), bytes.size());
  size += static_cast<std::uint32_t>(bytes.size());
}

void Carry::drop_front(BlockPool& pool, std::size_t bytes) noexcept {
  if (bytes == 0 && size > 0) return;
  size -= static_cast<std::uint32_t>(bytes);
  if (size > 0) {
    std::memmove(data, data + bytes, size);
    return;
  }
  if (data != nullptr) pool.give({data, capacity});
  data = nullptr;
  capacity = 0;
}

}  // namespace ringgate
