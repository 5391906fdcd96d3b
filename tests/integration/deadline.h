// How long a test waits for what must come. Long, because the machine may be busy and the build may
// be one with sanitizers: a test that passes never waits for it.
#pragma once

#include <chrono>

namespace ringgate::test {

using SteadyClock = std::chrono::steady_clock;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

inline constexpr std::chrono::milliseconds kPatience{15'000};

// What is left until `until`, for poll(2): at least 0.
inline int left_ms(SteadyClock::time_point until) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(until - SteadyClock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

}  // namespace ringgate::test
