#include "codec/ws_message.h"

#include <algorithm>
#include <array>
#include <limits>

#include "codec/utf8.h"

namespace ringgate {

WsFrameRules WsMessage::rules(std::size_t max_message_bytes, bool from_client) const noexcept {
  constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max();
  const std::size_t most = std::min(max_message_bytes, kMost);
  // A bound that was lowered in the middle of a message leaves nothing.
  const std::size_t left = most - std::min<std::size_t>(most, message_bytes_);
  return {.max_data_bytes = left, .from_client = from_client, .in_message = in_message()};
}

WsAction WsMessage::take(const WsFrameHead& head, ByteView payload) noexcept {
  WsAction action;
  switch (head.opcode) {
    case Opcode::kPing:
      action.event = WsEvent::kPing;
      return action;
    case Opcode::kPong:
      action.event = WsEvent::kPong;
      return action;
    case Opcode::kClose: {
      const WsClose close = parse_close(payload);
      action.event = close.status == WsCloseStatus::kOk ? WsEvent::kClose : WsEvent::kFail;
      action.code = close.code;
      action.reason = close.reason;
      return action;
    }
    case Opcode::kContinuation:
    case Opcode::kText:
    case Opcode::kBinary:
      break;
  }
  return take_data(head, payload);
}

WsAction WsMessage::take_data(const WsFrameHead& head, ByteView payload) noexcept {
  WsAction action;
  action.first = head.opcode != Opcode::kContinuation;
  action.last = head.fin;
  action.text = is_text(head);
  if (action.text && !check_text(head, payload)) {
    action.event = WsEvent::kFail;
    action.code = WsCloseCode::kInvalidPayload;
    return action;
  }
  if (head.fin) {
    *this = {};
  } else {
    if (action.first) opcode_ = head.opcode;
    message_bytes_ += static_cast<std::uint32_t>(payload.size());
    checked_bytes_ = 0;
  }
  return action;
}

bool WsMessage::is_text(const WsFrameHead& head) const noexcept {
  return head.opcode == Opcode::kText ||
         (head.opcode == Opcode::kContinuation && opcode_ == Opcode::kText);
}

bool WsMessage::check_text(const WsFrameHead& head, ByteView payload) noexcept {
  const bool whole_message = head.opcode == Opcode::kText && head.fin && checked_bytes_ == 0;
  if (whole_message) return is_utf8(as_text(payload));
  return utf8_.push(payload.subspan(checked_bytes_)) && (!head.fin || utf8_.complete());
}

bool WsMessage::can_go_on(const WsFrameHead& head, ByteView input) noexcept {
  if (head.head_bytes == 0 || head.is_control() || !is_text(head)) return true;
  constexpr std::size_t kPieceBytes = 256;
  std::array<std::uint8_t, kPieceBytes> piece;
  const ByteView payload = input.subspan(head.head_bytes);
  ByteView fresh =
      payload.first(std::min(payload.size(), head.payload_bytes)).subspan(checked_bytes_);
  while (!fresh.empty()) {
    const std::size_t size = std::min(fresh.size(), kPieceBytes);
    std::memcpy(piece.data(), fresh.data(), size);
    unmask(MutableBytes(piece).first(size), head.key, checked_bytes_);
    checked_bytes_ += static_cast<std::uint32_t>(size);
    if (!utf8_.push(ByteView(piece).first(size))) return false;
    fresh = fresh.subspan(size);
  }
  return true;
}

}  // namespace ringgate
