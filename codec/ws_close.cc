#include "codec/ws_close.h"

#include "codec/utf8.h"
#include "codec/ws_frame.h"

namespace ringgate {
namespace {

constexpr std::size_t kCodeBytes = sizeof(std::uint16_t);

// The longest start of `text` of at most `most` bytes that does not end inside of a character.
std::string_view cut_at_character(std::string_view text, std::size_t most) noexcept {
  if (text.size() <= most) return text;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80; };
  while (most > 0 && continues(text[most])) --most;
  return text.substr(0, most);
}

}  // namespace

bool is_wire_close_code(std::uint16_t code) noexcept {
  if (code >= 3000) return code <= 4999;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

WsClose parse_close(ByteView payload) noexcept {
  if (payload.empty()) return {};
  if (payload.size() < kCodeBytes) {
    return {.status = WsCloseStatus::kBadLength, .code = WsCloseCode::kProtocolError, .reason = {}};
  }
  const auto code = load_be<std::uint16_t>(payload.data());
  if (!is_wire_close_code(code)) {
    return {.status = WsCloseStatus::kBadCode, .code = WsCloseCode::kProtocolError, .reason = {}};
  }
  const std::string_view reason = as_text(payload.subspan(kCodeBytes));
  if (!is_utf8(reason)) {
    return {
        .status = WsCloseStatus::kBadReason, .code = WsCloseCode::kInvalidPayload, .reason = {}};
  }
  return {.status = WsCloseStatus::kOk, .code = WsCloseCode{code}, .reason = reason};
}

std::uint8_t* write_close_payload(std::uint8_t* to, WsCloseCode code,
                                  std::string_view reason) noexcept {
  const auto number = static_cast<std::uint16_t>(code);
  if (!is_wire_close_code(number)) return to;
  store_be(to, number);
  to += kCodeBytes;
  if (reason.empty() || !is_utf8(reason)) return to;
  reason = cut_at_character(reason, kMaxWsCloseReasonBytes);
  std::memcpy(to, reason.data(), reason.size());
  return to + reason.size();
}

std::uint8_t* write_ws_close_frame(std::uint8_t* to, WsCloseCode code,
                                   std::string_view reason) noexcept {
  std::uint8_t* const payload = to + ws_frame_head_bytes(0);  // always the short head
  std::uint8_t* const end = write_close_payload(payload, code, reason);
  write_ws_frame_head(to, Opcode::kClose, static_cast<std::size_t>(end - payload));
  return end;
}

}  // namespace ringgate
