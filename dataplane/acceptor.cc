#include "dataplane/acceptor.h"

#include <algorithm>

namespace ringgate {
namespace {

// The slot of an accept's tag: which listener, and which of its accepts.
std::uint64_t accept_tag(std::uint32_t listener, std::uint32_t accept_index) {
  return OpTag{OpKind::kAccept, listener * Acceptor::kArmed + accept_index, 0}.pack();
}

}  // namespace

void Acceptor::start(Ring* ring, AcceptMode mode, std::span<Listener> listeners,
                     std::uint32_t shard, std::uint32_t max) {
  mode_ = mode;
  if (mode_ == AcceptMode::kNone) return;
  listeners_ = listeners;
  shard_ = shard;
  max_ = max;
  doors_.resize(listeners.size());
  for (Door& door : doors_) door.open = true;
  Counters unused;
  arm(ring, max, unused);
}

Acceptor::Accepted Acceptor::completed(OpTag tag) {
  const std::uint32_t listener = tag.slot / kArmed;
  Door& door = doors_[listener];
  Accept& accept = door.accepts[tag.slot % kArmed];
  accept.armed = false;
  --door.armed;
  --armed_;
  return {listener, accept.address};
}

void Acceptor::arm(Ring* ring, std::uint32_t room, Counters& counters) {
  const auto count = static_cast<std::uint32_t>(doors_.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    Door& door = doors_[i];
    if (stopping_) {
      if (door.armed == 0 && door.open) {
        listeners_[i].sockets.close_one(shard_);
        door.open = false;
      }
      continue;
    }
    if (!keep_open(i, room, counters)) continue;
    // Its share; what others have armed beyond theirs is taken off until it is used up.
    const std::uint32_t share = room / count + (i < room % count ? 1 : 0);
    for (std::uint32_t a = 0; a < kArmed && door.armed < share && armed_ < room; ++a) {
      if (!door.accepts[a].armed) arm_one(ring, i, a);
    }
  }
}

// Opens and closes the listener by what room there is; whether it is open.
bool Acceptor::keep_open(std::uint32_t index, std::uint32_t room, Counters& counters) {
  Door& door = doors_[index];
  ListenerSet& sockets = listeners_[index].sockets;
  if (!door.open) {
    if (room < max_ / 20 + 1) return false;         // reopens at 95 %
    if (!sockets.reopen_one(shard_)) return false;  // tried again at the next call
    door.open = true;
  } else if (door.armed == 0 && armed_ >= room) {
    sockets.close_one(shard_);
    door.open = false;
    counters.add(Counter::kListenerClosed);
  }
  return door.open;
}

void Acceptor::arm_one(Ring* ring, std::uint32_t index, std::uint32_t accept_index) {
  Door& door = doors_[index];
  Accept& accept = door.accepts[accept_index];
  accept.address_bytes = sizeof accept.address;
  accept.armed = true;
  ++door.armed;
  ++armed_;
  const int fd = listeners_[index].sockets.fd(shard_);
  const std::uint64_t tag = accept_tag(index, accept_index);
  if (mode_ == AcceptMode::kDirect) {
    ring->accept_direct(fd, &accept.address, &accept.address_bytes, tag);
  } else {
    ring->accept(fd, &accept.address, &accept.address_bytes, tag);
  }
}

void Acceptor::stop(Ring* ring) {
  if (mode_ == AcceptMode::kNone || stopping_) return;
  stopping_ = true;
  for (std::uint32_t i = 0; i < doors_.size(); ++i) {
    for (std::uint32_t a = 0; a < kArmed; ++a) {
      if (!doors_[i].accepts[a].armed) continue;
      ring->cancel(accept_tag(i, a), OpTag{OpKind::kCancel, 0xFFFFFF, 0}.pack());
    }
  }
  Counters unused;
  arm(ring, 0, unused);
}

}  // namespace ringgate
