#include "benchmarks/ringbench/fail_if.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "benchmarks/ringbench/fail_if_metrics.h"
#include "benchmarks/ringbench/report_format.h"

namespace ringgate::bench {
namespace {

using Compare = FailIf::Compare;

struct Sign {
  std::string_view text;
  Compare compare;
};
// Longer ones first: `>=` begins with `>`.
constexpr std::array<Sign, 6> kSigns{{{">=", Compare::kAtLeast},
                                      {"<=", Compare::kAtMost},
                                      {"==", Compare::kEqual},
                                      {"!=", Compare::kNotEqual},
                                      {">", Compare::kAbove},
                                      {"<", Compare::kBelow}}};

struct Unit {
  std::string_view text;
  double us;
};
constexpr std::array<Unit, 3> kUnits{{{"us", 1}, {"ms", 1000}, {"s", 1'000'000}}};

constexpr std::string_view kBlanks = " \t";

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

struct Number {
  double value = 0;
  std::string_view rest;  // what follows it, trimmed
};

// Digits first: from_chars would take "inf" and "-1" as well, which nothing is compared with.
std::optional<Number> read_number(std::string_view text) {
  const bool begins =
      !text.empty() && (text.front() == '.' || (text.front() >= '0' && text.front() <= '9'));
  Number number;
  if (!begins) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number.value);
  if (error != std::errc{}) return std::nullopt;
  number.rest = trim(text.substr(static_cast<std::size_t>(end - text.data())));
  return number;
}

Result<double> read_value(std::string_view condition, std::string_view text, const Metric& metric) {
  const auto number = read_number(text);
  if (metric.kind == Metric::Kind::kTime) {
    for (const Unit& unit : kUnits) {
      if (number && number->rest == unit.text) return number->value * unit.us;
    }
    return fail(fmt::format("'{}' compares a time with '{}': write a number and us, ms or s, for "
                            "example {}>20ms",
                            condition, text, metric.name),
                2);
  }
  if (number && number->rest.empty()) return number->value;
  if (number && (number->rest == "k" || number->rest == "K")) return number->value * 1e3;
  if (number && number->rest == "M") return number->value * 1e6;
  return fail(
      fmt::format("'{}' compares {} with '{}': write a plain number, for example {}>0 or {}<10k",
                  condition, metric.name, text, metric.name, metric.name),
      2);
}

bool holds(Compare compare, double measured, double value) {
  switch (compare) {
    case Compare::kAbove:
      return measured > value;
    case Compare::kAtLeast:
      return measured >= value;
    case Compare::kBelow:
      return measured < value;
    case Compare::kAtMost:
      return measured <= value;
    case Compare::kEqual:
      return measured == value;
    case Compare::kNotEqual:
      return measured != value;
  }
  return true;
}

}  // namespace

Result<FailIf> parse_fail_if(std::string_view text) {
  const std::size_t at = text.find_first_of("<>=!");
  const std::string_view from_sign =
      at == std::string_view::npos ? std::string_view{} : text.substr(at);
  const auto* const sign = std::find_if(
      kSigns.begin(), kSigns.end(), [&](const Sign& s) { return from_sign.starts_with(s.text); });
  if (sign == kSigns.end()) {
    return fail(fmt::format("'{}' is no condition: write METRIC OP VALUE, for example p99>20ms, "
                            "where OP is one of > >= < <= == !=",
                            text),
                2);
  }
  const std::string_view name = trim(text.substr(0, at));
  const auto found = find_metric(name);
  if (!found) {
    return fail(fmt::format("'{}' in '{}' is nothing that is measured; there are {}", name, text,
                            known_metrics()),
                2);
  }
  const auto value = read_value(text, trim(from_sign.substr(sign->text.size())), *found->metric);
  if (!value) return std::unexpected(value.error());
  return FailIf{std::string(text), std::string(name), sign->compare, *value};
}

FailIfOutcome evaluate(const FailIf& condition, const Measurement& measured,
                       const Options& options) {
  const auto found = find_metric(condition.metric);
  const auto value =
      found ? found->metric->read(*found->metric, measured, options, found->action) : std::nullopt;
  if (!value) return {.value = 0, .known = false, .failed = true};
  return {.value = value->value,
          .at_least = value->at_least,
          .failed = value->at_least || holds(condition.compare, value->value, condition.value)};
}

bool any_failed(const Measurement& measured, const Options& options) {
  return std::any_of(options.fail_if.begin(), options.fail_if.end(), [&](const FailIf& condition) {
    return evaluate(condition, measured, options).failed;
  });
}

std::string measured_text(const FailIf& condition, const FailIfOutcome& outcome) {
  const auto found = find_metric(condition.metric);
  if (!found) return "not measured";
  if (!outcome.known) return fmt::format("not measured: {}", found->metric->when_unknown);
  const ToldTime time{outcome.value, outcome.at_least};
  if (outcome.at_least) return told_text(time) + ": not all were answered";
  if (found->metric->kind == Metric::Kind::kTime) return told_text(time);
  return number_text(outcome.value);
}

}  // namespace ringgate::bench
