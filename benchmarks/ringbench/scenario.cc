#include "benchmarks/ringbench/options.h"

namespace ringgate::bench {

std::string_view name_of(Scenario scenario) noexcept {
  switch (scenario) {
    case Scenario::kPing:
      return "ping";
    case Scenario::kForward:
      return "forward";
    case Scenario::kTalk:
      return "talk";
    case Scenario::kPush:
      return "push";
    case Scenario::kLogin:
      return "login";
    case Scenario::kIdle:
      return "idle";
    case Scenario::kMix:
      return "mix";
  }
  return "?";
}

bool is_main(Action action, Scenario scenario) noexcept {
  if (scenario == Scenario::kPush) return action == Action::kDelivery;
  const bool talks = scenario == Scenario::kTalk || scenario == Scenario::kMix;
  return !is_part(action) || (action == Action::kDelivery && !talks);
}

}  // namespace ringgate::bench
