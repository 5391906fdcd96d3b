#include "services/gateway/parts/pushes/held_links.h"

#include <algorithm>
#include <utility>

#include "dataplane/clock.h"
#include "services/gateway/upstreams/upstream.h"

namespace ringgate {

void HeldLinks::mailed(std::uint32_t shard, std::size_t bytes) noexcept {
  mailed_bytes_ += bytes;
  fill_percent_ = std::max(fill_percent_, context_.shard.mail_fill_percent(shard));
}

void HeldLinks::handed_on(Connection& link, std::size_t waiting_bytes) {
  const bool too_fast = mailed_bytes_ > 0 && link.open() && is_too_fast(link);
  mailed_bytes_ = 0;
  fill_percent_ = 0;
  if (too_fast || waiting_bytes > kMostWaitingBytes) [[unlikely]]
    hold(link);
}

bool HeldLinks::is_too_fast(Connection& link) noexcept {
  LinkState& state = *link.user<LinkState>();
  const std::uint32_t window = context_.shard.now_ms() / kWindowMs;
  if (state.mail_window != window) state.mailed_bytes = 0;
  state.mail_window = window;
  state.mailed_bytes += mailed_bytes_;
  if (fill_percent_ <= kGoOnPercent) [[likely]] {
    gave_up_ = false;
    return false;
  }
  if (gave_up_) return false;
  return fill_percent_ > kHoldAllPercent ||
         (fill_percent_ > kHoldFastPercent && state.mailed_bytes > kSlowBytes);
}

void HeldLinks::hold(Connection& link) {
  if (link.held || !link.open()) return;
  context_.count(GatewayCounter::kLinksHeld);
  if (held_.empty()) held_since_ms_ = context_.shard.now_ms();
  context_.shard.hold_input(link);
  held_.push_back(link.handle());
}

// Nobody tells that another shard has read its mail: it is asked for, after a wait that is short
// beside what it takes to read it.
void HeldLinks::release_in_time(std::size_t waiting_bytes) {
  if (waits_for_mail()) {
    context_.shard.want_turn(1);
    return;
  }
  if (waiting_bytes > kMostWaitingBytes / 2) return;
  for (const ConnectionHandle held : std::exchange(held_, {})) {
    Connection* const link = context_.shard.find(held);
    if (link != nullptr && link->held) context_.shard.release_input(*link);
  }
}

bool HeldLinks::waits_for_mail() noexcept {
  Shard& shard = context_.shard;
  std::uint32_t fullest = 0;
  for (std::uint32_t to = 0; to < shard.options().shards; ++to) {
    if (to != shard.index()) fullest = std::max(fullest, shard.mail_fill_percent(to));
  }
  if (fullest <= kGoOnPercent || gave_up_) return false;
  gave_up_ = Clock::passed(shard.now_ms(), held_since_ms_ + kPatienceMs);
  return !gave_up_;
}

}  // namespace ringgate
