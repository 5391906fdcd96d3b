// What is to be said of a measurement: warnings, and whether it is green.
#include <fmt/format.h>

#include <algorithm>

#include "benchmarks/ringbench/fail_if.h"
#include "benchmarks/ringbench/measurement.h"
#include "benchmarks/ringbench/report_format.h"

namespace ringgate::bench {
namespace {

constexpr std::uint64_t kLateNs = 1'000'000;
constexpr double kWaitedMuch = 0.1;    // of the CPU time that it got
constexpr double kWaitedAtAll = 0.01;  // of the window
constexpr double kRefusedMuch = 0.01;  // of what was due

constexpr int kNothingMeasured = 1;
constexpr int kConditionMet = 3;
constexpr int kNotAsAsked = 4;

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

// The rate first, which has them, too.
void warn_of_answers(const Measurement& measured, const Options& options,
                     std::vector<std::string>& sentences) {
  const auto count = [&](std::uint64_t ActionTally::* of) { return measured.sum(options, of); };
  const std::uint64_t refused = measured.refused(options);
  const std::uint64_t due = count(&ActionTally::sent);
  if (!measured.kept_rate(options).value_or(true)) {
    sentences.push_back(fmt::format(
        "the target did not keep the rate: {} per second were due and {} were answered; {} answers "
        "came after the window, {} had another status than Success, {} messages had none at all",
        rate_text(measured.per_second(due)), rate_text(measured.per_second(options)),
        count_text(count(&ActionTally::late)), count_text(refused),
        count_text(measured.times(options).unanswered.count())));
  } else if (static_cast<double>(refused) > kRefusedMuch * static_cast<double>(due)) {
    sentences.push_back(fmt::format(
        "{} of {} messages were answered with another status than Success: no time tells of them",
        count_text(refused), count_text(due)));
  }
}

void warn_of_deliveries(const Measurement& measured, std::vector<std::string>& sentences) {
  const auto errors = [&](ErrorKind kind) {
    return measured.tally.errors[static_cast<std::size_t>(kind)];
  };
  if (const std::uint64_t lost = errors(ErrorKind::kNotDelivered); lost > 0) {
    sentences.push_back(fmt::format("{} of {} pushes never came to their receivers",
                                    count_text(lost),
                                    count_text(measured.tally.of(Action::kDelivery).sent)));
  }
  if (const std::uint64_t wrong = errors(ErrorKind::kMisdelivered); wrong > 0) {
    sentences.push_back(
        fmt::format("{} pushes came to connections that they were not for", count_text(wrong)));
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

// Where it was nothing: why.
std::string nothing_answered(const Measurement& measured, const Options& options) {
  const std::uint64_t due = measured.sum(options, &ActionTally::sent);
  if (due == 0 && options.scenario == Scenario::kIdle) {
    return fmt::format(
        "nothing was due in the window of {:.2f} s: each of {} connections sends a heartbeat every "
        "{} s; give a longer --duration or a shorter --heartbeat",
        measured.window_s, count_text(options.connections),
        number_text(static_cast<double>(options.heartbeat_ms) / 1000));
  }
  const std::string what = due == 0 ? "nothing was due in the measuring window"
                                    : "nothing was answered with Success in the measuring window";
  if (measured.tally.all_errors() > 0) return what + "; see the errors";
  return due == 0 ? what + "; give a longer --duration or more messages" : what;
}

}  // namespace

std::vector<std::string> Measurement::warnings(const Options& options) const {
  std::vector<std::string> sentences;
  if (stopped_early) {
    sentences.push_back(fmt::format("the run was cut short: {:.2f} s of {:.2f} s were measured",
                                    window_s, static_cast<double>(options.duration_ms) / 1000));
  }
  if (ended && !ended->own_limit) sentences.push_back(ended->sentence);
  if (auto limit = own_limit(options)) sentences.push_back(std::move(*limit));
  if (sum(options, &ActionTally::answered) == 0) {
    sentences.push_back(nothing_answered(*this, options));
  }
  warn_of_answers(*this, options, sentences);
  warn_of_deliveries(*this, sentences);
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
      return measured.ended ? measured.ended->sentence : nothing_answered(measured, options);
  }
}

}  // namespace ringgate::bench
