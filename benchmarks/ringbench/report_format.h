// How numbers are written for people, in the text and on the progress line. Pure functions, any
// thread; UTF-8.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "benchmarks/ringbench/times.h"

namespace ringgate::bench {

[[nodiscard]] inline double to_us(std::uint64_t ns) noexcept {
  return static_cast<double>(ns) / 1000;
}

[[nodiscard]] std::string time_text(double us);  // "812 us", "1.24 ms", "13.0 s"
// "-" for nothing, "≥ 5.00 s" for one that is at least so long.
[[nodiscard]] std::string told_text(const std::optional<ToldTime>& time);
[[nodiscard]] std::string count_text(std::uint64_t count);  // "1,234,567"
[[nodiscard]] std::string rate_text(double per_second);     // "49,998", below 10 "3.25"
[[nodiscard]] std::string percent_text(double share);       // "12 %"
[[nodiscard]] std::string number_text(double value);        // "3", "7.12", "49,998"
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);  // "12.3 MB", in millions

}  // namespace ringgate::bench
