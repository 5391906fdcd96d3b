// Gateway: packets from services to channels. A channel's id says on which shard it is.
#include <cstring>
#include <new>

#include "services/gateway/handler.h"

namespace ringgate {
namespace {

// Up to this a copy per receiver costs no more than a piece of a gather.
constexpr std::size_t kCopyBytes = 1024;

template <class Use>
void for_each_channel(std::string_view channels, Use&& use) {
  while (!channels.empty()) {
    const std::size_t comma = channels.find(',');
    const std::string_view one = channels.substr(0, comma);
    if (!one.empty()) use(one);
    if (comma == std::string_view::npos) return;
    channels.remove_prefix(comma + 1);
  }
}

}  // namespace

// A packet that makes no sense is dropped and counted; a link is never closed over one packet.
void GatewayHandler::on_link_packet(Connection& connection, ByteView payload) {
  const Packet packet = parse_packet(payload, context_->options.max_link_header_bytes);
  HeaderScan scan;
  const HeaderRead read =
      packet.status == PacketStatus::kLogic
          ? context_->headers.read(packet.header, context_->options.max_link_metas, scan)
          : HeaderRead::kBad;
  const auto is_dest = [](const MetaField& meta) {
    return meta.count == 1 && meta.type == MetaType::kString && !meta.value.empty();
  };
  if (read == HeaderRead::kBad || read == HeaderRead::kTooManyMetas || !is_dest(scan.dest_server) ||
      !is_dest(scan.dest_channels)) {
    context_->count(Counter::kLinkPacketMalformed);
    return;
  }
  if (scan.dest_server.value != context_->options.gateway_id) {
    context_->count(Counter::kPushNotForUs);
    return;
  }
  context_->count(Counter::kPushesIn);
  Delivery delivery;
  delivery.tail = packet.tail;
  const auto& link = *static_cast<const LinkState*>(connection.user);
  if (link.upstream != nullptr) link.upstream->asked = false;  // it is there: eject.cc
  delivery.head.upstream = link.upstream_id;
  delivery.head.sequence = scan.sequence;
  delivery.head.flag = static_cast<std::uint8_t>(std::min<std::uint32_t>(scan.flag, 255));
  delivery.head.is_signin = scan.command == kCommandSignIn ? 1 : 0;
  delivery.head.is_signout = scan.command == kCommandSignOut ? 1 : 0;
  delivery.head.success = scan.status == 0 ? 1 : 0;
  delivery.head.fault = scan.status == static_cast<std::uint32_t>(Status::kSystemException) ? 1 : 0;
  delivery.head.command_index = static_cast<std::uint32_t>(command_index(scan.command));
  if (read == HeaderRead::kFast) {
    delivery.header = strip_dest_metas(packet.header, scan);
    spread(delivery, scan.dest_channels.value);
    return;
  }
  context_->count(Counter::kPushesSlow);
  // Copies: the rewrite ends the views of the scan, and a delivery may lead to the slow path again
  // (a login's answer releases what its client has sent meanwhile).
  const std::string channels(scan.dest_channels.value);
  const std::string header(as_text(context_->headers.rewrite_for_push()));
  delivery.header.pieces[0] = as_bytes(header);
  delivery.header.bytes = delivery.header.pieces[0].size();
  spread(delivery, channels);
}

void GatewayHandler::spread(Delivery& delivery, std::string_view channels) {
  const std::uint32_t here = context_->shard.index();
  const std::uint32_t shards = context_->shard.options().shards;
  if (shards == 1) {
    deliver_here(delivery, channels);
    return;
  }
  for_each_channel(channels, [&](std::string_view id) {
    const std::optional<ChannelPlace> place = place_of(id, context_->options.nonce);
    const std::uint32_t to = place && place->shard < shards ? place->shard : here;
    std::string& list = shard_channels_[to];
    if (!list.empty()) list.push_back(',');
    list.append(id);
  });
  for (std::uint32_t to = 0; to < shards; ++to) {
    std::string& list = shard_channels_[to];
    if (list.empty()) continue;
    if (to == here) {
      deliver_here(delivery, list);
    } else {
      mail_delivery(to, delivery, list);
    }
    list.clear();
  }
}

void GatewayHandler::mail_delivery(std::uint32_t shard, const Delivery& delivery,
                                   std::string_view channels) {
  DeliveryHead head = delivery.head;
  head.channels_bytes = static_cast<std::uint32_t>(channels.size());
  head.header_bytes = static_cast<std::uint32_t>(delivery.header.bytes);
  const std::size_t bytes =
      sizeof head + channels.size() + delivery.header.bytes + delivery.tail.size();
  // Somebody waits for an answer, and a kick-out must not be missed: a flood of pushes cannot keep
  // them out.
  const bool matters =
      head.is_signin != 0 || head.flag == static_cast<std::uint8_t>(Flag::kResponse);
  std::uint8_t* to = context_->shard.mail(shard, kMailDeliver, bytes,
                                          matters ? Urgency::kControl : Urgency::kData);
  if (to == nullptr) return;  // counted as kMailFull
  const auto put = [&to](const void* from, std::size_t size) {
    if (size > 0) std::memcpy(to, from, size);
    to += size;
  };
  put(&head, sizeof head);
  put(channels.data(), channels.size());
  for (const ByteView piece : delivery.header.pieces) put(piece.data(), piece.size());
  put(delivery.tail.data(), delivery.tail.size());
}

void GatewayHandler::take_delivery(ByteView message) {
  Delivery delivery;
  delivery.head = read_mail<DeliveryHead>(message);
  message = message.subspan(sizeof delivery.head);
  const std::string_view channels = as_text(message.first(delivery.head.channels_bytes));
  message = message.subspan(delivery.head.channels_bytes);
  delivery.header.pieces[0] = message.first(delivery.head.header_bytes);
  delivery.header.bytes = delivery.head.header_bytes;
  delivery.tail = message.subspan(delivery.head.header_bytes);
  deliver_here(delivery, channels);
}

// All of `channels` are of this shard. A large packet for several is encoded once for all of them.
void GatewayHandler::deliver_here(Delivery& delivery, std::string_view channels) {
  const std::size_t bytes = delivery.bytes();
  if (bytes > kCopyBytes && channels.find(',') != std::string_view::npos) {
    delivery.shared = SharedBlock::create(context_->shard.pool(), bytes);
    write_push_packet(delivery.shared->data(), delivery.header, delivery.tail);
  }
  for_each_channel(channels, [&](std::string_view id) { deliver(delivery, id); });
  if (delivery.shared != nullptr) SharedBlock::release(context_->shard.pool(), delivery.shared);
  delivery.shared = nullptr;
}

void GatewayHandler::deliver(const Delivery& delivery, std::string_view channel_id) {
  const std::optional<ChannelPlace> place = place_of(channel_id, context_->options.nonce);
  const bool response = delivery.head.flag == static_cast<std::uint8_t>(Flag::kResponse);
  if (response && place && !retire_request(delivery, *place)) return;
  Connection* const connection = place ? find_channel(channel_id, *place) : nullptr;
  if (connection == nullptr) {
    if (delivery.head.is_signout == 0) context_->count(Counter::kPushToGoneChannel);
    return;
  }
  Channel& channel = *channel_of(*connection);
  const bool kickout = delivery.head.is_signin != 0 && !response;
  channel.kicked_out = channel.kicked_out || kickout;
  if (channel.state == ChannelState::kLoggingIn) {
    if (response && delivery.head.is_signin != 0 &&
        delivery.head.sequence == channel.login_sequence) {
      login_answered(*connection, channel, delivery);
    } else {
      keep_waiting(*connection, channel, delivery);
    }
    return;
  }
  write_delivery(*connection, delivery);
  if (kickout) context_->shard.finish(*connection, CloseReason::kKickedOut);
  if (response) end_if_answered(*connection);
}

// False: the request has been answered already (300 after a timeout), and the client would take a
// second answer for something else.
bool GatewayHandler::retire_request(const Delivery& delivery, const ChannelPlace& place) {
  Upstream* const upstream = context_->upstreams.find(delivery.head.upstream);
  if (upstream != nullptr) {
    upstream->given_up = 0;
    upstream->answered_ms = context_->shard.now_ms();
  }
  if (upstream != nullptr && upstream->outstanding.retire(place.login, delivery.head.sequence)) {
    context_->count(Counter::kAnswered);
    context_->shard.counters().change(Gauge::kOutstanding, -1);
    one_less_outstanding(place.slot, place.login);
    return true;
  }
  if (delivery.head.is_signout == 0) context_->count(Counter::kAnswerLate);
  return false;
}

Connection* GatewayHandler::find_channel(std::string_view channel_id, const ChannelPlace& place) {
  Connection* const connection = context_->shard.at(place.slot);
  if (connection == nullptr || !connection->open()) return nullptr;
  const Channel* const channel = channel_of(*connection);
  return channel != nullptr && channel->id() == channel_id ? connection : nullptr;
}

void GatewayHandler::write_delivery(Connection& connection, const Delivery& delivery) {
  const std::size_t bytes = delivery.bytes();
  if (delivery.shared != nullptr) {
    std::array<std::uint8_t, kMaxFrameHeadBytes> head;
    const std::uint8_t* const end =
        write_frame_head(head.data(), connection.transport, Opcode::kBinary, bytes);
    if (!context_->shard.append_shared(connection, {head.data(), end}, delivery.shared)) return;
  } else {
    std::uint8_t* const to = context_->shard.reserve_frame(connection, Opcode::kBinary, bytes);
    if (to == nullptr) return;
    write_push_packet(to, delivery.header, delivery.tail);
  }
  context_->count(Counter::kDelivered);
  context_->count(Counter::kPacketsOut);
  counters_.commands.bytes_out[delivery.head.command_index].add(bytes);
}

// A push for a channel whose login is not answered yet.
void GatewayHandler::keep_waiting(Connection& connection, Channel& channel,
                                  const Delivery& delivery) {
  BlockPool& pool = context_->shard.pool();
  if (channel.waiting == nullptr) {
    channel.waiting = new (pool.take(sizeof(Carry)).data) Carry;
  }
  const std::size_t payload_bytes = delivery.bytes();
  const std::size_t bytes = frame_head_bytes(connection.transport, payload_bytes) + payload_bytes;
  if (channel.waiting->size + bytes > context_->options.max_waiting_push_bytes) {
    context_->shard.abort(connection, CloseReason::kSlowConsumer);
    return;
  }
  const Block framed = pool.take(bytes);
  std::uint8_t* const to =
      write_frame_head(framed.data, connection.transport, Opcode::kBinary, payload_bytes);
  write_push_packet(to, delivery.header, delivery.tail);
  channel.waiting->append(pool, {framed.data, bytes});
  pool.give(framed);
}

void GatewayHandler::flush_waiting(Connection& connection, Channel& channel) {
  if (channel.waiting == nullptr || channel.waiting->size == 0) return;
  const ByteView frames = channel.waiting->view();
  std::uint8_t* const to = context_->shard.reserve(connection, frames.size());
  if (to == nullptr) return;  // the connection is closed, and the channel with it
  std::memcpy(to, frames.data(), frames.size());
  channel.waiting->clear(context_->shard.pool());
}

}  // namespace ringgate
