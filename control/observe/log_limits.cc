#include "control/observe/log_limits.h"

#include <fmt/format.h>

namespace ringgate {
namespace {

constexpr std::chrono::seconds kSecond{1};

constexpr std::size_t index_of(LogEvent event) noexcept {
  return static_cast<std::size_t>(event);
}

}  // namespace

void LogLimits::turn(LogEvent event, Second& second, Time now) {
  if (now - second.since < kSecond) return;
  if (second.left_out > 0) {
    const std::string_view name = describe(event).name;
    log_event(LogEvent::kNotTold, {{"of", name}, {"lines", second.left_out}},
              fmt::format("{} more like it were left out: {}", second.left_out, name));
  }
  second = {.since = now};
}

bool LogLimits::take(LogEvent event, Time now) {
  if (!is_told(event)) return false;
  Second& second = seconds_[index_of(event)];
  turn(event, second, now);
  if (second.told < per_second_) {
    ++second.told;
    return true;
  }
  left_out(event, 1, now);
  return false;
}

void LogLimits::left_out(LogEvent event, std::uint64_t lines, Time now) {
  Second& second = seconds_[index_of(event)];
  turn(event, second, now);
  second.left_out += lines;
  left_out_[index_of(event)].fetch_add(lines, std::memory_order_relaxed);
}

void LogLimits::look(Time now) {
  for (std::size_t i = 0; i < kEvents; ++i) turn(static_cast<LogEvent>(i), seconds_[i], now);
}

std::uint64_t LogLimits::left_out(LogEvent event) const noexcept {
  return left_out_[index_of(event)].load(std::memory_order_relaxed);
}

}  // namespace ringgate
