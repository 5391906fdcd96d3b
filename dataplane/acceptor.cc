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
                     std::uint32_t shard, std::uint32_t max, const Room& room,
                     const SendBounds& bounds) {
  mode_ = mode;
  if (mode_ == AcceptMode::kNone) return;
  listeners_ = listeners;
  shard_ = shard;
  max_ = max;
  doors_.resize(listeners.size());
  for (Door& door : doors_) door.open = true;
  set_bounds(bounds);
  arm(ring, room);
}

void Acceptor::set_bounds(const SendBounds& bounds) {
  bounds_ = bounds;
  if (mode_ != AcceptMode::kDirect || stopping_) return;
  for (std::size_t i = 0; i < doors_.size(); ++i) {
    if (doors_[i].open) listeners_[i].sockets.set_send_bounds(shard_, bounds);
  }
}

Acceptor::Accepted Acceptor::completed(OpTag tag) {
  const std::uint32_t listener = tag.slot / kArmed;
  Door& door = doors_[listener];
  Accept& accept = door.accepts[tag.slot % kArmed];
  accept.armed = false;
  if (accept.cancelled) --door.cancelled;
  accept.cancelled = false;
  --door.armed;
  --armed_;
  return {listener, accept.address};
}

void Acceptor::arm(Ring* ring, const Room& room) {
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
    const std::uint32_t clients = room.clients;
    const std::uint32_t share = share_of(i, clients);
    const std::uint32_t wanted = listeners_[i].tls ? std::min(share, room.handshakes) : share;
    cancel_above(ring, i, wanted);
    if (!keep_open(i, share, clients)) continue;
    // Of what may be accepted by now each has a part, and one at least: nobody comes through one
    // that waits for what the others have armed.
    const std::uint32_t paced =
        room.accepts == 0 ? 0 : std::min(wanted, std::max(share_of(i, room.accepts), 1U));
    // What others still have armed beyond their share comes with the completions of its cancels.
    for (std::uint32_t a = 0; a < kArmed && door.armed < paced && armed_ < clients; ++a) {
      if (!door.accepts[a].armed) arm_one(ring, i, a);
    }
  }
}

std::uint32_t Acceptor::share_of(std::uint32_t index, std::uint32_t room) const noexcept {
  const auto count = static_cast<std::uint32_t>(doors_.size());
  return room / count + (index < room % count ? 1 : 0);
}

// A place that is on its way to be free again is worth a moment in the backlog.
void Acceptor::sweep(Ring* ring, const Room& room, Counters& counters) {
  arm(ring, room);
  for (std::uint32_t i = 0; i < doors_.size() && !stopping_; ++i) {
    Door& door = doors_[i];
    const bool is_full = share_of(i, room.clients) == 0 && door.armed == 0;
    if (door.open && is_full && door.was_full) {
      listeners_[i].sockets.leave_one(shard_);
      door.open = false;
      counters.add(Counter::kListenerClosed);
    }
    door.was_full = is_full;
  }
}

// Opens the listener again when there is room; whether it is open.
bool Acceptor::keep_open(std::uint32_t index, std::uint32_t share, std::uint32_t room) {
  Door& door = doors_[index];
  ListenerSet& sockets = listeners_[index].sockets;
  if (!door.open) {
    if (share == 0 || room < max_ / 20 + 1) return false;  // reopens at 95 %
    if (!sockets.reopen_one(shard_)) return false;         // tried again at the next call
    sockets.set_send_bounds(shard_, bounds_);
    door.open = true;
  }
  return true;
}

std::uint32_t Acceptor::closed() const noexcept {
  if (stopping_) return 0;
  return static_cast<std::uint32_t>(std::ranges::count(doors_, false, &Door::open));
}

void Acceptor::cancel_above(Ring* ring, std::uint32_t index, std::uint32_t share) {
  Door& door = doors_[index];
  for (std::uint32_t a = 0; a < kArmed && door.armed - door.cancelled > share; ++a) {
    Accept& accept = door.accepts[a];
    if (!accept.armed || accept.cancelled) continue;
    accept.cancelled = true;
    ++door.cancelled;
    ring->cancel(accept_tag(index, a), OpTag{OpKind::kCancel, 0xFFFFFF, 0}.pack());
  }
}

void Acceptor::arm_one(Ring* ring, std::uint32_t index, std::uint32_t accept_index) {
  Door& door = doors_[index];
  Accept& accept = door.accepts[accept_index];
  accept.address_bytes = sizeof accept.address;
  accept.armed = true;
  ++door.armed;
  ++armed_;
  const int fd = listeners_[index].sockets.fd(shard_, accept_index);
  const std::uint64_t tag = accept_tag(index, accept_index);
  if (mode_ == AcceptMode::kDirect) {
    ring->accept_direct(fd, &accept.address, &accept.address_bytes, tag);
  } else {
    ring->accept(fd, &accept.address, &accept.address_bytes, tag);
  }
}

void Acceptor::stop(Ring* ring) {
  if (stopping_) return;
  stopping_ = true;  // before start() too: it never begins then
  for (std::uint32_t i = 0; i < doors_.size(); ++i) cancel_above(ring, i, 0);
  arm(ring, Room{0, 0, 0});
}

}  // namespace ringgate
