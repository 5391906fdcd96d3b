// What a client's packets travel in. The shard removes frames and adds them, but for a push that
// several share or that has to wait: its writer puts the head before it. Pure functions, any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "codec/tcp_frame.h"
#include "codec/ws_frame.h"

namespace ringgate {

enum class Transport : std::uint8_t {
  kTcp,        // codec/tcp_frame.h
  kWebSocket,  // codec/ws_frame.h, after the handshake of codec/ws_upgrade.h
};

[[nodiscard]] constexpr std::string_view describe(Transport transport) noexcept {
  return transport == Transport::kTcp ? "tcp" : "ws";
}

// As Listen writes it.
[[nodiscard]] constexpr std::string_view scheme_of(Transport transport, bool tls) noexcept {
  if (!tls) return describe(transport);
  return transport == Transport::kTcp ? "tls" : "wss";
}

// The head of an outgoing frame, which is the same for every receiver of a payload.
[[nodiscard]] constexpr std::size_t frame_head_bytes(Transport transport,
                                                     std::size_t payload_bytes) noexcept {
  return transport == Transport::kTcp ? kTcpFrameHeadBytes : ws_frame_head_bytes(payload_bytes);
}

inline constexpr std::size_t kMaxFrameHeadBytes =
    kTcpFrameHeadBytes > kMaxWsServerHeadBytes ? kTcpFrameHeadBytes : kMaxWsServerHeadBytes;

// Writes frame_head_bytes() bytes and returns the end of them.
inline std::uint8_t* write_frame_head(std::uint8_t* to, Transport transport, Opcode opcode,
                                      std::size_t payload_bytes) noexcept {
  if (transport == Transport::kWebSocket) return write_ws_frame_head(to, opcode, payload_bytes);
  write_tcp_frame_head(to, opcode, static_cast<std::uint32_t>(payload_bytes));
  return to + kTcpFrameHeadBytes;
}

}  // namespace ringgate
