// WebSocket frames (RFC 6455, section 5.2), without extensions.
//
// Pure functions over bytes: no sockets, no memory of their own, any thread. A payload is a part
// of the input, still masked: the caller unmasks it in place, where it owns the bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "codec/bytes.h"
#include "codec/tcp_frame.h"
#include "codec/unmask.h"
#include "codec/ws_close.h"

namespace ringgate {

inline constexpr std::size_t kMaxWsFrameHeadBytes = 14;   // 64-bit length and key
inline constexpr std::size_t kMaxWsServerHeadBytes = 10;  // what is not masked has no key
inline constexpr std::size_t kMaxWsControlPayloadBytes = 125;

// A basic pong (codec/packet.h) from the gateway, whole.
inline constexpr std::array<std::uint8_t, 10> kWsPong = {0x82, 8, 0xc3, 0x15, 0xa7,
                                                         0x65, 0, 2,    0,    0};

enum class WsFrameStatus : std::uint8_t {
  kFrame,         // the frame is complete; go on after `consumed` bytes
  kNeedMore,      // `need` bytes in all, counted from the start of the input
  kReservedBits,  // RSV1-3 belong to extensions, and there are none
  kBadOpcode,     // a reserved one
  kBadSequence,   // a continuation of nothing, or a new message inside of a fragmented one
  kBadControl,    // a control frame that is fragmented or above 125 bytes
  kBadMask,       // a client's frame without a key, or a server's with one
  kBadLength,     // not in its shortest form, or above 2^63
  kTooLong,       // the declared length is above the bound
};

// What the next frame may be. WsMessage::rules gives them for a connection's state.
struct WsFrameRules {
  std::size_t max_data_bytes = 0;  // of a data frame's payload; control frames have their own bound
  bool from_client = true;         // clients mask, servers do not
  bool in_message = false;         // a fragmented message has begun and not ended
};

struct WsFrameHead {
  Opcode opcode = Opcode::kContinuation;
  bool fin = false;
  WsMaskKey key{};  // zeros when not masked
  std::size_t head_bytes = 0;
  std::size_t payload_bytes = 0;

  [[nodiscard]] bool is_control() const noexcept { return opcode >= Opcode::kClose; }
};

struct WsFrameStep {
  WsFrameStatus status = WsFrameStatus::kNeedMore;
  WsFrameHead head;  // head_bytes is 0 until all of the head is there
  std::size_t consumed = 0;
  std::size_t need = 0;
};

// Looks at the start of `input`. Each rule is judged with the byte that decides it: opcode, RSV and
// sequence with the first; mask and a control frame's length with the second; a longer length with
// its last byte. On kNeedMore, `need` never goes beyond the frame: the shortest head, then the
// head, then the whole. On kFrame the payload is input[head_bytes .. consumed).
[[nodiscard]] WsFrameStep next_ws_frame(ByteView input, const WsFrameRules& rules) noexcept;

// What a connection is closed with over a frame that is refused: 1009 for kTooLong, else 1002.
[[nodiscard]] WsCloseCode close_code_of(WsFrameStatus status) noexcept;

// The head of an unmasked frame with FIN set: 2, 4 or 10 bytes. It depends on nothing but opcode
// and length, so that one head and payload can go to every receiver.
[[nodiscard]] constexpr std::size_t ws_frame_head_bytes(std::size_t payload_bytes) noexcept {
  if (payload_bytes <= 125) return 2;
  return payload_bytes <= 0xffff ? 4 : 10;
}

// Writes ws_frame_head_bytes(payload_bytes) bytes and returns the end of them.
std::uint8_t* write_ws_frame_head(std::uint8_t* to, Opcode opcode,
                                  std::size_t payload_bytes) noexcept;

// A client's: the same and the key. The caller masks the payload with it (codec/unmask.h).
std::uint8_t* write_ws_client_head(std::uint8_t* to, Opcode opcode, std::size_t payload_bytes,
                                   WsMaskKey key) noexcept;

}  // namespace ringgate
