#include "benchmarks/ringbench/measurement.h"

#include <fmt/format.h>

#include <algorithm>

#include "benchmarks/ringbench/report_format.h"

namespace ringgate::bench {
namespace {

constexpr double kBusyGenerator = 0.9;  // of the window, its busiest thread
constexpr double kIdleTarget = 0.8;
constexpr std::uint64_t kLateNs = 1'000'000;
constexpr double kWaitedMuch = 0.1;    // of the CPU time that it got
constexpr double kWaitedAtAll = 0.01;  // of the window

std::uint64_t sum_of(const Tally& tally, std::uint64_t ActionTally::* count) {
  std::uint64_t sum = 0;
  for (const ActionTally& action : tally.actions) sum += action.*count;
  return sum;
}

bool waited_much(const Measurement& measured, const CpuUse& cpu) {
  return static_cast<double>(cpu.wait_ns) > kWaitedMuch * static_cast<double>(cpu.run_ns) &&
         measured.share_of_window(cpu.wait_ns) > kWaitedAtAll;
}

std::string percent(double share) {
  return fmt::format("{:.0f} %", 100 * share);
}

void warn_of_generator(const Measurement& measured, std::vector<std::string>& sentences) {
  const double busiest = measured.share_of_window(measured.own.cpu.busiest_run_ns);
  if (measured.target && measured.generator_is_bottleneck()) {
    sentences.push_back(fmt::format(
        "ringbench, not the target, is the bottleneck: its busiest thread was on a CPU for {} of "
        "the window, the target's for {}; give it more --threads or CPUs of its own (--cpu)",
        percent(busiest), percent(measured.share_of_window(measured.target->cpu.busiest_run_ns))));
  } else if (!measured.target && busiest > kBusyGenerator) {
    sentences.push_back(fmt::format(
        "ringbench may be the bottleneck: its busiest thread was on a CPU for {} of the window; "
        "give it more --threads, or --pid to compare with the target's",
        percent(busiest)));
  }
}

void warn_of_lag(const Measurement& measured, const Options& options,
                 std::vector<std::string>& sentences) {
  const Histogram& lag = measured.tally.lag;
  const std::uint64_t p99_ns = lag.quantile_ns(0.99);
  if (!options.open_loop() || p99_ns <= kLateNs) return;
  sentences.push_back(fmt::format(
      "ringbench fell behind its schedule: 1 % of the messages left {} or more after their time, "
      "at worst {}, which is part of the times told; lower --rate or give it more --threads",
      time_text(to_us(p99_ns)), time_text(to_us(lag.max_ns()))));
}

void warn_of_waiting(const Measurement& measured, std::vector<std::string>& sentences) {
  constexpr const char* kWaited =
      "{} waited {:.2f} s for a CPU, {} of the time it had one: others ran there, too; {}";
  const auto share = [](const CpuUse& cpu) {
    return percent(static_cast<double>(cpu.wait_ns) /
                   static_cast<double>(std::max<std::uint64_t>(cpu.run_ns, 1)));
  };
  const auto seconds = [](const CpuUse& cpu) { return static_cast<double>(cpu.wait_ns) / 1e9; };
  if (const CpuUse& own = measured.own.cpu; waited_much(measured, own)) {
    sentences.push_back(fmt::format(kWaited, "ringbench", seconds(own), share(own),
                                    "the times told hold some of that"));
  }
  if (measured.target && waited_much(measured, measured.target->cpu)) {
    const CpuUse& target = measured.target->cpu;
    sentences.push_back(fmt::format(kWaited, "the target", seconds(target), share(target),
                                    "its times would be better with CPUs of its own"));
  }
}

}  // namespace

Histogram Measurement::times(const Options& options) const {
  if (options.scenario == Scenario::kPush) return tally.of(Action::kDelivery).times;
  Histogram all;
  for (std::size_t action = 0; action < kActions; ++action) {
    if (static_cast<Action>(action) != Action::kDelivery) all.merge(tally.actions[action].times);
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
    if (counted.sent + counted.answered + counted.failed > 0 || action == main_action(options)) {
      used.push_back(action);
    }
  }
  return used;
}

std::uint64_t Measurement::sent() const {
  return sum_of(tally, &ActionTally::sent);
}
std::uint64_t Measurement::answered() const {
  return sum_of(tally, &ActionTally::answered);
}
std::uint64_t Measurement::failed() const {
  return sum_of(tally, &ActionTally::failed);
}

double Measurement::per_second() const {
  return per_second(answered());
}
double Measurement::per_second(std::uint64_t count) const {
  return window_s > 0 ? static_cast<double>(count) / window_s : 0;
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
  return window_s > 0 ? static_cast<double>(ns) / (window_s * 1e9) : 0;
}

std::uint64_t Measurement::rss_peak_bytes(const ProcessUse& use,
                                          const std::vector<ProcessSample>& samples) {
  std::uint64_t peak = std::max({use.rss_peak_bytes, use.rss_begin_bytes, use.rss_end_bytes});
  for (const ProcessSample& sample : samples) peak = std::max(peak, sample.rss_bytes);
  return peak;
}

bool Measurement::generator_is_bottleneck() const {
  return target && share_of_window(own.cpu.busiest_run_ns) > kBusyGenerator &&
         share_of_window(target->cpu.busiest_run_ns) < kIdleTarget;
}

std::vector<std::string> Measurement::warnings(const Options& options) const {
  std::vector<std::string> sentences;
  if (stopped_early) {
    sentences.push_back(fmt::format("the run was cut short: {:.2f} s of {:.2f} s were measured",
                                    window_s, static_cast<double>(options.duration_ms) / 1000));
  }
  if (answered() == 0) sentences.emplace_back("nothing was answered; see the errors");
  warn_of_generator(*this, sentences);
  warn_of_lag(*this, options, sentences);
  warn_of_waiting(*this, sentences);
  return sentences;
}

}  // namespace ringgate::bench
