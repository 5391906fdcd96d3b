#include "services/gateway/parts/pushes/delivery.h"

#include <array>

namespace ringgate {

Event push_event(EventKind kind, const Delivery& delivery) noexcept {
  return {kind, static_cast<std::uint8_t>(delivery.head.command_index),
          static_cast<std::uint32_t>(delivery.bytes()), delivery.head.upstream,
          delivery.head.own_command};
}

void write_delivery(GatewayContext& context, Connection& connection, const Delivery& delivery) {
  const std::size_t bytes = delivery.bytes();
  if (delivery.shared != nullptr) {
    std::array<std::uint8_t, kMaxFrameHeadBytes> head;
    const std::uint8_t* const end =
        write_frame_head(head.data(), connection.transport, Opcode::kBinary, bytes);
    if (!context.shard.append_shared(connection, {head.data(), end}, delivery.shared)) return;
  } else {
    std::uint8_t* const to = context.shard.reserve_frame(
        connection, Opcode::kBinary, bytes, delivery.is_response() ? Why::kAsked : Why::kPushed);
    if (to == nullptr) return;
    write_push_packet(to, delivery.header, delivery.tail);
  }
  context.count(GatewayCounter::kDelivered);
  context.count(GatewayCounter::kPacketsOut);
  context.counters.commands.bytes_out[delivery.head.command_index].add(bytes);
}

}  // namespace ringgate
