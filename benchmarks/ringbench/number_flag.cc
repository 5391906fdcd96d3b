#include "benchmarks/ringbench/number_flag.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

namespace ringgate::bench {
namespace {

constexpr double kThousand = 1e3;
constexpr double kMillion = 1e6;

std::optional<double> factor_of(std::string_view suffix) {
  if (suffix.empty()) return 1;
  if (suffix == "k" || suffix == "K") return kThousand;
  if (suffix == "M") return kMillion;
  return std::nullopt;
}

std::string short_text(double value) {
  if (value >= kMillion && std::fmod(value, kMillion) == 0) return fmt::format("{}M", value / 1e6);
  if (value >= kThousand && std::fmod(value, kThousand) == 0)
    return fmt::format("{}k", value / 1e3);
  return fmt::format("{}", value);
}

// Digits first: from_chars would take "inf" as well.
std::optional<double> read_number(std::string_view text) {
  const bool begins = !text.empty() && text.front() >= '0' && text.front() <= '9';
  double value = 0;
  if (!begins) return std::nullopt;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  const auto factor = factor_of(text.substr(static_cast<std::size_t>(end - text.data())));
  if (!factor) return std::nullopt;
  // What a decimal fraction leaves behind: 1.1k is 1100.
  const double product = value * *factor;
  return *factor == 1 ? product : std::round(product * kMillion) / kMillion;
}

}  // namespace

Result<double> parse_number(std::string_view text, const NumberFlag& flag) {
  const auto value = read_number(text);
  const bool fits = value && *value <= flag.most &&
                    (flag.above ? *value > flag.least : *value >= flag.least) &&
                    (!flag.whole || *value == std::floor(*value));
  if (fits) return *value;
  return fail(fmt::format("'{}' is no {}{}: write one {} {} up to {}{}", text,
                          flag.whole ? "whole " : "", flag.what, flag.above ? "above" : "from",
                          short_text(flag.least), short_text(flag.most),
                          flag.most >= kMillion ? ", for example 250, 10k or 1M" : ""),
              2);
}

std::string plain_digits(double value, const NumberFlag& flag) {
  return flag.whole ? fmt::format("{:.0f}", value) : fmt::format("{}", value);
}

}  // namespace ringgate::bench
