#include "benchmarks/ringbench/measurement.h"

#include <fmt/format.h>

#include <algorithm>

#include "benchmarks/ringbench/fail_if.h"
#include "benchmarks/ringbench/report_format.h"

namespace ringgate::bench {
namespace {

constexpr double kBusyGenerator = 0.9;  // of the window, its busiest thread
constexpr double kIdleTarget = 0.8;
constexpr std::uint64_t kLateNs = 1'000'000;
constexpr double kWaitedMuch = 0.1;    // of the CPU time that it got
constexpr double kWaitedAtAll = 0.01;  // of the window

constexpr int kNothingMeasured = 1;
constexpr int kConditionMet = 3;
constexpr int kNotAsAsked = 4;

constexpr double kMissable = 0.01;  // of what was due
constexpr std::uint64_t kFew = 2;   // messages: what is on its way at the ends of a window
constexpr double kBehindS = 0.1;

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

void warn_of_rate(const Measurement& measured, const Options& options,
                  std::vector<std::string>& sentences) {
  if (measured.kept_rate(options).value_or(true)) return;
  const auto count = [&](std::uint64_t ActionTally::* of) { return measured.sum(options, of); };
  sentences.push_back(fmt::format(
      "the target did not keep the rate: {} per second were due and {} were answered; {} answers "
      "came after the window, {} never",
      rate_text(measured.per_second(count(&ActionTally::sent))),
      rate_text(measured.per_second(options)), count_text(count(&ActionTally::late)),
      count_text(count(&ActionTally::failed))));
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
    if (counted.sent + counted.answered + counted.failed > 0 || action == main_action(options)) {
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

double Measurement::per_second(const Options& options) const {
  return per_second(sum(options, &ActionTally::in_window));
}
double Measurement::per_second(std::uint64_t count) const {
  return window_s > 0 ? static_cast<double>(count) / window_s : 0;
}

std::optional<bool> Measurement::kept_rate(const Options& options) const {
  const std::uint64_t due = sum(options, &ActionTally::sent);
  if (!options.open_loop() || due == 0) return std::nullopt;
  const std::uint64_t kept = sum(options, &ActionTally::in_window);
  const std::uint64_t missing = due - std::min(due, kept);
  return missing <= kFew || static_cast<double>(missing) <= kMissable * static_cast<double>(due);
}

std::optional<std::string> Measurement::own_limit(const Options& options) const {
  if (ended && ended->own_limit) return ended->sentence;
  const std::uint64_t due = sum(options, &ActionTally::sent);
  const std::uint64_t unsent = tally.errors[static_cast<std::size_t>(ErrorKind::kNotSent)];
  const std::uint64_t behind = unsent + tally.sent_late;
  const double missable = std::max({static_cast<double>(kFew), kMissable * static_cast<double>(due),
                                    kBehindS * per_second(due)});
  if (static_cast<double>(behind) <= missable) return std::nullopt;
  return fmt::format(
      "ringbench, not the target, was the limit: of {} messages that were due {} left after the "
      "window's end and {} never; lower --rate, or give it more --threads or CPUs of its own",
      count_text(due), count_text(tally.sent_late), count_text(unsent));
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
  if (ended && !ended->own_limit) sentences.push_back(ended->sentence);
  if (auto limit = own_limit(options)) sentences.push_back(std::move(*limit));
  if (sum(options, &ActionTally::answered) == 0) {
    sentences.emplace_back("nothing was answered; see the errors");
  }
  warn_of_rate(*this, options, sentences);
  warn_of_generator(*this, sentences);
  warn_of_lag(*this, options, sentences);
  warn_of_waiting(*this, sentences);
  return sentences;
}

int exit_code(const Measurement& measured, const Options& options) {
  const bool nothing = measured.sum(options, &ActionTally::answered) == 0;
  if (nothing && measured.ended) return kNothingMeasured;
  if (measured.own_limit(options)) return kNotAsAsked;  // conditions would judge the target by it
  if (any_failed(measured, options)) return kConditionMet;
  if (measured.ended) return kNotAsAsked;
  return nothing ? kNothingMeasured : 0;
}

std::string why_not_green(const Measurement& measured, const Options& options) {
  switch (exit_code(measured, options)) {
    case kConditionMet:
      return "a condition of --fail-if came true, or could not be decided";
    case kNotAsAsked:
      return measured.own_limit(options).value_or(measured.ended ? measured.ended->sentence : "");
    default:
      return measured.ended ? measured.ended->sentence
                            : "nothing was answered in the measuring window; see the errors";
  }
}

}  // namespace ringgate::bench
