#include "services/logic/outbox.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "dataplane/check.h"
#include "services/logic/counters.h"
#include "services/logic/mail.h"

namespace ringgate {

bool Outbox::fits(const OutgoingHeader& header, std::size_t body_bytes) const noexcept {
  const RoleLimits& bounds = shard_.options().limits[index_of(Role::kLink)];
  return packet_bytes(header, body_bytes) <= bounds.max_frame_bytes;
}

bool Outbox::send(std::string_view gateway_id, ConnectionHandle preferred,
                  const OutgoingHeader& header, ByteView body) {
  if (!fits(header, body.size())) {  // the gateway would close the link, which is everybody's
    shard_.counters().add(LogicCounter::kLinkFrameTooLong);
    return false;
  }
  const std::size_t bytes = framed_packet_bytes(header, body.size());
  Connection* connection = shard_.find(preferred);
  if (connection != nullptr && connection->open()) return write(*connection, header, body, bytes);

  const Gateway* const gateway = links_.find(gateway_id);
  if (gateway == nullptr) {
    shard_.counters().add(LogicCounter::kNoGateway);
    return false;
  }
  connection = open_link(*gateway);
  return connection != nullptr ? write(*connection, header, body, bytes)
                               : mail(*gateway, header, body, bytes);
}

// Always the same one while it lives, so that pushes to a channel keep their order.
Connection* Outbox::open_link(const Gateway& gateway) {
  for (const auto& link : gateway.here) {
    Connection* const connection = shard_.find(link->connection);
    if (connection != nullptr && connection->open()) return connection;
  }
  return nullptr;
}

bool Outbox::write(Connection& connection, const OutgoingHeader& header, ByteView body,
                   std::size_t bytes) {
  std::uint8_t* const to = shard_.reserve(connection, bytes);
  if (to == nullptr) {
    shard_.counters().add(LogicCounter::kGatewayQueueFull);
    return false;
  }
  write_framed_packet(to, header, body);
  shard_.counters().add(LogicCounter::kPacketsOut);
  return true;
}

bool Outbox::mail(const Gateway& gateway, const OutgoingHeader& header, ByteView body,
                  std::size_t bytes) {
  if (gateway.elsewhere.empty()) {
    shard_.counters().add(LogicCounter::kNoGateway);
    return false;
  }
  const auto id_bytes = static_cast<std::uint32_t>(gateway.id.size());
  std::uint8_t* const to = shard_.mail(gateway.elsewhere.front().shard, kMailToGateway,
                                       ToGatewayHead{id_bytes}, id_bytes + bytes);
  if (to == nullptr) return false;  // counted by the shard
  std::copy_n(gateway.id.data(), id_bytes, to);
  write_framed_packet(to + id_bytes, header, body);
  return true;
}

void Outbox::on_mail(ByteView message) {
  const std::uint32_t id_bytes = kMailToGateway.read(message).id_bytes;
  RINGGATE_CHECK(message.size() >= id_bytes);
  const Gateway* const gateway = links_.find(as_text(message.first(id_bytes)));
  const ByteView packet = message.subspan(id_bytes);
  Connection* const connection = gateway != nullptr ? open_link(*gateway) : nullptr;
  if (connection == nullptr) {
    shard_.counters().add(LogicCounter::kNoGateway);
    return;
  }
  std::uint8_t* const to = shard_.reserve(*connection, packet.size());
  if (to == nullptr) {
    shard_.counters().add(LogicCounter::kGatewayQueueFull);
    return;
  }
  std::memcpy(to, packet.data(), packet.size());
  shard_.counters().add(LogicCounter::kPacketsOut);
}

void Outbox::push(std::span<const Location> receivers, std::string_view except,
                  const OutgoingHeader& header, ByteView body) {
  sorted_.clear();
  for (const Location& receiver : receivers) {
    if (receiver.channel_id != except) sorted_.push_back(&receiver);
  }
  // Those of a gateway in the order given, which is that of their addresses: a stable sort would
  // allocate.
  std::ranges::sort(sorted_, [](const Location* one, const Location* other) {
    const int order = one->gateway_id.compare(other->gateway_id);
    return order != 0 ? order < 0 : std::less<>()(one, other);
  });
  OutgoingHeader outgoing = header;
  for (std::size_t i = 0; i < sorted_.size();) {
    const std::string& gateway_id = sorted_[i]->gateway_id;
    channels_ = sorted_[i++]->channel_id;
    while (i < sorted_.size() && sorted_[i]->gateway_id == gateway_id &&
           channels_.size() < kMaxDestChannelsBytes) {
      channels_.append(",").append(sorted_[i++]->channel_id);
    }
    outgoing.dest_server = gateway_id;
    outgoing.dest_channels = channels_;
    send(gateway_id, ConnectionHandle{}, outgoing, body);
  }
}

}  // namespace ringgate
