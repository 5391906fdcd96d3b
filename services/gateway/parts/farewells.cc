#include "services/gateway/parts/farewells.h"

#include "services/gateway/channel.h"

namespace ringgate {

void Farewells::begin(const Farewell& farewell, CloseReason reason) noexcept {
  farewell_ = farewell;
  reason_ = reason;
  active_ = true;
}

bool Farewells::ask(Connection& connection, Patience patience) {
  Channel* const channel = channel_of(connection);
  if (channel == nullptr && patience == Patience::kAll) return false;
  if (channel != nullptr && patience != Patience::kNone) {
    if (channel->state == ChannelState::kLoggingIn || channel->leaving) return false;
    if (channel->outstanding > 0) {
      channel->leaving = true;
      return true;
    }
  }
  tell(connection);
  return true;
}

void Farewells::answered(Connection& connection) {
  const Channel* const channel = channel_of(connection);
  if (active_ && channel->leaving && channel->outstanding == 0) tell(connection);
}

void Farewells::tell(Connection& connection) {
  RetryHintText text;
  const RetryHint hint{random_up_to(farewell_.spread_ms), farewell_.at.view()};
  shard_.finish(connection, reason_, write_retry_hint(text, hint));
}

// xorshift64 (Marsaglia, 2003): clients only have to differ.
std::uint32_t Farewells::random_up_to(std::uint32_t most) noexcept {
  random_ ^= random_ << 13U;
  random_ ^= random_ >> 7U;
  random_ ^= random_ << 17U;
  return static_cast<std::uint32_t>(random_ % (std::uint64_t{most} + 1));
}

}  // namespace ringgate
