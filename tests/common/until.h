// Waits for a condition: up to 20 s, however busy the machine is.
#pragma once

#include <chrono>
#include <thread>

namespace ringgate {

template <class Condition>
bool until(Condition&& condition) {
  for (int i = 0; i < 4000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

}  // namespace ringgate
