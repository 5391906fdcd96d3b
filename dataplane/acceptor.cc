#include "dataplane/acceptor.h"

namespace ringgate {
namespace {

std::uint64_t accept_tag(std::uint32_t accept_index) {
  return OpTag{OpKind::kAccept, accept_index, 0}.pack();
}

}  // namespace

void Acceptor::start(Ring* ring, AcceptMode mode, ListenerSet* listeners, std::uint32_t index,
                     std::uint32_t room) {
  mode_ = mode;
  listeners_ = listeners;
  index_ = index;
  if (mode_ == AcceptMode::kNone) return;
  open_ = true;
  Counters unused;
  arm(ring, room, room, unused);
}

const sockaddr_storage& Acceptor::completed(std::uint32_t accept_index) {
  Accept& accept = accepts_[accept_index];
  accept.armed = false;
  --armed_;
  return accept.address;
}

void Acceptor::arm(Ring* ring, std::uint32_t room, std::uint32_t max, Counters& counters) {
  if (mode_ == AcceptMode::kNone) return;
  if (stopping_) {
    if (armed_ == 0 && open_) {
      listeners_->close_one(index_);
      open_ = false;
    }
    return;
  }
  if (!open_) {
    if (room < max / 20 + 1) return;              // reopens at 95 %
    if (!listeners_->reopen_one(index_)) return;  // tried again at the next call
    open_ = true;
  }
  if (room == 0 && armed_ == 0) {
    listeners_->close_one(index_);
    open_ = false;
    counters.add(Counter::kListenerClosed);
    return;
  }
  for (std::uint32_t i = 0; i < kArmed && armed_ < room; ++i) {
    Accept& accept = accepts_[i];
    if (accept.armed) continue;
    accept.address_bytes = sizeof accept.address;
    accept.armed = true;
    ++armed_;
    if (mode_ == AcceptMode::kDirect) {
      ring->accept_direct(listeners_->fd(index_), &accept.address, &accept.address_bytes,
                          accept_tag(i));
    } else {
      ring->accept(listeners_->fd(index_), &accept.address, &accept.address_bytes, accept_tag(i));
    }
  }
}

void Acceptor::stop(Ring* ring) {
  if (mode_ == AcceptMode::kNone || stopping_) return;
  stopping_ = true;
  for (std::uint32_t i = 0; i < kArmed; ++i) {
    if (accepts_[i].armed) {
      ring->cancel(accept_tag(i), OpTag{OpKind::kCancel, 0xFFFFFF, 0}.pack());
    }
  }
  Counters unused;
  arm(ring, 0, 0, unused);
}

}  // namespace ringgate
