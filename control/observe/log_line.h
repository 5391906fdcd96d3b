// How a line of the log is written in the format json, and the levels as the logging library has
// them. Pure functions, any thread.
#pragma once

#include <spdlog/common.h>
#include <spdlog/details/log_msg.h>

#include <cstddef>
#include <string>

#include "control/observe/log_level.h"

namespace ringgate {

struct LogEventLine;

[[nodiscard]] spdlog::level::level_enum library_level(LogLevel level);

// One object and a line end: "time" (UTC), "level", "service_id", "event" and "message", then the
// fields of the event. `event` null: it has no name. One that is longer than `max_bytes` is cut
// where it may be, and says so: "cut" is true.
[[nodiscard]] std::string json_line(const spdlog::details::log_msg& message,
                                    const LogEventLine* event, std::size_t max_bytes);

}  // namespace ringgate
