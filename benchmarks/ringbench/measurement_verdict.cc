// What is to be said of a measurement: warnings, and whether it is green.
#include <fmt/format.h>

#include <algorithm>

#include "benchmarks/ringbench/fail_if.h"
#include "benchmarks/ringbench/measurement.h"
#include "benchmarks/ringbench/measurement_limit.h"
#include "benchmarks/ringbench/report_format.h"

namespace ringgate::bench {
namespace {

constexpr std::uint64_t kLateNs = 1'000'000;
constexpr double kWaitedMuch = 0.1;    // of the CPU time that it got
constexpr double kWaitedAtAll = 0.01;  // of the window

constexpr int kNothingMeasured = 1;
constexpr int kConditionMet = 3;
constexpr int kNotAsAsked = 4;

bool waited_much(const Measurement& measured, const CpuUse& cpu) {
  return static_cast<double>(cpu.wait_ns) > kWaitedMuch * static_cast<double>(cpu.run_ns) &&
         measured.share_of_window(cpu.wait_ns) > kWaitedAtAll;
}

// Unless own_limit has said so.
void warn_of_generator(const Measurement& measured, const Options& options,
                       std::vector<std::string>& sentences) {
  if (measured.own_limit(options)) return;
  const double busiest = measured.share_of_window(measured.own.cpu.busiest_run_ns);
  if (measured.generator_is_busiest()) {
    sentences.push_back(bottleneck_text(measured));
  } else if (!measured.target && busiest > kBusyGenerator) {
    sentences.push_back(fmt::format(
        "ringbench may be the bottleneck: its busiest thread was on a CPU for {} of the window; "
        "give it more --threads, or --pid to compare with the target's",
        percent_text(busiest)));
  }
}

std::string_view because(Unsent reason) {
  switch (reason) {
    case Unsent::kBehind:
      return "ringbench was behind";
    case Unsent::kBusy:
      return "all connections were busy";
    case Unsent::kOutstanding:
      return "too many had no answer yet";
    case Unsent::kNoRoom:
      return "what was pushed before was in the way";
    case Unsent::kNoConnection:
      return "no connection was there";
  }
  return "?";
}

// ` (300 since ringbench was behind, 2 since no connection was there)`
std::string unsent_list(const Tally& tally) {
  std::string list;
  for (std::size_t at = 0; at < kUnsentReasons; ++at) {
    const auto reason = static_cast<Unsent>(at);
    if (tally.never(reason) == 0) continue;
    list += fmt::format("{}{} since {}", list.empty() ? " (" : ", ",
                        count_text(tally.never(reason)), because(reason));
  }
  return list.empty() ? list : list + ")";
}

std::string refusal_text(const Tally& tally) {
  const bool wrong = tally.errors[static_cast<std::size_t>(ErrorKind::kWrongBody)] > 0;
  return wrong ? "another status than Success or a wrong body" : "another status than Success";
}

// Of the messages that were due in the window.
std::string rate_sentence(const Measurement& measured, const Options& options) {
  const auto count = [&](std::uint64_t ActionTally::* of) { return measured.sum(options, of); };
  const std::uint64_t unsent = count(&ActionTally::unsent);
  return fmt::format(
      "{}: {} per second were due and {} were answered; of those that were due {} answers came "
      "after the window, {} had {}, {} messages had none at all{}",
      measured.own_limit(options) ? "the rate was not kept" : "the target did not keep the rate",
      rate_text(measured.per_second(count(&ActionTally::due))),
      rate_text(measured.per_second(options)), count_text(count(&ActionTally::late)),
      count_text(measured.refused(options)), refusal_text(measured.tally),
      count_text(measured.times(options).unanswered.count()),
      unsent == 0 ? ""
                  : fmt::format(", {} of which never left{}", count_text(unsent),
                                unsent_list(measured.tally)));
}

std::string refused_sentence(const Measurement& measured, const Options& options) {
  const std::uint64_t refused = measured.refused(options);
  const std::uint64_t due = measured.sum(options, &ActionTally::due);
  const std::uint64_t in_window = measured.sum(options, &ActionTally::refused_in_window);
  if (static_cast<double>(refused) > kMissable * static_cast<double>(due)) {
    return fmt::format(
        "{} of {} messages that were due in the window were answered with {}: no time tells of "
        "them",
        count_text(refused), count_text(due), refusal_text(measured.tally));
  }
  return fmt::format("{} of {} answers in the window had {}", count_text(in_window),
                     count_text(in_window + measured.sum(options, &ActionTally::in_window)),
                     refusal_text(measured.tally));
}

std::string all_late_text(const Measurement& measured, const Options& options) {
  const std::uint64_t before = measured.sum(options, &ActionTally::in_window);
  const std::string late = count_text(measured.sum(options, &ActionTally::answered));
  if (before == 0) {
    return fmt::format(
        "nothing was answered within the window: all {} answers came after its end; give a longer "
        "--duration",
        late);
  }
  return fmt::format(
      "nothing that was due in the window was answered within it: all {} answers came after its "
      "end, and the {} answers in it are to messages that were due before",
      late, count_text(before));
}

// The rate first, which has most of them, too.
void warn_of_answers(const Measurement& measured, const Options& options,
                     std::vector<std::string>& sentences) {
  const bool kept = measured.kept_rate(options).value_or(true);
  if (!kept) sentences.push_back(rate_sentence(measured, options));
  const bool told = !kept && measured.refused(options) > 0;
  if (measured.refused_much(options) && !told) {
    sentences.push_back(refused_sentence(measured, options));
  }
  const std::uint64_t answered = measured.sum(options, &ActionTally::answered);
  if (answered > 0 && measured.all_late(options))
    sentences.push_back(all_late_text(measured, options));
}

void warn_of_deliveries(const Measurement& measured, std::vector<std::string>& sentences) {
  const auto errors = [&](ErrorKind kind) {
    return measured.tally.errors[static_cast<std::size_t>(kind)];
  };
  if (const std::uint64_t lost = errors(ErrorKind::kNotDelivered); lost > 0) {
    sentences.push_back(
        fmt::format("{} of {} pushes that were due in the window never came to their receivers{}",
                    count_text(measured.tally.lost_packets),
                    count_text(measured.tally.of(Action::kDelivery).due),
                    lost == measured.tally.lost_packets
                        ? ""
                        : fmt::format(", {} with those of the warm-up", count_text(lost))));
  }
  if (const std::uint64_t wrong = errors(ErrorKind::kMisdelivered); wrong > 0) {
    sentences.push_back(
        fmt::format("{} pushes came to connections that they were not for, warm-up and drain "
                    "included",
                    count_text(wrong)));
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
    return percent_text(static_cast<double>(cpu.wait_ns) /
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

// Such a handshake is a whole one, and none that its time was asked for.
void warn_of_handshakes(const Measurement& measured, const Options& options,
                        std::vector<std::string>& sentences) {
  const std::uint64_t all = measured.tally.handshakes.count();
  const std::uint64_t whole = all - measured.tally.resumed;
  if (!options.tls_resume || static_cast<double>(whole) <= kMissable * static_cast<double>(all)) {
    return;
  }
  sentences.push_back(fmt::format(
      "the target did not take the session of --tls-resume in {} of {} handshakes, which were "
      "whole "
      "ones: it was started again, or other gateways answer there too; let them share their keys "
      "(TlsTicketKeys)",
      count_text(whole), count_text(all)));
}

// Where none of those that were due in the window was: why.
std::string nothing_answered(const Measurement& measured, const Options& options) {
  if (!measured.nothing(options)) {
    return fmt::format(
        "nothing that was due in the window was answered with Success: the {} answers in it are to "
        "messages that were due before",
        count_text(measured.sum(options, &ActionTally::in_window)));
  }
  const std::uint64_t due = measured.sum(options, &ActionTally::due);
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
  if (pid_doubt) sentences.push_back(*pid_doubt);
  if (sum(options, &ActionTally::answered) == 0) {
    sentences.push_back(nothing_answered(*this, options));
  }
  warn_of_answers(*this, options, sentences);
  warn_of_deliveries(*this, sentences);
  warn_of_generator(*this, options, sentences);
  warn_of_lag(*this, options, sentences);
  warn_of_waiting(*this, sentences);
  warn_of_handshakes(*this, options, sentences);
  return sentences;
}

std::string lost_by(std::string_view first_loss) {
  if (first_loss == kKickedOutText)
    return fmt::format(", the first one was lost by {}", first_loss);
  if (first_loss.empty()) return ": see the target's log";
  return fmt::format(", the first one was lost by: {}; see the target's log", first_loss);
}

int exit_code(const Measurement& measured, const Options& options) {
  const bool own_limit = measured.own_limit(options).has_value();
  const bool nothing = measured.nothing(options);
  if (nothing && (measured.ended || own_limit)) return kNothingMeasured;
  if (own_limit) return kNotAsAsked;  // conditions would judge the target by it
  if (any_failed(measured, options)) return kConditionMet;
  if (measured.ended) return kNotAsAsked;
  if (nothing) return kNothingMeasured;
  return measured.all_late(options) ? kNotAsAsked : 0;
}

std::string why_not_green(const Measurement& measured, const Options& options) {
  if (exit_code(measured, options) == kConditionMet) {
    return "a condition of --fail-if came true, or could not be decided";
  }
  if (measured.ended) return measured.ended->sentence;
  if (auto limit = measured.own_limit(options)) return std::move(*limit);
  const bool any = measured.sum(options, &ActionTally::answered) > 0;
  return any ? all_late_text(measured, options) : nothing_answered(measured, options);
}

}  // namespace ringgate::bench
