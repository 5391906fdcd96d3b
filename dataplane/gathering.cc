#include "dataplane/gathering.h"

#include <algorithm>

namespace ringgate {

void Gathering::set_budget(std::uint32_t budget_us) noexcept {
  if (budget_us == budget_us_) return;
  budget_us_ = budget_us;
  us_ = 0;
  phase_ = Phase::kRest;
  ends_us_ = 0;  // the next turn begins anew
}

void Gathering::begin(Phase phase, std::uint32_t for_us) noexcept {
  phase_ = phase;
  ends_us_ = began_us_ + for_us;
}

void Gathering::end_phase(std::uint64_t now_us, std::uint32_t frames,
                          std::uint32_t link_frames) noexcept {
  const std::uint64_t elapsed_us = std::max<std::uint64_t>(now_us - began_us_, 1);
  const std::uint64_t seen = frames - frames_;
  const std::uint64_t seen_on_links = link_frames - link_frames_;
  began_us_ = now_us;
  frames_ = frames;
  link_frames_ = link_frames;
  switch (phase_) {
    case Phase::kMeasure:
      judge_measured(seen, seen_on_links, elapsed_us);
      return;
    case Phase::kTry:
      if (slows_down(seen, elapsed_us)) {
        us_ = 0;
        begin(Phase::kRest, kRestUs);
      } else {
        begin(Phase::kRun, kRunUs);
      }
      return;
    case Phase::kRun:
    case Phase::kRest:
      us_ = 0;
      begin(Phase::kMeasure, kTrialUs);
      return;
  }
}

void Gathering::judge_measured(std::uint64_t frames, std::uint64_t link_frames,
                               std::uint64_t elapsed_us) noexcept {
  const std::uint32_t budget_us = link_frames > 0 ? budget_us_ / kWaitsOfRequest : budget_us_;
  const bool worth_it = frames * budget_us >= kWorth * elapsed_us;
  us_ = worth_it ? budget_us : 0;
  measured_ = frames;
  measured_us_ = elapsed_us;
  begin(us_ > 0 ? Phase::kTry : Phase::kMeasure, kTrialUs);
}

// By more than chance: of n messages that come at random about sqrt(n) fewer or more are seen.
bool Gathering::slows_down(std::uint64_t frames, std::uint64_t elapsed_us) const noexcept {
  const std::uint64_t expected = measured_ * elapsed_us / measured_us_;
  if (frames >= expected) return false;
  const std::uint64_t fewer = expected - frames;
  return fewer * fewer > 9 * (expected + frames) && fewer * 10 > expected;
}

}  // namespace ringgate
