#include "services/client/ws_transport.h"

#include <fmt/format.h>

#include <array>
#include <random>

#include "codec/ws_message.h"

namespace ringgate::client {
namespace {

std::string_view explain(WsFrameStatus status) {
  switch (status) {
    case WsFrameStatus::kReservedBits:
      return "a frame uses an extension that was not agreed on";
    case WsFrameStatus::kBadOpcode:
      return "a frame has an unknown opcode";
    case WsFrameStatus::kBadSequence:
      return "a fragmented message is out of order";
    case WsFrameStatus::kBadControl:
      return "a control frame is fragmented or too long";
    case WsFrameStatus::kBadMask:
      return "a frame is masked, as only a client's may be";
    case WsFrameStatus::kBadLength:
      return "a frame's length is badly written";
    case WsFrameStatus::kTooLong:
      return "a message is above 16 MiB";
    case WsFrameStatus::kFrame:
    case WsFrameStatus::kNeedMore:
      break;
  }
  return "a frame cannot be read";
}

std::string_view name_of(WsCloseCode code) {
  switch (code) {
    case WsCloseCode::kNormal:
      return "ordinary end";
    case WsCloseCode::kGoingAway:
      return "going away";
    case WsCloseCode::kProtocolError:
      return "protocol error";
    case WsCloseCode::kPolicyViolation:
      return "policy violation";
    case WsCloseCode::kTooBig:
      return "message too big";
    case WsCloseCode::kInternalError:
      return "internal error";
    case WsCloseCode::kServiceRestart:
      return "service restart";
    case WsCloseCode::kTryAgainLater:
      return "try again later";
    default:
      return "no reason given";
  }
}

// "1008 kicked out"; empty for a close that says nothing.
std::string describe_close(WsCloseCode code, std::string_view reason) {
  if (code == WsCloseCode::kNoStatus) return {};
  return fmt::format("{} {}", static_cast<unsigned>(code), reason.empty() ? name_of(code) : reason);
}

class WsTransport final : public Transport {
 public:
  Event next() override;
  void send_close() override { send_close_code(WsCloseCode::kNormal); }

 private:
  Event take_frame(const WsFrameHead& head, ByteView payload);
  Event take_data(const WsAction& action, ByteView payload);
  Event refuse(WsCloseCode code, std::string_view why);
  void send_close_code(WsCloseCode code);
  void append_frame(std::string& to, Opcode opcode, ByteView payload) override;

  WsMessage message_;
  std::string message_bytes_;  // of a fragmented one
  std::random_device random_;  // RFC 6455, section 10.3: keys that nobody can foresee
};

Event WsTransport::next() {
  while (true) {
    const ByteView bytes = rest();
    const WsFrameStep step =
        next_ws_frame(bytes, message_.rules(kMaxClientPayloadBytes, /*from_client=*/false));
    if (step.status == WsFrameStatus::kNeedMore) return {};
    if (step.status != WsFrameStatus::kFrame) {
      return refuse(close_code_of(step.status), explain(step.status));
    }
    take(step.consumed);
    Event event =
        take_frame(step.head, bytes.subspan(step.head.head_bytes, step.head.payload_bytes));
    if (event.kind != Event::Kind::kNeedMore) return event;
  }
}

Event WsTransport::take_frame(const WsFrameHead& head, ByteView payload) {
  const WsAction action = message_.take(head, payload);
  switch (action.event) {
    case WsEvent::kData:
      return take_data(action, payload);
    case WsEvent::kPing:
      send_frame(Opcode::kPong, payload);
      return {};
    case WsEvent::kPong:
      return {};
    case WsEvent::kClose:
      send_close_code(action.code);
      return {.kind = Event::Kind::kClose,
              .payload = {},
              .text = describe_close(action.code, action.reason)};
    case WsEvent::kFail:
      break;
  }
  return refuse(action.code, head.opcode == Opcode::kClose ? "a close frame has no valid content"
                                                           : "a text is not UTF-8");
}

Event WsTransport::take_data(const WsAction& action, ByteView payload) {
  if (action.text) {
    return refuse(WsCloseCode::kUnsupportedData, "it sent text, and packets are binary");
  }
  if (action.first && action.last) {
    return {.kind = Event::Kind::kPacket, .payload = payload, .text = {}};
  }
  if (action.first) message_bytes_.clear();
  message_bytes_.append(as_text(payload));
  if (!action.last) return {};
  return {.kind = Event::Kind::kPacket, .payload = as_bytes(message_bytes_), .text = {}};
}

Event WsTransport::refuse(WsCloseCode code, std::string_view why) {
  send_close_code(code);
  return {.kind = Event::Kind::kProblem,
          .payload = {},
          .text = fmt::format("the gateway broke the WebSocket protocol: {}", why)};
}

void WsTransport::send_close_code(WsCloseCode code) {
  std::array<std::uint8_t, kMaxWsClosePayloadBytes> payload{};
  const std::uint8_t* const end = write_close_payload(payload.data(), code, {});
  send_frame(Opcode::kClose, ByteView(payload.data(), end));
}

void WsTransport::append_frame(std::string& to, Opcode opcode, ByteView payload) {
  WsMaskKey key{};
  store_be(key.data(), std::uint32_t{random_()});
  std::array<std::uint8_t, kMaxWsFrameHeadBytes> head{};
  const std::uint8_t* const head_end =
      write_ws_client_head(head.data(), opcode, payload.size(), key);
  to.append(as_text(ByteView(head.data(), head_end)));
  const std::size_t begin = to.size();
  to.append(as_text(payload));
  unmask(MutableBytes(reinterpret_cast<std::uint8_t*>(to.data()) + begin, payload.size()), key);
}

}  // namespace

std::unique_ptr<Transport> make_ws_transport(std::string_view received) {
  auto transport = std::make_unique<WsTransport>();
  transport->receive(as_bytes(received));
  return transport;
}

}  // namespace ringgate::client
