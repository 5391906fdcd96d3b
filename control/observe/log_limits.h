// What clients can cause is told so often a second, by the name of its event; how many lines were
// left out is told when the second is over, and counted. One thread; the counts are for any.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "control/observe/log_event.h"

namespace ringgate {

class LogLimits {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Of each event; 0: none is told.
  void set_per_second(std::size_t lines) noexcept { per_second_ = lines; }

  // Whether one more may be told.
  [[nodiscard]] bool take(LogEvent event, Time now);
  // So many more were left out before they came here.
  void left_out(LogEvent event, std::uint64_t lines, Time now);
  // Now and then: tells what was left out in a second that is over.
  void look(Time now);

  // Any thread: all that were left out.
  [[nodiscard]] std::uint64_t left_out(LogEvent event) const noexcept;

 private:
  struct Second {
    Time since{};
    std::size_t told = 0;
    std::uint64_t left_out = 0;
  };
  void turn(LogEvent event, Second& second, Time now);

  static constexpr auto kEvents = static_cast<std::size_t>(LogEvent::kEnd);
  std::size_t per_second_ = 10;
  std::array<Second, kEvents> seconds_{};
  std::array<std::atomic<std::uint64_t>, kEvents> left_out_{};
};

}  // namespace ringgate
