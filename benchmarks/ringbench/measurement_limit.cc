// Was it ringbench that kept itself from measuring what was asked?
#include "benchmarks/ringbench/measurement_limit.h"

#include <fmt/format.h>

#include <algorithm>

#include "benchmarks/ringbench/report_format.h"

namespace ringgate::bench {
namespace {

constexpr double kBehindS = 0.1;
// A tenth of the messages left so late: no hiccup, and where the rate was lost, a reason for it.
constexpr double kBehindPart = 0.9;
constexpr std::uint64_t kBehindNs = 50'000'000;

double missable(const Measurement& measured, const Options& options) {
  const auto due = static_cast<double>(measured.sum(options, &ActionTally::due));
  return std::max(static_cast<double>(kFew), kMissable * due);
}

// What left and was answered with nothing is not ringbench's doing.
std::string whose_limit(const Measurement& measured, const Options& options) {
  const bool alone = !measured.ended && !measured.refused_much(options);
  return alone ? "ringbench, not the target, was the limit" : "ringbench was a limit, too";
}

// It did not keep its schedule: the messages that it left behind, or sent much later than they were
// due where the rate was not kept.
std::optional<std::string> behind_text(const Measurement& measured, const Options& options) {
  const std::uint64_t due = measured.sum(options, &ActionTally::due);
  const std::uint64_t late = measured.tally.behind_late;
  const std::uint64_t never = measured.tally.never(Unsent::kBehind);
  const double bound = std::max(missable(measured, options), kBehindS * measured.per_second(due));
  const Histogram& lag = measured.tally.lag;
  const bool left_behind = static_cast<double>(late + never) > bound;
  const bool dragged = !measured.kept_rate(options).value_or(true) &&
                       2 * measured.tally.held_back <= lag.count() &&
                       lag.quantile_ns(kBehindPart) > kBehindNs;
  if (!left_behind && !dragged) return std::nullopt;
  constexpr const char* kRemedy = "lower --rate, or give it more --threads or CPUs of its own";
  if (left_behind) {
    return fmt::format(
        "{}: of {} messages that were due {} left after the window's end and {} never, since it "
        "was behind; {}",
        whose_limit(measured, options), count_text(due), count_text(late), count_text(never),
        kRemedy);
  }
  return fmt::format("{}: a tenth of the messages left {} or more after their time; {}",
                     whose_limit(measured, options), time_text(to_us(lag.quantile_ns(kBehindPart))),
                     kRemedy);
}

// A login takes a connection until its end: with all of them under way nothing more can be asked.
std::optional<std::string> busy_text(const Measurement& measured, const Options& options) {
  const std::uint64_t late = measured.tally.busy_late;
  const std::uint64_t never = measured.tally.never(Unsent::kBusy);
  if (static_cast<double>(late + never) <= missable(measured, options)) return std::nullopt;
  return fmt::format(
      "all connections were busy: of {} logins that were due {} began after the window's end and "
      "{} never; give more --connections, or lower --rate",
      count_text(measured.sum(options, &ActionTally::due)), count_text(late), count_text(never));
}

}  // namespace

std::string bottleneck_text(const Measurement& measured) {
  const CpuUse target = measured.target ? measured.target->cpu : CpuUse{};
  return fmt::format(
      "ringbench, not the target, is the bottleneck: its busiest thread was on a CPU for {} of "
      "the window, the target's for {}; give it more --threads or CPUs of its own (--cpu)",
      percent_text(measured.share_of_window(measured.own.cpu.busiest_run_ns)),
      percent_text(measured.share_of_window(target.busiest_run_ns)));
}

std::optional<std::string> Measurement::own_limit(const Options& options) const {
  if (ended && ended->own_limit) return ended->sentence;
  if (auto behind = behind_text(*this, options)) return behind;
  if (auto busy = busy_text(*this, options)) return busy;
  if (kept_rate(options).value_or(true) || !generator_is_busiest()) return std::nullopt;
  return bottleneck_text(*this);
}

}  // namespace ringgate::bench
