#include "services/gateway/parts/pushes/held_pushes.h"

#include <limits>
#include <new>
#include <utility>
#include <vector>

#include "codec/dropped_meta.h"
#include "codec/packet.h"

namespace ringgate {

// A packet without its frame, encoded: shared with other receivers where it is large.
struct HeldPushes::Push {
  Push* next = nullptr;
  SharedBlock* packet = nullptr;
  std::uint32_t command_crc = 0;
  std::uint32_t upstream = 0;
  std::uint16_t own_command = 0;
  std::uint8_t command_index = 0;

  [[nodiscard]] std::size_t held_bytes() const noexcept { return sizeof(Push) + packet->bytes; }
  [[nodiscard]] ByteView view() const noexcept { return {packet->data(), packet->bytes}; }
};

HeldPushes::~HeldPushes() {
  for (auto& [slot, held] : held_) {
    while (Push* const push = take_first(held)) free(push);
  }
}

std::size_t HeldPushes::most_bytes() const noexcept {
  return context_.shard.options().limits[index_of(Role::kClient)].max_queued_bytes / 2;
}

bool HeldPushes::take(Connection& connection, Channel& channel, const Delivery& delivery) {
  auto found = held_.find(connection.slot);
  if (found == held_.end()) {
    const SendQueue& queue = connection.output;
    if (queue.empty() || queue.queued_bytes() < most_bytes()) return false;
    found = held_.try_emplace(connection.slot).first;
  }
  Held& held = found->second;
  const std::size_t before = held.bytes;
  context_.recorder.will_push(push_event(EventKind::kPushed, delivery));
  context_.recorder.pushed(connection, channel);
  context_.shard.tell_when_sent(connection);
  if (delivery.head.when_slow == SlowConsumer::kNewestOnly) {
    // More than one where the policy was another when they came.
    while (Push* const older = take_of_command(held, delivery.head.command_crc)) {
      drop(held, channel, older);
    }
  }
  Push* const push = make(delivery);
  if (push == nullptr) {
    count_bytes(before, held.bytes);
    context_.shard.abort(connection, CloseReason::kNoMemory);  // and what is held goes with it
    return true;
  }
  add(held, push);
  while (held.bytes > most_bytes() && held.first != held.last) {
    drop(held, channel, take_first(held));
  }
  count_bytes(before, held.bytes);
  if (connection.output.empty()) release(connection, channel);  // it had only to be told
  return true;
}

bool HeldPushes::release(Connection& connection, Channel& channel) {
  const auto found = held_.find(connection.slot);
  if (found == held_.end() || found->second.first == nullptr) return false;
  Held held = found->second;
  held_.erase(found);
  count_bytes(held.bytes, 0);
  while (Push* const push = take_first(held)) {
    // A queue that turns out to be full ends the connection, and the channel.
    if (connection.open()) {
      write(connection, *push, std::exchange(held.dropped, 0));
    } else {
      context_.count(GatewayCounter::kPushesDropped);
    }
    free(push);
  }
  if (connection.open() && channel.recorded) context_.shard.tell_when_sent(connection);
  return true;
}

void HeldPushes::release_all() {
  std::vector<std::uint32_t> slots;
  slots.reserve(held_.size());
  for (const auto& [slot, held] : held_) slots.push_back(slot);
  for (const std::uint32_t slot : slots) {
    Connection* const connection = context_.shard.at(slot);
    Channel* const channel = connection != nullptr ? channel_of(*connection) : nullptr;
    if (channel == nullptr) continue;
    drop_what_has_no_room(*connection, *channel, held_.at(slot));
    release(*connection, *channel);
  }
}

void HeldPushes::ended(const Connection& connection) {
  if (held_.empty()) [[likely]]
    return;
  const auto found = held_.find(connection.slot);
  if (found == held_.end()) return;
  Held held = found->second;
  held_.erase(found);
  count_bytes(held.bytes, 0);
  while (Push* const push = take_first(held)) {
    context_.count(GatewayCounter::kPushesDropped);
    free(push);
  }
}

// Null: there is no memory for it.
HeldPushes::Push* HeldPushes::make(const Delivery& delivery) {
  SharedBlock* packet = delivery.shared;
  if (packet == nullptr) packet = SharedBlock::create(pool_, delivery.bytes());
  if (packet == nullptr) return nullptr;
  if (delivery.shared == nullptr) {
    write_push_packet(packet->data(), delivery.header, delivery.tail);
  } else {
    ++packet->references;
  }
  const Block block = pool_.try_take(sizeof(Push));
  if (block.data == nullptr) {
    SharedBlock::release(pool_, packet);
    return nullptr;
  }
  auto* const push = new (block.data) Push;
  push->packet = packet;
  push->command_crc = delivery.head.command_crc;
  push->upstream = delivery.head.upstream;
  push->command_index = static_cast<std::uint8_t>(delivery.head.command_index);
  push->own_command = delivery.head.own_command;
  return push;
}

void HeldPushes::free(Push* push) noexcept {
  SharedBlock::release(pool_, push->packet);
  pool_.give({reinterpret_cast<std::uint8_t*>(push), BlockPool::capacity_of(sizeof(Push))});
}

void HeldPushes::add(Held& held, Push* push) noexcept {
  if (held.last == nullptr) {
    held.first = push;
  } else {
    held.last->next = push;
  }
  held.last = push;
  held.bytes += push->held_bytes();
}

HeldPushes::Push* HeldPushes::take_first(Held& held) noexcept {
  Push* const first = held.first;
  if (first == nullptr) return nullptr;
  held.first = std::exchange(first->next, nullptr);
  if (held.first == nullptr) held.last = nullptr;
  held.bytes -= first->held_bytes();
  return first;
}

HeldPushes::Push* HeldPushes::take_of_command(Held& held, std::uint32_t command_crc) noexcept {
  Push* before = nullptr;
  for (Push* push = held.first; push != nullptr; before = std::exchange(push, push->next)) {
    if (push->command_crc != command_crc) continue;
    if (before == nullptr) return take_first(held);
    before->next = std::exchange(push->next, nullptr);
    if (held.last == push) held.last = before;
    held.bytes -= push->held_bytes();
    return push;
  }
  return nullptr;
}

void HeldPushes::drop(Held& held, Channel& channel, Push* push) {
  if (held.dropped != std::numeric_limits<std::uint32_t>::max()) ++held.dropped;
  context_.count(GatewayCounter::kPushesDropped);
  context_.recorder.add(channel, {EventKind::kPushDropped, push->command_index,
                                  static_cast<std::uint32_t>(push->packet->bytes), push->upstream,
                                  push->own_command});
  free(push);
}

// A queue may become full by the last of them, but must not be full before.
void HeldPushes::drop_what_has_no_room(const Connection& connection, Channel& channel, Held& held) {
  const std::size_t before = held.bytes;
  const std::size_t most = 2 * most_bytes();
  const std::size_t queued = connection.output.bytes_beside_a_long_one();
  while (held.first != nullptr && queued + held.bytes - held.last->held_bytes() >= most) {
    drop(held, channel, take_first(held));
  }
  count_bytes(before, held.bytes);
}

void HeldPushes::write(Connection& connection, const Push& push, std::uint32_t dropped) {
  Delivery delivery;
  delivery.head.flag = static_cast<std::uint8_t>(Flag::kPush);
  delivery.head.command_index = push.command_index;
  delivery.head.own_command = push.own_command;
  const Packet packet = parse_packet(push.view(), push.packet->bytes);
  delivery.header.pieces[0] = packet.header;
  delivery.header.bytes = packet.header.size();
  delivery.tail = packet.tail;
  const DroppedMeta meta(dropped);
  if (dropped != 0) {
    delivery.header.pieces[1] = meta.field();
    delivery.header.bytes += meta.field().size();
  } else if (is_worth_sharing(delivery)) {
    delivery.shared = push.packet;
  }
  write_delivery(context_, connection, delivery);
}

void HeldPushes::count_bytes(std::size_t before, std::size_t now) noexcept {
  bytes_ = bytes_ - before + now;
  context_.shard.counters().set(GatewayGauge::kHeldPushBytes, bytes_);
}

}  // namespace ringgate
