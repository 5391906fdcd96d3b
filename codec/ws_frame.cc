#include "codec/ws_frame.h"

#include <optional>

#include "codec/written.h"

namespace ringgate {
namespace {

constexpr std::uint8_t kFin = 0x80;
constexpr std::uint8_t kReserved = 0x70;
constexpr std::uint8_t kOpcodeBits = 0x0f;
constexpr std::uint8_t kMasked = 0x80;
constexpr std::uint8_t kLengthBits = 0x7f;
constexpr std::size_t kLength16 = 126;
constexpr std::size_t kLength64 = 127;
constexpr std::size_t kShortHeadBytes = 2;

bool is_ws_opcode(std::uint8_t opcode) noexcept {
  constexpr std::uint32_t kKnown =
      1U << 0x0 | 1U << 0x1 | 1U << 0x2 | 1U << 0x8 | 1U << 0x9 | 1U << 0xA;
  return (kKnown >> opcode & 1U) != 0;
}

// kFrame: nothing against it.
WsFrameStatus judge_first_byte(std::uint8_t byte, const WsFrameRules& rules) noexcept {
  if ((byte & kReserved) != 0) return WsFrameStatus::kReservedBits;
  const std::uint8_t bits = byte & kOpcodeBits;
  if (!is_ws_opcode(bits)) return WsFrameStatus::kBadOpcode;
  const Opcode opcode{bits};
  if (opcode >= Opcode::kClose) {
    return (byte & kFin) != 0 ? WsFrameStatus::kFrame : WsFrameStatus::kBadControl;
  }
  const bool continues = opcode == Opcode::kContinuation;
  return continues == rules.in_message ? WsFrameStatus::kFrame : WsFrameStatus::kBadSequence;
}

WsFrameStatus judge_second_byte(std::uint8_t byte, bool control,
                                const WsFrameRules& rules) noexcept {
  if (((byte & kMasked) != 0) != rules.from_client) return WsFrameStatus::kBadMask;
  if (control && (byte & kLengthBits) > kMaxWsControlPayloadBytes) {
    return WsFrameStatus::kBadControl;
  }
  return WsFrameStatus::kFrame;
}

std::size_t length_field_bytes(std::size_t short_length) noexcept {
  if (short_length < kLength16) return 0;
  return short_length == kLength16 ? sizeof(std::uint16_t) : sizeof(std::uint64_t);
}

// The payload's length, or nothing when it is not in its shortest form or has its high bit set.
std::optional<std::uint64_t> read_length(const std::uint8_t* field,
                                         std::size_t short_length) noexcept {
  if (short_length < kLength16) return short_length;
  if (short_length == kLength16) {
    const auto length = load_be<std::uint16_t>(field);
    if (length < kLength16) return std::nullopt;
    return length;
  }
  const auto length = load_be<std::uint64_t>(field);
  if (length <= 0xffff || length >> 63U != 0) return std::nullopt;
  return length;
}

std::uint8_t* write_head(std::uint8_t* to, Opcode opcode, std::size_t payload_bytes,
                         std::uint8_t mask_bit) noexcept {
  to[0] = static_cast<std::uint8_t>(kFin | static_cast<std::uint8_t>(opcode));
  const std::size_t head_bytes = ws_frame_head_bytes(payload_bytes);
  std::size_t short_length = payload_bytes;
  if (head_bytes == kShortHeadBytes + sizeof(std::uint16_t)) {
    short_length = kLength16;
    store_be(to + kShortHeadBytes, static_cast<std::uint16_t>(payload_bytes));
  } else if (head_bytes > kShortHeadBytes) {
    short_length = kLength64;
    store_be(to + kShortHeadBytes, std::uint64_t{payload_bytes});
  }
  to[1] = static_cast<std::uint8_t>(mask_bit | short_length);
  return to + head_bytes;
}

}  // namespace

WsFrameStep next_ws_frame(ByteView input, const WsFrameRules& rules) noexcept {
  const std::size_t key_bytes = rules.from_client ? sizeof(WsMaskKey) : 0;
  WsFrameStep step;
  step.need = kShortHeadBytes + key_bytes;
  const auto refuse = [&step](WsFrameStatus status) {
    step.status = status;
    step.need = 0;
    return step;
  };
  if (input.empty()) return step;
  WsFrameStatus verdict = judge_first_byte(input[0], rules);
  if (verdict != WsFrameStatus::kFrame) return refuse(verdict);
  step.head.opcode = Opcode{static_cast<std::uint8_t>(input[0] & kOpcodeBits)};
  step.head.fin = (input[0] & kFin) != 0;

  if (input.size() < kShortHeadBytes) return step;
  const bool control = step.head.is_control();
  verdict = judge_second_byte(input[1], control, rules);
  if (verdict != WsFrameStatus::kFrame) return refuse(verdict);
  const std::size_t short_length = input[1] & kLengthBits;
  const std::size_t key_at = kShortHeadBytes + length_field_bytes(short_length);
  step.need = key_at + key_bytes;

  if (input.size() < key_at) return step;
  const auto length = read_length(input.data() + kShortHeadBytes, short_length);
  if (!length) return refuse(WsFrameStatus::kBadLength);
  if (!control && *length > rules.max_data_bytes) return refuse(WsFrameStatus::kTooLong);
  const std::size_t head_bytes = step.need;
  step.need += *length;

  if (input.size() < head_bytes) return step;
  step.head.head_bytes = head_bytes;
  step.head.payload_bytes = *length;
  if (key_bytes != 0) std::memcpy(step.head.key.data(), input.data() + key_at, key_bytes);
  if (input.size() < step.need) return step;
  step.status = WsFrameStatus::kFrame;
  step.consumed = step.need;
  return step;
}

WsCloseCode close_code_of(WsFrameStatus status) noexcept {
  return status == WsFrameStatus::kTooLong ? WsCloseCode::kTooBig : WsCloseCode::kProtocolError;
}

std::uint8_t* write_ws_frame_head(std::uint8_t* to, Opcode opcode,
                                  std::size_t payload_bytes) noexcept {
  return written(to, ws_frame_head_bytes(payload_bytes), write_head(to, opcode, payload_bytes, 0));
}

std::uint8_t* write_ws_client_head(std::uint8_t* to, Opcode opcode, std::size_t payload_bytes,
                                   WsMaskKey key) noexcept {
  std::uint8_t* const key_at = write_head(to, opcode, payload_bytes, kMasked);
  std::memcpy(key_at, key.data(), key.size());
  return key_at + key.size();
}

}  // namespace ringgate
