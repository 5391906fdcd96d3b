#include "control/observe/log_level.h"

#include <array>

#include "control/base/text.h"

namespace ringgate {
namespace {

constexpr std::array<std::string_view, 7> kNames{"trace", "debug",    "info", "warn",
                                                 "error", "critical", "off"};

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view text) {
  std::string wanted = lower_case(text);
  if (wanted == "warning") wanted = "warn";
  if (wanted == "err") wanted = "error";
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == wanted) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

std::string_view log_level_name(LogLevel level) {
  const auto index = static_cast<std::size_t>(level);
  return index < kNames.size() ? kNames[index] : "info";
}

std::string_view log_format_name(LogFormat format) {
  return format == LogFormat::kJson ? "json" : "text";
}

}  // namespace ringgate
