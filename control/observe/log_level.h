// The levels and formats of the log, apart from the logging library so that configuration need not
// know it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ringgate {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kCritical, kOff };

// Any case; "warning" and "err" are taken too, as existing configurations have them.
std::optional<LogLevel> parse_log_level(std::string_view text);
std::string_view log_level_name(LogLevel level);

// How a line is written: for people, or as one JSON object.
enum class LogFormat : std::uint8_t { kText, kJson };
std::string_view log_format_name(LogFormat format);  // "text", "json"

}  // namespace ringgate
