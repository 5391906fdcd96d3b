// What is told in the log under a name: one table, from which the names in JSON lines and in the
// documentation come. A line that has no name of its own is a "message".
//
// Any thread but a shard's data path; nothing waits for whoever reads the log.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "control/observe/log_level.h"

namespace ringgate {

enum class LogEvent : std::uint8_t {
  kMessage,
  // The process
  kStarted,
  kConfigurationNoticed,
  kReloaded,
  kReloadRefused,
  kDraining,
  kDrained,
  kDrainCut,
  kEvacuated,
  kLogReopened,
  kLogNotReopened,
  kProblem,
  kProblemOver,
  // Operators
  kAdminAction,
  kAdminRefused,
  kAdminRead,
  // Services
  kServiceFound,
  kServiceGone,
  kLinkUp,
  kLinkDown,
  kLinkNotDialled,
  kRegistered,
  kNotRegistered,
  // Clients
  kLoginRefused,
  kClosed,
  kNotTold,
  // Clients, at debug
  kAccepted,
  kLogin,
  kForwarded,
  kAnswered,
  kPushed,
  kEnded,
  kEnd,
};

struct LogEventName {
  std::string_view name;
  LogLevel level;
  std::string_view meaning;
};
[[nodiscard]] const LogEventName& describe(LogEvent event) noexcept;
// In the order of the enum.
[[nodiscard]] std::span<const LogEventName> log_events() noexcept;

// What is told with it. Names are in lower case with underscores, none of "time", "level",
// "service_id", "event" and "message".
struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::uint64_t, bool> value;

  LogField(std::string_view field, std::string_view text) : name(field), value(text) {}
  LogField(std::string_view field, const std::string& text)
      : name(field), value(std::string_view(text)) {}
  LogField(std::string_view field, const char* text) : name(field), value(std::string_view(text)) {}
  LogField(std::string_view field, bool flag) : name(field), value(flag) {}
  template <std::unsigned_integral Number>
    requires(!std::same_as<Number, bool>)
  LogField(std::string_view field, Number number) : name(field), value(std::uint64_t{number}) {}
};

// Whether a line of that event would be written at present.
[[nodiscard]] bool is_told(LogEvent event);

// `message` is the whole line in the format text: it says what the fields say. Text of others in it
// has to be printable() already; fields are escaped by the format json.
void log_event(LogEvent event, std::initializer_list<LogField> fields, std::string_view message);
// Where the level is not always that of the table.
void log_event(LogEvent event, LogLevel level, std::initializer_list<LogField> fields,
               std::string_view message);
void log_event(LogEvent event, LogLevel level, std::span<const LogField> fields,
               std::string_view message);

// What stands with the line that this thread is writing; null: it has no name. For the sink.
struct LogEventLine {
  LogEvent event;
  std::span<const LogField> fields;
};
[[nodiscard]] const LogEventLine* current_log_event() noexcept;

}  // namespace ringgate
