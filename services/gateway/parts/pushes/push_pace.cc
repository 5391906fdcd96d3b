#include "services/gateway/parts/pushes/push_pace.h"

#include <algorithm>

#include "dataplane/clock.h"

namespace ringgate {

std::uint32_t PushPace::wait_ms(std::uint32_t sends_under_way, std::uint32_t now_ms) noexcept {
  const bool is_long_ago = Clock::passed(now_ms, Clock::deadline(began_ms_, kForgottenMs));
  not_ours_ = is_long_ago ? sends_under_way : std::min(not_ours_, sends_under_way);
  waits_ = false;
  if (sends_under_way - not_ours_ >= kMostSendsUnderWay) {
    const std::uint32_t until_ms = Clock::deadline(began_ms_, kPatienceMs);
    waits_ = !Clock::passed(now_ms, until_ms);
    if (waits_) return until_ms - now_ms;
    not_ours_ = std::min<std::uint32_t>(not_ours_ + Slice::kSends, sends_under_way);
  }
  began_ms_ = now_ms;
  return 0;
}

}  // namespace ringgate
