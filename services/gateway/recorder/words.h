// What the flight recorder has, as JSON and in plain words. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "services/gateway/recorder/event.h"
#include "services/gateway/recorder/rows.h"

namespace ringgate {

class JsonWriter;

// What numbers in events stand for.
struct EventWords {
  std::span<const std::string> services;           // by index, as ServiceCounters has them
  std::map<std::uint16_t, std::string> instances;  // by the low half of their upstream
  std::map<std::uint16_t, std::string> commands;   // own ones, by OwnCommands::number_of
  std::int64_t unix_minus_monotonic_us = 0;        // between the two clocks
  std::string_view gateway_id;
};

// Now, of this machine's clocks; the same as before while none was set.
[[nodiscard]] std::int64_t unix_minus_monotonic_us();

// "2026-11-27T17:20:01.123456Z"
[[nodiscard]] std::string format_time(std::int64_t unix_us);

// One sentence, without a dot at its end.
[[nodiscard]] std::string describe(const Event& event, const EventWords& words);

// The members of its object.
void write_event(JsonWriter& json, const Event& event, const EventWords& words);
void write_row(JsonWriter& json, const ReadRow& read, const EventWords& words);

}  // namespace ringgate
