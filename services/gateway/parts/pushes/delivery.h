// A packet from a service on its way to channels: written straight from where it was received.
//
// On one shard's thread, within one call: its views are of a receive buffer or of mail.
#pragma once

#include "services/gateway/mail.h"
#include "services/gateway/parts/context.h"

namespace ringgate {

struct Delivery {
  DeliveryHead head;
  PushHeader header;
  ByteView tail;                  // body_length and body
  SharedBlock* shared = nullptr;  // the same bytes, encoded once, when several receive them

  [[nodiscard]] std::size_t bytes() const noexcept { return push_packet_bytes(header, tail); }
  [[nodiscard]] bool is_response() const noexcept {
    return head.flag == static_cast<std::uint8_t>(Flag::kResponse);
  }
  [[nodiscard]] bool is_kickout() const noexcept { return head.is_signin != 0 && !is_response(); }
};

// Whether a packet for several is encoded once for all of them: up to 1 KiB a copy for each costs
// no more than a piece of a gather.
[[nodiscard]] inline bool is_worth_sharing(const Delivery& delivery) noexcept {
  constexpr std::size_t kCopyBytes = 1024;
  return delivery.bytes() > kCopyBytes;
}

// What the flight recorder keeps of a push.
[[nodiscard]] Event push_event(EventKind kind, const Delivery& delivery) noexcept;

// Into the connection's queue, in a frame of its transport. A full queue closes the connection.
void write_delivery(GatewayContext& context, Connection& connection, const Delivery& delivery);

}  // namespace ringgate
