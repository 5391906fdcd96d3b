#include "services/client/transport.h"

#include <array>

#include "codec/tls/alert.h"

namespace ringgate::client {
namespace {

constexpr std::string_view kNotAGateway =
    "what answers there does not speak the gateway's TCP protocol: check the port";

constexpr std::string_view kSpeaksTls =
    "what answers there speaks TLS: write tls:// instead of tcp://";

class TcpTransport final : public Transport {
 public:
  Event next() override;
  void send_close() override { send_frame(Opcode::kClose, {}); }

 private:
  void append_frame(std::string& to, Opcode opcode, ByteView payload) override;
};

Event TcpTransport::next() {
  while (true) {
    const FrameStep step = next_tcp_frame(rest(), kMaxClientPayloadBytes);
    if (step.status == FrameStatus::kNeedMore) return {};
    if (step.status != FrameStatus::kFrame) break;
    take(step.consumed);
    const ByteView payload = step.frame.payload;
    switch (step.frame.opcode) {
      case Opcode::kBinary:
        return {.kind = Event::Kind::kPacket, .payload = payload, .text = {}};
      case Opcode::kClose:
        send_close();
        return {.kind = Event::Kind::kClose, .payload = {}, .text = std::string(as_text(payload))};
      case Opcode::kPing:
        send_frame(Opcode::kPong, payload);
        continue;
      case Opcode::kPong:
        continue;
      case Opcode::kContinuation:
      case Opcode::kText:
        break;
    }
    break;
  }
  // Over TLS, alerts do not come this far.
  const std::string_view why = tls::begins_with_alert(rest()) ? kSpeaksTls : kNotAGateway;
  send_close();
  return {.kind = Event::Kind::kProblem, .payload = {}, .text = std::string(why)};
}

void TcpTransport::append_frame(std::string& to, Opcode opcode, ByteView payload) {
  std::array<std::uint8_t, kTcpFrameHeadBytes> head{};
  write_tcp_frame_head(head.data(), opcode, static_cast<std::uint32_t>(payload.size()));
  to.append(as_text(head)).append(as_text(payload));
}

}  // namespace

void Transport::receive(ByteView bytes) {
  received_.erase(0, taken_);
  taken_ = 0;
  received_.append(as_text(bytes));
}

void Transport::send_frame(Opcode opcode, ByteView payload) {
  if (close_sent_) return;
  append_frame(unsent_, opcode, payload);
  close_sent_ = opcode == Opcode::kClose;
}

std::unique_ptr<Transport> make_tcp_transport() {
  return std::make_unique<TcpTransport>();
}

}  // namespace ringgate::client
