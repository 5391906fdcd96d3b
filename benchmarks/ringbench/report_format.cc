#include "benchmarks/ringbench/report_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ringgate::bench {
namespace {

// Three digits that count.
std::string three_digits(double value) {
  if (value >= 99.95) return fmt::format("{:.0f}", value);
  if (value >= 9.995) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

}  // namespace

std::string time_text(double us) {
  if (us < 999.5) return three_digits(us) + " us";
  if (us < 999'500) return three_digits(us / 1000) + " ms";
  return three_digits(us / 1'000'000) + " s";
}

std::string told_text(const std::optional<ToldTime>& time) {
  if (!time) return "-";
  return (time->at_least ? "≥ " : "") + time_text(time->us);
}

std::string count_text(std::uint64_t count) {
  std::string digits = fmt::format("{}", count);
  for (std::size_t comma = digits.size(); comma > 3;) digits.insert(comma -= 3, 1, ',');
  return digits;
}

std::string rate_text(double per_second) {
  if (per_second < 9.995) return fmt::format("{:.2f}", std::max(per_second, 0.0));
  return count_text(static_cast<std::uint64_t>(std::llround(per_second)));
}

std::string percent_text(double share) {
  return fmt::format("{:.0f} %", 100 * share);
}

std::string number_text(double value) {
  const bool whole = value == std::floor(value);
  if (!whole && value < 1000) return fmt::format("{:.2f}", value);
  return count_text(static_cast<std::uint64_t>(std::llround(std::max(value, 0.0))));
}

std::string bytes_text(std::uint64_t bytes) {
  return three_digits(static_cast<double>(bytes) / 1e6) + " MB";
}

}  // namespace ringgate::bench
