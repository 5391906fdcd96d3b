// A byte stream of WebSocket frames, made and taken apart as a connection does it, in any chunks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "codec/ws_message.h"
#include "tests/codec/hex.h"

namespace ringgate {

// A whole message, or a control frame.
struct WsRecord {
  Opcode opcode = Opcode::kBinary;
  Bytes payload;

  bool operator==(const WsRecord&) const = default;
};

struct WsTranscript {
  std::vector<WsRecord> records;
  bool failed = false;                        // refused, with `code`
  WsCloseCode code = WsCloseCode::kNoStatus;  // of the failure, or of the peer's close
  std::size_t frame_bytes = 0;                // bytes in frames that were taken
  std::size_t decided_at = 0;                 // bytes that had come when it ended
  std::string broken_rule;                    // what the codec did against its contract

  // All but decided_at, which depends on the chunks.
  bool operator==(const WsTranscript& other) const;
};

struct WsStreamLimits {
  std::size_t max_message_bytes = 0;
  bool from_client = true;
};

// `next_chunk` gives the size of each next chunk; 0 counts as 1.
[[nodiscard]] WsTranscript read_ws_stream(ByteView stream, const WsStreamLimits& limits,
                                          const std::function<std::size_t()>& next_chunk);
[[nodiscard]] WsTranscript read_ws_stream(ByteView stream, const WsStreamLimits& limits);

// A frame with a key (a client's); any opcode, any FIN.
void append_client_frame(Bytes& stream, Opcode opcode, bool fin, ByteView payload, WsMaskKey key);

// A frame without one (a server's).
void append_server_frame(Bytes& stream, Opcode opcode, bool fin, ByteView payload);

}  // namespace ringgate
