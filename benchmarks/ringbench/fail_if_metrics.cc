#include "benchmarks/ringbench/fail_if_metrics.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <vector>

#include "benchmarks/ringbench/quantiles.h"
#include "benchmarks/ringbench/report_format.h"

namespace ringgate::bench {
namespace {

using Value = std::optional<Metric::Value>;
using MaybeAction = std::optional<Action>;
using Kind = Metric::Kind;

Value plain(double value) {
  return Metric::Value{value};
}
Value plain(std::uint64_t count) {
  return plain(static_cast<double>(count));
}

Value told(const std::optional<ToldTime>& time) {
  if (!time) return std::nullopt;
  return Metric::Value{time->us, time->at_least};
}

Times times_of(const Measurement& measured, const Options& options, MaybeAction action) {
  return action ? measured.tally.of(*action).times : measured.times(options);
}

Value read_quantile(const Metric& metric, const Measurement& measured, const Options& options,
                    MaybeAction action) {
  return told(times_of(measured, options, action).quantile(metric.fraction));
}

Value read_mean(const Metric&, const Measurement& measured, const Options& options,
                MaybeAction action) {
  return told(times_of(measured, options, action).mean());
}

Value read_lag(const Metric& metric, const Measurement& measured, const Options& options,
               MaybeAction) {
  if (!options.open_loop() || measured.tally.lag.count() == 0) return std::nullopt;
  return plain(to_us(measured.tally.lag.quantile_ns(metric.fraction)));
}

std::uint64_t count_of(const Measurement& measured, const Options& options, MaybeAction action,
                       std::uint64_t ActionTally::* count) {
  return action ? measured.tally.of(*action).*count : measured.sum(options, count);
}

template <std::uint64_t ActionTally::* kCount>
Value read_count(const Metric&, const Measurement& measured, const Options& options,
                 MaybeAction action) {
  return plain(count_of(measured, options, action, kCount));
}

Value read_sent(const Metric&, const Measurement& measured, const Options& options,
                MaybeAction action) {
  return plain(action ? measured.tally.of(*action).sent() : measured.sent(options));
}

Value read_failed(const Metric&, const Measurement& measured, const Options& options,
                  MaybeAction action) {
  return plain(action ? measured.tally.of(*action).failed : measured.failed(options));
}

Value read_per_second(const Metric&, const Measurement& measured, const Options& options,
                      MaybeAction action) {
  return plain(measured.per_second(count_of(measured, options, action, &ActionTally::in_window)));
}

Value read_errors(const Metric&, const Measurement& measured, const Options&, MaybeAction) {
  return plain(measured.tally.all_errors());
}

Value read_error_kind(const Metric& metric, const Measurement& measured, const Options&,
                      MaybeAction) {
  return plain(measured.tally.errors[static_cast<std::size_t>(metric.error)]);
}

template <std::uint64_t Tally::* kCount>
Value read_total(const Metric&, const Measurement& measured, const Options&, MaybeAction) {
  return plain(measured.tally.*kCount);
}

Value read_cpu(const Metric&, const Measurement& measured, const Options&, MaybeAction) {
  if (!measured.target) return std::nullopt;
  const auto us = measured.per_message_us(static_cast<double>(measured.target->cpu.run_ns));
  if (!us) return std::nullopt;
  return plain(*us);
}

Value read_rss(const Metric&, const Measurement& measured, const Options&, MaybeAction) {
  if (!measured.target) return std::nullopt;
  return plain(
      static_cast<double>(Measurement::rss_peak_bytes(*measured.target, measured.target_samples)) /
      1e6);
}

constexpr std::string_view kNoTimes = "nothing was answered";
constexpr std::string_view kNoPid = "give --pid";
constexpr std::string_view kNoCpu = "it takes --pid, and messages";

std::vector<Metric> make_metrics() {
  std::vector<Metric> all = {{"mean", Kind::kTime, true, read_mean, kNoTimes}};
  for (const Quantile& quantile : kQuantiles) {
    all.push_back({quantile.name, Kind::kTime, true, read_quantile, kNoTimes, quantile.fraction});
  }
  const std::vector<Metric> others = {
      {"max", Kind::kTime, true, read_quantile, kNoTimes, 1.0},
      {"due", Kind::kCount, true, read_count<&ActionTally::due>, {}},
      {"sent", Kind::kCount, true, read_sent, {}},
      {"answered", Kind::kCount, true, read_count<&ActionTally::answered>, {}},
      {"late", Kind::kCount, true, read_count<&ActionTally::late>, {}},
      {"failed", Kind::kCount, true, read_failed, {}},
      {"per_second", Kind::kCount, true, read_per_second, {}},
      {"lag_p99", Kind::kTime, false, read_lag, "only an open loop has a schedule: give --rate",
       0.99},
      {"errors", Kind::kCount, false, read_errors, {}},
      {"connects", Kind::kCount, false, read_total<&Tally::connects>, {}},
      {"logins", Kind::kCount, false, read_total<&Tally::logins>, {}},
      {"retries", Kind::kCount, false, read_total<&Tally::retries>, {}},
      {"came_again", Kind::kCount, false, read_total<&Tally::came_again>, {}},
      {"lost_packets", Kind::kCount, false, read_total<&Tally::lost_packets>, {}},
      {"cpu_us", Kind::kCount, false, read_cpu, kNoCpu},
      {"rss_mb", Kind::kCount, false, read_rss, kNoPid},
  };
  all.insert(all.end(), others.begin(), others.end());
  for (std::size_t kind = 0; kind < kErrorKinds; ++kind) {
    const auto error = static_cast<ErrorKind>(kind);
    all.push_back({name_of(error), Kind::kCount, false, read_error_kind, {}, 0, error});
  }
  return all;
}

const std::vector<Metric>& metrics() {
  static const std::vector<Metric> all = make_metrics();
  return all;
}

const Metric* find_plain(std::string_view name) {
  for (const Metric& metric : metrics()) {
    if (metric.name == name) return &metric;
  }
  return nullptr;
}

std::string names_where(bool per_action) {
  std::vector<std::string_view> names;
  for (const Metric& metric : metrics()) {
    if (metric.per_action == per_action) names.push_back(metric.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::optional<MetricName> find_metric(std::string_view name) {
  if (const Metric* plain = find_plain(name)) return MetricName{{}, plain};
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const Metric* metric = find_plain(name.substr(dot + 1));
  if (metric == nullptr || !metric->per_action) return std::nullopt;
  for (std::size_t at = 0; at < kActions; ++at) {
    const auto action = static_cast<Action>(at);
    if (name_of(action) == name.substr(0, dot)) return MetricName{action, metric};
  }
  return std::nullopt;
}

std::string known_metrics() {
  std::array<std::string_view, kActions> actions;
  for (std::size_t at = 0; at < kActions; ++at) actions[at] = name_of(static_cast<Action>(at));
  return fmt::format("{} (these also of one action: {}, as in talk.p99), {}", names_where(true),
                     fmt::join(actions, ", "), names_where(false));
}

}  // namespace ringgate::bench
