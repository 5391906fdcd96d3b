#include "dataplane/gathering.h"

#include <algorithm>

namespace ringgate {

void Gathering::set_budget(std::uint32_t budget_us) noexcept {
  if (budget_us == budget_us_) return;
  budget_us_ = budget_us;
  us_ = 0;
  phase_ = Phase::kRest;
  looks_us_ = 0;  // the next turn begins anew
}

void Gathering::look(std::uint64_t now_us, std::uint32_t frames,
                     std::uint32_t link_frames) noexcept {
  const std::uint64_t elapsed_us = std::max<std::uint64_t>(now_us - began_us_, 1);
  const std::uint64_t seen = frames - frames_;
  const std::uint64_t seen_on_links = link_frames - link_frames_;
  const bool slow = phase_ == Phase::kGather && slows_down(seen, elapsed_us);
  if (phase_ == Phase::kGather && !slow && elapsed_us < kRunUs) {
    looks_us_ = now_us + kTrialUs;
    return;
  }
  began_us_ = now_us;
  frames_ = frames;
  link_frames_ = link_frames;
  if (slow) return begin(Phase::kRest, 0, kRestUs);
  if (phase_ != Phase::kMeasure) return begin(Phase::kMeasure, 0, kTrialUs);
  measured_ = seen;
  measured_us_ = elapsed_us;
  const std::uint32_t gathers_us = worth(seen, seen_on_links, elapsed_us);
  begin(gathers_us > 0 ? Phase::kGather : Phase::kMeasure, gathers_us, kTrialUs);
}

void Gathering::begin(Phase phase, std::uint32_t gathers_us,
                      std::uint32_t looks_after_us) noexcept {
  phase_ = phase;
  us_ = gathers_us;
  looks_us_ = began_us_ + looks_after_us;
}

// How long to gather where so much has come; 0: too little.
std::uint32_t Gathering::worth(std::uint64_t frames, std::uint64_t link_frames,
                               std::uint64_t elapsed_us) const noexcept {
  const std::uint32_t budget_us = link_frames > 0 ? budget_us_ / kWaitsOfRequest : budget_us_;
  return frames * budget_us >= kWorth * elapsed_us ? budget_us : 0;
}

// By more than chance: of n messages that come at random about sqrt(n) fewer or more are seen, and
// what is expected is known from n in another time.
bool Gathering::slows_down(std::uint64_t frames, std::uint64_t elapsed_us) const noexcept {
  const std::uint64_t expected = measured_ * elapsed_us / measured_us_;
  if (frames >= expected) return false;
  const std::uint64_t fewer = expected - frames;
  const std::uint64_t variance = expected * elapsed_us / measured_us_ + frames;
  return fewer * fewer > 9 * variance && fewer * 10 > expected;
}

}  // namespace ringgate
