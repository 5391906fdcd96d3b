#include "benchmarks/ringbench/measurement.h"

#include <fmt/format.h>

#include <algorithm>

#include "benchmarks/ringbench/report_format.h"

namespace ringgate::bench {
namespace {

constexpr double kIdleTarget = 0.8;

constexpr double kRefusedMuch = 0.01;

}  // namespace

Times Measurement::times(const Options& options) const {
  Times all;
  for (std::size_t at = 0; at < kActions; ++at) {
    if (is_main(static_cast<Action>(at), options.scenario)) all.merge(tally.actions[at].times);
  }
  return all;
}

Action Measurement::main_action(const Options& options) const {
  switch (options.scenario) {
    case Scenario::kForward:
      return Action::kForward;
    case Scenario::kTalk:
      return Action::kTalk;
    case Scenario::kPush:
      return Action::kDelivery;
    case Scenario::kLogin:
      return Action::kLogin;
    case Scenario::kMix:
      return options.mix.empty() ? Action::kPing : options.mix.front().action;
    case Scenario::kPing:
    case Scenario::kIdle:
      break;
  }
  return Action::kPing;
}

std::vector<Action> Measurement::used_actions(const Options& options) const {
  std::vector<Action> used;
  for (std::size_t at = 0; at < kActions; ++at) {
    const auto action = static_cast<Action>(at);
    const ActionTally& counted = tally.of(action);
    if (counted.due + counted.answered + counted.failed > 0 || action == main_action(options)) {
      used.push_back(action);
    }
  }
  return used;
}

std::uint64_t Measurement::sum(const Options& options, std::uint64_t ActionTally::* count) const {
  std::uint64_t all = 0;
  for (std::size_t at = 0; at < kActions; ++at) {
    if (is_main(static_cast<Action>(at), options.scenario)) all += tally.actions[at].*count;
  }
  return all;
}

std::uint64_t Measurement::sent(const Options& options) const {
  return sum(options, &ActionTally::due) - sum(options, &ActionTally::unsent);
}

bool Measurement::nothing(const Options& options) const {
  return sum(options, &ActionTally::answered) == 0 && sum(options, &ActionTally::in_window) == 0;
}

bool Measurement::all_late(const Options& options) const {
  return sum(options, &ActionTally::answered) <= sum(options, &ActionTally::late);
}

std::uint64_t Measurement::failed(const Options& options) const {
  const std::uint64_t failed = sum(options, &ActionTally::failed);
  const ActionTally& deliveries = tally.of(Action::kDelivery);
  if (is_main(Action::kDelivery, options.scenario)) return failed;
  const std::uint64_t unanswered = tally.of(Action::kTalk).times.unanswered.count();
  return failed + deliveries.failed - std::min(deliveries.failed, unanswered);
}

std::uint64_t Measurement::refused(const Options& options) const {
  const std::uint64_t failed = sum(options, &ActionTally::failed);
  return failed - std::min(failed, times(options).unanswered.count());
}

bool Measurement::refused_much(const Options& options) const {
  const auto much = [](std::uint64_t part, std::uint64_t all) {
    return static_cast<double>(part) > kRefusedMuch * static_cast<double>(all);
  };
  const std::uint64_t in_window = sum(options, &ActionTally::refused_in_window);
  return much(refused(options), sum(options, &ActionTally::due)) ||
         much(in_window, in_window + sum(options, &ActionTally::in_window));
}

double Measurement::per_second(const Options& options) const {
  return per_second(sum(options, &ActionTally::in_window));
}
double Measurement::per_second(std::uint64_t count) const {
  return window_s > 0 ? static_cast<double>(count) / window_s : 0;
}

std::optional<bool> Measurement::kept_rate(const Options& options) const {
  const std::uint64_t due = sum(options, &ActionTally::due);
  if (!options.open_loop() || due == 0) return std::nullopt;
  const std::uint64_t kept = sum(options, &ActionTally::in_window);
  const std::uint64_t missing = due - std::min(due, kept);
  return missing <= kFew || static_cast<double>(missing) <= kMissable * static_cast<double>(due);
}

std::optional<double> Measurement::set_up_logins_per_second(const Options& options) const {
  const bool none = options.raw || options.scenario == Scenario::kLogin || set_up_s <= 0;
  if (none) return std::nullopt;
  return options.connections / set_up_s;
}

std::optional<double> Measurement::per_message_us(double cpu_ns) const {
  if (messages == 0) return std::nullopt;
  return cpu_ns / 1000 / static_cast<double>(messages);
}

double Measurement::share_of_window(std::uint64_t ns) const {
  return sampled_s > 0 ? static_cast<double>(ns) / (sampled_s * 1e9) : 0;
}

std::uint64_t Measurement::rss_peak_bytes(const ProcessUse& use,
                                          const std::vector<ProcessSample>& samples) {
  std::uint64_t peak = std::max({use.rss_peak_bytes, use.rss_begin_bytes, use.rss_end_bytes});
  for (const ProcessSample& sample : samples) peak = std::max(peak, sample.rss_bytes);
  return peak;
}

bool Measurement::generator_is_bottleneck(const Options& options) const {
  return generator_is_busiest() || own_limit(options).has_value();
}

bool Measurement::generator_is_busiest() const {
  return target && share_of_window(own.cpu.busiest_run_ns) > kBusyGenerator &&
         share_of_window(target->cpu.busiest_run_ns) < kIdleTarget;
}

}  // namespace ringgate::bench
