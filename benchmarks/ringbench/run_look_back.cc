// Run: when all is added up, was it what was asked for, from begin to end?
#include <fmt/format.h>

#include <algorithm>

#include "benchmarks/ringbench/run.h"

namespace ringgate::bench {
namespace {

// Before the window's end: without an answer for so long, the target has stopped.
constexpr std::uint64_t kQuietNs = 500 * kMillisecondNs;
constexpr std::uint64_t kQuietPart = 5;  // or for so much of a short window
constexpr double kQuietMessages = 3;     // but not before so many were due

bool many(std::uint64_t count, const Options& options) {
  return static_cast<double>(count) > kMissable * options.connections;
}

std::optional<RunEnd> lost_connections(const Measurement& measured, const Options& options) {
  const std::uint64_t lost = measured.connections_lost;
  if (lost == options.connections) {
    return RunEnd{"when the drain ended no connection was up" + lost_by(measured.tally.first_loss)};
  }
  if (options.reconnect || !many(lost, options)) return std::nullopt;
  return RunEnd{fmt::format("{} of {} connections were lost{}", lost, options.connections,
                            lost_by(measured.tally.first_loss))};
}

// With --reconnect nobody is missing at the end, though others had the accounts all the while.
std::optional<RunEnd> taken_over(const Measurement& measured, const Options& options) {
  const auto kicked = measured.tally.errors[static_cast<std::size_t>(ErrorKind::kKickedOut)];
  if (options.scenario == Scenario::kLogin || kicked <= options.connections) return std::nullopt;
  return RunEnd{fmt::format("{} times a connection of {} was lost to {}", kicked,
                            options.connections, kKickedOutText)};
}

std::optional<RunEnd> silent_connections(const Measurement& measured, const Options& options) {
  if (!many(measured.tally.silent, options)) return std::nullopt;
  return RunEnd{fmt::format("{} of {} connections waited all through the window and had no answer",
                            measured.tally.silent, options.connections)};
}

// The answers came, and not one of the pushes that they spoke of.
std::optional<RunEnd> no_deliveries(const Measurement& measured, const Options&) {
  const ActionTally& deliveries = measured.tally.of(Action::kDelivery);
  const std::uint64_t talks = measured.tally.of(Action::kTalk).answered;
  if (talks == 0 || deliveries.due == 0 || deliveries.answered > 0) return std::nullopt;
  return RunEnd{
      fmt::format("{} talks that were due in the window were answered and not one was delivered: "
                  "see the logs of the target and of its chat service",
                  talks)};
}

// Whether more than half of them.
bool most(std::uint64_t part, std::uint64_t all) {
  return 2 * part > all;
}

// Its times would tell of the few that did not fail.
std::optional<RunEnd> mostly_failed(const Measurement& measured, const Options& options) {
  if (measured.own_limit(options) || measured.nothing(options)) return std::nullopt;
  const std::uint64_t due = measured.sum(options, &ActionTally::due);
  if (const std::uint64_t failed = measured.failed(options); most(failed, due)) {
    return RunEnd{fmt::format(
        "{} of {} messages that were due in the window failed: see the errors", failed, due)};
  }
  const std::uint64_t refused = measured.sum(options, &ActionTally::refused_in_window);
  const std::uint64_t answers = refused + measured.sum(options, &ActionTally::in_window);
  if (most(refused, answers)) {
    return RunEnd{fmt::format("{} of {} answers in the window were refusals: see the errors",
                              refused, answers)};
  }
  return std::nullopt;
}

// The answers to the logins came, and what follows did not.
std::optional<RunEnd> mostly_not_closed(const Measurement& measured, const Options& options) {
  const ActionTally& cycles = measured.tally.of(Action::kCycle);
  if (measured.own_limit(options) || !most(cycles.failed, cycles.due)) return std::nullopt;
  return RunEnd{fmt::format(
      "{} of {} connections whose logins were due in the window were not closed by the target",
      cycles.failed, cycles.due)};
}

// A pong does not say which ping it answers: what comes twice is taken for the answer to the next.
std::optional<RunEnd> unasked_pongs(const Measurement& measured, const Options&) {
  const auto unasked = measured.tally.errors[static_cast<std::size_t>(ErrorKind::kUnaskedPong)];
  const std::uint64_t due = measured.tally.of(Action::kPing).due;
  const bool few = static_cast<double>(unasked) <= kMissable * static_cast<double>(due);
  if (due == 0 || unasked <= kFew || few) return std::nullopt;
  return RunEnd{fmt::format(
      "{} pongs came that no ping had asked for, warm-up and drain included: others were taken for "
      "the answers to later pings, so that the times are too short",
      unasked)};
}

// Without an answer when the drain ended. What ringbench did not come to sending says nothing of
// the target.
std::uint64_t left_waiting(const Measurement& measured, const Options& options) {
  const std::uint64_t unanswered = measured.times(options).unanswered.count();
  return unanswered - std::min(unanswered, measured.tally.never(Unsent::kBehind) +
                                               measured.tally.never(Unsent::kBusy));
}

}  // namespace

// When an answer came last: at the window's begin at the earliest.
std::uint64_t Run::last_answer_ns(const Measurement& measured) const {
  return std::max(measured.tally.last_answer_ns, begin_ns_);
}

// So long without an answer, a target that has something to answer has stopped.
std::uint64_t Run::quiet_ns() const {
  return std::min(kQuietNs, (end_ns_ - begin_ns_) / kQuietPart);
}

std::optional<RunEnd> Run::stopped_answering(const Measurement& measured) const {
  const std::uint64_t waiting = left_waiting(measured, options_);
  const double due = measured.per_second(measured.sum(options_, &ActionTally::due));
  std::uint64_t quiet = quiet_ns();
  if (options_.open_loop()) {
    const double few_ns = kQuietMessages * 1e9 / std::max(due, 1e-3);
    quiet = std::max(quiet, static_cast<std::uint64_t>(few_ns));
  }
  const std::uint64_t last_ns = last_answer_ns(measured);
  if (waiting == 0 || last_ns + quiet >= end_ns_) return std::nullopt;
  return RunEnd{fmt::format(
      "nothing was answered in the last {:.2f} s of the window, nor after it, with {} messages "
      "outstanding: see the target's log",
      seconds_between(last_ns, end_ns_), waiting)};
}

// So late that the window does not show it. A target that has lost a few messages, which the drain
// has waited for, and answered all others is none of those.
std::optional<RunEnd> Run::stopped_in_drain(const Measurement& measured) const {
  const std::uint64_t waiting = left_waiting(measured, options_);
  const double all = options_.open_loop()
                         ? static_cast<double>(measured.sum(options_, &ActionTally::due))
                         : static_cast<double>(options_.connections);
  const std::uint64_t last_ns = last_answer_ns(measured);
  if (static_cast<double>(waiting) <= kMissable * all || last_ns + quiet_ns() >= stop_ns_) {
    return std::nullopt;
  }
  return RunEnd{fmt::format(
      "{} messages had no answer when the drain ended, {:.2f} s after the last one that was "
      "answered: see the target's log",
      waiting, seconds_between(last_ns, stop_ns_))};
}

void Run::look_back(Measurement& measured) const {
  if (!measured.ended) measured.ended = lost_connections(measured, options_);
  if (!measured.ended) measured.ended = taken_over(measured, options_);
  if (!measured.ended) measured.ended = stopped_answering(measured);
  if (!measured.ended) measured.ended = silent_connections(measured, options_);
  if (!measured.ended) measured.ended = stopped_in_drain(measured);
  for (const auto look : {no_deliveries, mostly_failed, mostly_not_closed, unasked_pongs}) {
    if (!measured.ended) measured.ended = look(measured, options_);
  }
}

}  // namespace ringgate::bench
