// The bytes of the protocol as a client speaks it, over TCP frames or WebSocket. No sockets.
//
// Pure functions, any thread; views are parts of the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "benchmarks/ringbench/options.h"
#include "benchmarks/ringbench/push_body.h"
#include "codec/bytes.h"
#include "codec/header_slow.h"
#include "codec/rewrite.h"
#include "codec/tcp_frame.h"
#include "codec/ws_frame.h"
#include "dataplane/transport.h"

namespace ringgate::bench {

// --- Out ----------------------------------------------------------------------------------------

// A basic ping, framed (and, for WebSocket, masked).
[[nodiscard]] ByteView ping_frame(Transport transport) noexcept;

// A logic packet, framed. Exactly request_bytes() are written; the end of them is returned.
[[nodiscard]] std::size_t request_bytes(Transport transport, const OutgoingHeader& header,
                                        std::size_t body_bytes) noexcept;
std::uint8_t* write_request(std::uint8_t* to, Transport transport, const OutgoingHeader& header,
                            ByteView body) noexcept;

// A control frame: the answer to a ping or a close. `payload` has at most 125 bytes.
[[nodiscard]] std::size_t control_bytes(Transport transport, std::size_t payload_bytes) noexcept;
std::uint8_t* write_control(std::uint8_t* to, Transport transport, Opcode opcode,
                            ByteView payload) noexcept;

// The encoded LoginReq.
[[nodiscard]] std::string login_body(std::string_view token);

// The body of a request to the echo service: it begins with its sequence and its length, as far as
// they have room, so that the answer's body tells what it is an answer to.
inline constexpr std::size_t kEchoStampBytes = 16;
void write_echo_body(MutableBytes to, std::uint32_t sequence) noexcept;
[[nodiscard]] bool is_echo_body(ByteView body, std::uint32_t sequence) noexcept;

// The body of a talk (codec/message_body.h), text_message_bytes(text_bytes) long. Its text begins
// with the stamp and the receiver (push_body.h), so it has at least kTalkStampBytes.
std::uint8_t* write_talk_body(std::uint8_t* to, std::size_t text_bytes, const PushStamp& stamp,
                              std::uint32_t receiver) noexcept;

[[nodiscard]] std::string upgrade_request(const Target& target);

// --- In -----------------------------------------------------------------------------------------

enum class UpgradeAnswer : std::uint8_t { kNeedMore, kAccepted, kRefused };
struct UpgradeResult {
  UpgradeAnswer answer = UpgradeAnswer::kNeedMore;
  std::size_t consumed = 0;      // kAccepted: frames follow
  std::string_view status_line;  // kRefused
  std::string_view body_line;    // kRefused: what the body begins with, as far as it came
};
[[nodiscard]] UpgradeResult read_upgrade_answer(ByteView input) noexcept;

enum class IncomingKind : std::uint8_t {
  kNeedMore,
  kPart,       // of a fragmented WebSocket message, kept by the reader
  kMalformed,  // give the connection up
  kPong,       // basic; what it carries is `body`
  kAnswer,     // flag Response
  kPush,       // flag Push
  kKickOut,
  kOther,      // a packet or frame that no client waits for
  kPingFrame,  // to be answered with a pong frame that echoes `body`
  kClose,
};

struct Incoming {
  IncomingKind kind = IncomingKind::kNeedMore;
  std::size_t consumed = 0;
  std::uint32_t sequence = 0;
  std::uint32_t status = 0;
  std::string_view command = {};
  ByteView body = {};
};

// Splits frames off streams. One per worker: it holds what non-canonical headers need, and, by the
// numbers that their owner gives to streams, the parts of WebSocket messages that are not complete.
class IncomingReader {
 public:
  explicit IncomingReader(Transport transport) noexcept : transport_(transport) {}
  // The first frame of `input`; of the last part of a fragmented message, all of it. Views are
  // valid until the next call.
  [[nodiscard]] Incoming next(ByteView input, std::uint32_t stream = 0);
  // The stream has ended.
  void forget(std::uint32_t stream) {
    if (!parts_.empty()) parts_.erase(stream);
  }

 private:
  struct Parts {
    Opcode opcode = Opcode::kBinary;
    std::vector<std::uint8_t> bytes;
  };

  [[nodiscard]] Incoming frame(Opcode opcode, ByteView payload);
  [[nodiscard]] Incoming part(std::uint32_t stream, const WsFrameHead& head, ByteView payload);
  [[nodiscard]] Incoming packet(ByteView payload);
  [[nodiscard]] Incoming next_ws(ByteView input, std::uint32_t stream);

  Transport transport_;
  SlowPath slow_path_;
  std::unordered_map<std::uint32_t, Parts> parts_;  // few streams have any at a moment
  std::vector<std::uint8_t> whole_;                 // the last message that was put together
};

}  // namespace ringgate::bench
