// Shard: WebSocket frames in (RFC 6455, section 5). A message that comes in one frame is unmasked
// and read where it was received; the parts of a fragmented one are collected.
#include "dataplane/shard.h"

namespace ringgate {

// Whole frames from the front of `input`; the number of bytes used.
std::size_t Shard::parse_ws(Connection& connection, MutableBytes input) {
  const std::size_t most = limits(connection).max_frame_bytes;
  std::size_t used = 0;
  while (used < input.size() && share_ > 0 && connection.open() && !connection.held) {
    const MutableBytes rest = input.subspan(used);
    const WsFrameStep step = next_ws_frame(rest, connection.message.rules(most));
    if (step.status == WsFrameStatus::kFrame) {
      const MutableBytes payload = rest.subspan(step.head.head_bytes, step.head.payload_bytes);
      unmask(payload, step.head.key);
      used += step.consumed;
      count_frame();
      on_ws_frame(connection, step.head, payload);
    } else if (step.status == WsFrameStatus::kNeedMore) {
      if (!connection.message.can_go_on(step.head, rest)) finish(connection, CloseReason::kBadText);
      break;
    } else {
      finish(connection, step.status == WsFrameStatus::kTooLong ? CloseReason::kFrameTooLong
                                                                : CloseReason::kBadFrame);
    }
  }
  return used;
}

void Shard::on_ws_frame(Connection& connection, const WsFrameHead& head, ByteView payload) {
  const WsAction action = connection.message.take(head, payload);
  switch (action.event) {
    case WsEvent::kData:
      on_ws_data(connection, action, payload);
      return;
    case WsEvent::kPing:
      counters_.add(Counter::kPings);
      connection.count_ping();
      queue_frame(connection, Opcode::kPong, payload, Why::kAsked);
      return;
    case WsEvent::kPong:
      return;
    case WsEvent::kClose:
      finish(connection, CloseReason::kPeerCloseFrame, action.code);
      return;
    case WsEvent::kFail:
      finish(connection, action.code == WsCloseCode::kInvalidPayload ? CloseReason::kBadText
                                                                     : CloseReason::kBadFrame);
      return;
  }
}

void Shard::on_ws_data(Connection& connection, const WsAction& action, ByteView payload) {
  if (action.text && !options_.plain_messages) {
    finish(connection, CloseReason::kTextMessage);
    return;
  }
  if (action.first && action.last) {
    on_message(connection, payload, action.text);
    return;
  }
  // Rules of the frame parser bound all parts together.
  Carry& parts = parts_[connection.slot];
  if (!parts.append(pool_, payload)) return abort(connection, CloseReason::kNoMemory);
  if (!action.last) return;
  on_message(connection, parts.view(), action.text);
  drop_parts(connection);
}

void Shard::on_message(Connection& connection, ByteView payload, bool text) {
  if (!options_.plain_messages) {
    on_binary(connection, payload);
  } else if (text) {
    share_ -= kPacketShare;
    handler_.on_text(connection, payload);
  } else {
    share_ -= kPacketShare;
    handler_.on_packet(connection, payload);
  }
}

void Shard::drop_parts(const Connection& connection) {
  const auto parts = parts_.find(connection.slot);
  if (parts == parts_.end()) return;
  parts->second.clear(pool_);
  parts_.erase(parts);
}

}  // namespace ringgate
