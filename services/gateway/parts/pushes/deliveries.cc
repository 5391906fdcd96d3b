#include "services/gateway/parts/pushes/deliveries.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "codec/written.h"
#include "services/gateway/commands.h"
#include "services/gateway/parts/kickout.h"
#include "services/gateway/parts/pushes/channel_list.h"

namespace ringgate {
namespace {

constexpr std::uint32_t kFewReceivers = 8;

constexpr std::size_t kMostMailedBytes = std::size_t{64} * 1024 * 1024;
// Beyond it, in ids, marking a push's channels would itself take milliseconds.
constexpr std::size_t kMostMarkedBytes = std::size_t{512} * 1024;

}  // namespace

// A packet that makes no sense is dropped and counted; a link is never closed over one packet.
HeaderRead Deliveries::read(const Packet& packet, HeaderScan& scan) {
  if (packet.status != PacketStatus::kLogic) return HeaderRead::kBad;
  const HeaderRead read =
      context_.headers.read(packet.header, context_.options.max_link_metas, scan);
  if (read != HeaderRead::kFast && read != HeaderRead::kSlow) return read;
  const auto is_dest = [](const MetaField& meta) {
    return meta.count == 1 && meta.type == MetaType::kString && !meta.value.empty();
  };
  return is_dest(scan.dest_server) && is_dest(scan.dest_channels) ? read : HeaderRead::kBad;
}

void Deliveries::on_link_packet(Connection& connection, ByteView payload) {
  const Packet packet = parse_packet(payload, context_.options.max_link_header_bytes);
  HeaderScan scan;
  const HeaderRead how = read(packet, scan);
  if (how != HeaderRead::kFast && how != HeaderRead::kSlow) {
    context_.count(GatewayCounter::kLinkPacketMalformed);
    return;
  }
  if (scan.dest_server.value != context_.options.gateway_id) {
    context_.count(GatewayCounter::kPushNotForUs);
    return;
  }
  context_.count(GatewayCounter::kPushesIn);
  Delivery delivery;
  delivery.tail = packet.tail;
  const auto& link = *connection.user<const LinkState>();
  if (link.upstream != nullptr) link.upstream->asked = false;  // it is there: ejector.h
  delivery.head.upstream = link.upstream_id;
  delivery.head.sequence = scan.sequence;
  delivery.head.flag = static_cast<std::uint8_t>(std::min<std::uint32_t>(scan.flag, 255));
  delivery.head.is_signin = scan.command == kCommandSignIn ? 1 : 0;
  delivery.head.is_signout = scan.command == kCommandSignOut ? 1 : 0;
  delivery.head.is_rollcall = scan.command == kCommandRollCall ? 1 : 0;
  delivery.head.success = scan.status == 0 ? 1 : 0;
  delivery.head.fault = scan.status == static_cast<std::uint32_t>(Status::kSystemException) ? 1 : 0;
  delivery.head.status = static_cast<std::uint16_t>(std::min<std::uint32_t>(scan.status, 65'535));
  delivery.head.command_index = static_cast<std::uint16_t>(command_index(scan.command));
  delivery.head.received_us = context_.shard.now_us();
  if (!context_.options.slow_consumers.only_closes()) choose_policy(delivery, scan);
  if (!delivery.is_response()) count_push(delivery, scan);
  if (how == HeaderRead::kFast) {
    delivery.header = strip_dest_metas(packet.header, scan);
    spread(delivery, scan.dest_channels.value);
  } else {
    context_.count(GatewayCounter::kPushesSlow);
    // Copies: the rewrite ends the views of the scan, and a delivery may lead to the slow path
    // again (a login's answer releases what its client has sent meanwhile).
    const std::string channels(scan.dest_channels.value);
    const std::string header(as_text(context_.headers.rewrite_for_push()));
    delivery.header.pieces[0] = as_bytes(header);
    delivery.header.bytes = delivery.header.pieces[0].size();
    spread(delivery, channels);
  }
  held_links_.handed_on(connection, fan_outs_.bytes());
}

void Deliveries::count_push(Delivery& delivery, const HeaderScan& scan) {
  count_receivers(scan.dest_channels.value);
  if (delivery.head.command_index != kOtherCommand) [[likely]]
    return;
  OwnCommands& own = context_.counters.own_commands;
  if (own.find(scan.command) == OwnCommands::kRest) [[unlikely]] {
    own.admit(scan.command, context_.counters.services.index_of(Routes::service_of(scan.command)));
  }
  delivery.head.own_command = own.number_of(context_.shard.index(), own.count_push(scan.command));
}

// Answers and kick-outs are never lost.
void Deliveries::choose_policy(Delivery& delivery, const HeaderScan& scan) const {
  if (delivery.is_response() || delivery.is_kickout()) return;
  delivery.head.when_slow = context_.options.slow_consumers.of(Routes::service_of(scan.command));
  delivery.head.command_crc = crc32_ieee(scan.command);
}

void Deliveries::spread(Delivery& delivery, std::string_view channels) {
  const std::uint32_t here = context_.shard.index();
  const std::uint32_t shards = context_.shard.options().shards;
  if (shards == 1) {
    deliver_here(delivery, channels);
    return;
  }
  for_each_channel(channels, [&](std::string_view id) {
    const std::optional<ChannelPlace> place = place_of(id, context_.options.nonce);
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
      mail(to, delivery, list);
    }
    list.clear();
  }
}

void Deliveries::mail(std::uint32_t shard, const Delivery& delivery, std::string_view channels) {
  DeliveryHead head = delivery.head;
  head.channels_bytes = static_cast<std::uint32_t>(channels.size());
  head.header_bytes = static_cast<std::uint32_t>(delivery.header.bytes);
  const std::size_t bytes = channels.size() + delivery.header.bytes + delivery.tail.size();
  // Somebody waits for an answer, and a kick-out must not be missed: a flood of pushes cannot keep
  // them out.
  const bool matters = head.is_signin != 0 || delivery.is_response();
  std::uint8_t* const room = context_.shard.mail(shard, kMailDeliver, head, bytes,
                                                 matters ? Urgency::kControl : Urgency::kData);
  held_links_.mailed(shard, sizeof head + bytes);
  if (room == nullptr) return;  // counted as kMailFull
  std::uint8_t* to = room;
  const auto put = [&to](const void* from, std::size_t size) {
    if (size > 0) std::memcpy(to, from, size);
    to += size;
  };
  put(channels.data(), channels.size());
  for (const ByteView piece : delivery.header.pieces) put(piece.data(), piece.size());
  put(delivery.tail.data(), delivery.tail.size());
  static_cast<void>(written(room, bytes, to));
}

void Deliveries::take(ByteView message) {
  Delivery delivery;
  delivery.head = kMailDeliver.read(message);
  const std::string_view channels = as_text(message.first(delivery.head.channels_bytes));
  message = message.subspan(delivery.head.channels_bytes);
  delivery.header.pieces[0] = message.first(delivery.head.header_bytes);
  delivery.header.bytes = delivery.head.header_bytes;
  delivery.tail = message.subspan(delivery.head.header_bytes);
  deliver_here(delivery, channels);
}

// All of `channels` are of this shard. A large packet for several is encoded once for all of them.
void Deliveries::deliver_here(Delivery& delivery, std::string_view channels) {
  if (delivery.head.is_rollcall != 0) {
    roll_call_.take(delivery);
    return;
  }
  const bool waits = !delivery.is_response() && has_to_wait(delivery, channels);
  if (waits && wait_for_slice(delivery, channels)) return;
  const bool several = are_several(channels);
  if (several) encode_if_large(delivery);
  const std::size_t sends_before = context_.shard.sends_due();
  std::uint32_t receivers = 0;
  for_each_channel(channels, [&](std::string_view id) {
    ++receivers;
    deliver(delivery, id);
  });
  if (several) pace_.spend(receivers, context_.shard.sends_due() - sends_before);
  if (delivery.shared != nullptr) SharedBlock::release(context_.shard.pool(), delivery.shared);
  delivery.shared = nullptr;
  if (!delivery.is_response()) record_push(delivery, receivers);
}

void Deliveries::encode_if_large(Delivery& delivery) {
  if (!is_worth_sharing(delivery)) return;
  SharedBlock* const block = SharedBlock::create(context_.shard.pool(), delivery.bytes());
  if (block != nullptr) write_push_packet(block->data(), delivery.header, delivery.tail);
  delivery.shared = block;
}

// In slices, as it is large or such pushes have had their part of this turn; or behind one that is
// and has a channel in common with it. A kick-out does not wait: its channel ends, and with it what
// waits for that.
bool Deliveries::has_to_wait(const Delivery& delivery, std::string_view channels) {
  if (FanOuts::is_large(channels, delivery.bytes())) return true;
  if (delivery.is_kickout()) return false;
  if (pace_.turn_is_spent() && are_several(channels)) return true;
  if (fan_outs_.empty()) [[likely]]
    return false;
  bool waits = false;
  for_each_channel(channels, [&](std::string_view id) {
    const std::optional<ChannelPlace> place = place_of(id, context_.options.nonce);
    if (place) waits |= fan_outs_.is_marked(place->slot);
  });
  return waits;
}

// False: there is no memory for it, and nothing is left that it would have to wait for.
bool Deliveries::wait_for_slice(const Delivery& delivery, std::string_view channels) {
  context_.count(GatewayCounter::kPushesSliced);
  // Of a link of another shard, which cannot be held: memory is bounded at the price of time.
  while (fan_outs_.bytes() > kMostMailedBytes) work_off_slice();
  if (!fan_outs_.add(delivery, channels)) [[unlikely]] {
    while (!fan_outs_.empty()) work_off_slice();
    return false;
  }
  context_.shard.counters().set(GatewayGauge::kFanOutBytes, fan_outs_.bytes());
  if (channels.size() > kMostMarkedBytes) {
    fan_outs_.mark_all();
    return true;
  }
  for_each_channel(channels, [&](std::string_view id) {
    const std::optional<ChannelPlace> place = place_of(id, context_.options.nonce);
    if (place) fan_outs_.mark(place->slot);
  });
  return true;
}

void Deliveries::work_off_slice_in_time() {
  Shard& shard = context_.shard;
  const bool waited = pace_.waits();
  const std::uint32_t wait_ms = pace_.wait_ms(shard.sends_under_way(), shard.now_ms());
  if (wait_ms == 0) {
    work_off_slice();
    return;
  }
  if (!waited) context_.count(GatewayCounter::kSlicesPaused);
  shard.want_turn(wait_ms);
}

void Deliveries::work_off_slice() {
  Slice slice(context_.shard.sends_due());
  while (!fan_outs_.empty() && slice.has_room(context_.shard.sends_due())) {
    FanOut& one = *fan_outs_.first();
    work_off(one, slice);
    if (!one.channels_left().empty()) continue;
    record_push(one.delivery(), one.receivers);
    fan_outs_.drop_first();
  }
  context_.shard.counters().set(GatewayGauge::kFanOutBytes, fan_outs_.bytes());
  if (!fan_outs_.empty()) context_.shard.want_turn();
}

// To as many of its channels as the slice has room for.
void Deliveries::work_off(FanOut& one, Slice& slice) {
  Delivery delivery = one.delivery();
  if (delivery.shared == nullptr) {
    encode_if_large(delivery);
    one.shared = delivery.shared;
  }
  while (!one.channels_left().empty() && slice.has_room(context_.shard.sends_due())) {
    const std::string_view left = one.channels_left();
    const std::size_t comma = left.find(',');
    const std::string_view id = left.substr(0, comma);
    one.channels_at += static_cast<std::uint32_t>(std::min(left.size(), id.size() + 1));
    if (id.empty()) continue;
    deliver(delivery, id);
    slice.add(delivery.bytes());
    ++one.receivers;
  }
}

void Deliveries::count_receivers(std::string_view channels) {
  context_.shard.counters().record(GatewayDistribution::kPushReceivers, count_channels(channels));
}

// Few receivers take no time that is worth the price of looking at a clock.
void Deliveries::record_push(const Delivery& delivery, std::uint32_t receivers) {
  const std::uint32_t now_us =
      receivers > kFewReceivers ? Clock::monotonic_us() : context_.shard.now_us();
  // This turn may have begun before the one of the shard that read it.
  const auto took_us = static_cast<std::int32_t>(now_us - delivery.head.received_us);
  context_.shard.counters().record(GatewayDistribution::kPush,
                                   static_cast<std::uint32_t>(std::max(took_us, 0)));
}

void Deliveries::deliver(const Delivery& delivery, std::string_view channel_id) {
  const std::optional<ChannelPlace> place = place_of(channel_id, context_.options.nonce);
  const bool response = delivery.is_response();
  // A roll call that is still under way may name the channel, and be done after its sign-out: then
  // the sign-out is said once more.
  if (response && place && delivery.head.is_signout != 0) {
    signouts_.confirmed(place->login, delivery.head.success != 0 && !roll_call_.is_telling());
  }
  std::uint32_t took_us = 0;
  if (response && place) {
    const std::optional<std::uint32_t> answered = forwarding_.answered(delivery.head, *place);
    if (!answered) return;
    took_us = *answered;
  }
  Connection* const connection = place ? find_channel(channel_id, *place) : nullptr;
  if (connection == nullptr) {
    not_here(delivery, channel_id, place);
    return;
  }
  Channel& channel = *channel_of(*connection);
  const bool kickout = delivery.is_kickout();
  channel.kicked_out = channel.kicked_out || kickout;
  if (channel.state == ChannelState::kLoggingIn) {
    logins_.take(*connection, channel, delivery, took_us);
    return;
  }
  if (context_.teller.tells_debug()) [[unlikely]]
    tell(*connection, channel, delivery, took_us);
  if (response) {
    context_.recorder.queued(channel, delivery.bytes());
    write_delivery(context_, *connection, delivery);
  } else {
    push(*connection, channel, delivery);
  }
  if (kickout) end_kicked_out(context_, *connection);
  if (response) forwarding_.end_if_answered(*connection);
}

void Deliveries::tell(const Connection& connection, const Channel& channel,
                      const Delivery& delivery, std::uint32_t took_us) {
  const bool response = delivery.is_response();
  context_.teller.tell(connection, channel,
                       {.event = response ? LogEvent::kAnswered : LogEvent::kPushed,
                        .command = kKnownCommands[delivery.head.command_index],
                        .bytes = static_cast<std::uint32_t>(delivery.bytes()),
                        .took_us = took_us,
                        .upstream = delivery.head.upstream,
                        .good = !response || delivery.head.success != 0});
}

void Deliveries::push(Connection& connection, Channel& channel, const Delivery& delivery) {
  if (delivery.head.when_slow != SlowConsumer::kClose &&
      held_pushes_.take(connection, channel, delivery)) {
    return;
  }
  Recorder& recorder = context_.recorder;
  if (delivery.is_kickout()) {
    recorder.add(channel, {EventKind::kKicked, EventWhy::kByNewerLogin, 0, delivery.head.upstream});
  }
  recorder.will_push(push_event(EventKind::kPushed, delivery));
  write_delivery(context_, connection, delivery);
  if (connection.open()) {
    recorder.pushed(connection, channel);
  } else {
    recorder.will_push({});  // the end has told of it
  }
}

// A service that takes roll calls believes that somebody is there who is not: it is told once more.
void Deliveries::not_here(const Delivery& delivery, std::string_view channel_id,
                          const std::optional<ChannelPlace>& place) {
  if (delivery.head.is_signout != 0) return;
  context_.count(GatewayCounter::kPushToGoneChannel);
  if (place) {
    context_.recorder.pushed_to_gone(channel_id, place->login,
                                     push_event(EventKind::kPushToGone, delivery));
  }
  const bool is_push = delivery.head.flag == static_cast<std::uint8_t>(Flag::kPush);
  if (!place || !is_push || delivery.is_kickout()) return;
  const Upstream* const upstream = context_.upstreams.find(delivery.head.upstream);
  if (upstream != nullptr && upstream->takes_roll_calls) signouts_.gone(channel_id, place->login);
}

Connection* Deliveries::find_channel(std::string_view channel_id, const ChannelPlace& place) {
  Connection* const connection = context_.shard.at(place.slot);
  if (connection == nullptr || !connection->open()) return nullptr;
  const Channel* const channel = channel_of(*connection);
  return channel != nullptr && channel->id() == channel_id ? connection : nullptr;
}

}  // namespace ringgate
