// How `ringgate trace` reads what gateways answer.
#pragma once

#include <simdjson.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "dataplane/clock.h"
#include "services/gateway/recorder/words.h"

namespace ringgate::trace_answer {

inline std::string text_of(const simdjson::dom::element& object, const char* key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}
inline std::uint64_t number_of(const simdjson::dom::element& object, const char* key) {
  std::uint64_t number = 0;
  return object[key].get(number) == simdjson::SUCCESS ? number : 0;
}
inline bool flag_of(const simdjson::dom::element& object, const char* key) {
  bool flag = false;
  return object[key].get(flag) == simdjson::SUCCESS && flag;
}

constexpr std::chrono::milliseconds kAskPatience{4000};  // a shard that is stuck takes two

inline std::string now() {
  return format_time(unix_minus_monotonic_us() +
                     static_cast<std::int64_t>(Clock::monotonic_ns() / 1000));
}

}  // namespace ringgate::trace_answer
