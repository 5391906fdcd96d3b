// What frames mean together (RFC 6455, sections 5.4-5.6 and 8.1): one WsMessage per connection and
// direction, twelve bytes, that holds no payload. It belongs to the connection and its thread.
//
// A connection's loop:
//
//   step = next_ws_frame(rest, message.rules(max_message_bytes));
//   kFrame:     unmask the payload in place; act on message.take(step.head, payload)
//   kNeedMore:  message.can_go_on(step.head, rest) or close with 1007; keep the rest
//   else:       close with close_code_of(step.status)
//
// After kClose or kFail no frame of the connection is looked at any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "codec/bytes.h"
#include "codec/ws_close.h"
#include "codec/ws_frame.h"
#include "codec/ws_utf8.h"

namespace ringgate {

enum class WsEvent : std::uint8_t {
  kData,   // the payload is a message, or a part of one
  kPing,   // answer with a pong of the same payload
  kPong,   // nothing to do
  kClose,  // answer with a close of the same code, then close
  kFail,   // send a close with `code`, then close
};

struct WsAction {
  WsEvent event = WsEvent::kData;
  bool first =
      false;  // kData: the message begins with this payload; first and last: is this payload
  bool last = false;  // kData: and ends with it
  bool text = false;  // kData: of a text message, valid UTF-8 as far as it has come; else binary
  WsCloseCode code = WsCloseCode::kNoStatus;  // kClose: the peer's; kFail: ours
  std::string_view reason;                    // kClose: a part of the payload
};

class WsMessage {
 public:
  // What the next frame may be. Over all its fragments a message has at most `max_message_bytes`.
  [[nodiscard]] WsFrameRules rules(std::size_t max_message_bytes,
                                   bool from_client = true) const noexcept;

  // Takes a whole frame that next_ws_frame found under rules(), its payload unmasked.
  [[nodiscard]] WsAction take(const WsFrameHead& head, ByteView payload) noexcept;

  // For a frame that is not complete yet: `input` is what is there of it, head included, still
  // masked. False: its text is already no UTF-8, so fail with 1007 and do not wait for the rest.
  // Bytes once seen are not looked at again, not by take() either. Calling it is optional.
  [[nodiscard]] bool can_go_on(const WsFrameHead& head, ByteView input) noexcept;

  [[nodiscard]] bool in_message() const noexcept { return opcode_ != Opcode::kContinuation; }

  // Of the message in progress, without the frame in progress.
  [[nodiscard]] std::size_t message_bytes() const noexcept { return message_bytes_; }

 private:
  WsAction take_data(const WsFrameHead& head, ByteView payload) noexcept;
  bool is_text(const WsFrameHead& head) const noexcept;
  bool check_text(const WsFrameHead& head, ByteView payload) noexcept;

  std::uint32_t message_bytes_ = 0;
  std::uint32_t checked_bytes_ = 0;        // of the frame in progress, by can_go_on
  Opcode opcode_ = Opcode::kContinuation;  // of the message in progress; kContinuation: none
  Utf8Validator utf8_;
};

static_assert(sizeof(WsMessage) == 12);

}  // namespace ringgate
