#include "control/observe/log_line.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <ctime>

#include "control/base/json_writer.h"
#include "control/observe/log_event.h"

namespace ringgate {
namespace {

// What a line that is too long is cut to.
constexpr std::size_t kCutMessage = 1024;
constexpr std::size_t kCutField = 128;

std::string utc(spdlog::log_clock::time_point time) {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since - seconds).count();
  const std::time_t whole = seconds.count();
  std::tm parts{};
  gmtime_r(&whole, &parts);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", parts, ms);
}

std::string_view level_text(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
      return "trace";
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::warn:
      return "warn";
    case spdlog::level::err:
      return "error";
    case spdlog::level::critical:
      return "critical";
    default:
      return "info";
  }
}

void write_field(JsonWriter& json, const LogField& field, std::size_t most) {
  if (const auto* const text = std::get_if<std::string_view>(&field.value)) {
    json.text(field.name, text->substr(0, most));
  } else if (const auto* const number = std::get_if<std::uint64_t>(&field.value)) {
    json.count(field.name, *number);
  } else {
    json.flag(field.name, std::get<bool>(field.value));
  }
}

std::string write_line(const spdlog::details::log_msg& message, const LogEventLine* event,
                       bool is_cut) {
  const std::size_t most = std::string_view::npos;
  const std::string_view text(message.payload.data(), message.payload.size());
  JsonWriter json;
  json.object("", [&] {
    json.text("time", utc(message.time));
    json.text("level", level_text(message.level));
    json.text("service_id", {message.logger_name.data(), message.logger_name.size()});
    json.text("event", describe(event != nullptr ? event->event : LogEvent::kMessage).name);
    json.text("message", text.substr(0, is_cut ? kCutMessage : most));
    if (event != nullptr) {
      for (const LogField& field : event->fields) {
        write_field(json, field, is_cut ? kCutField : most);
      }
    }
    if (is_cut) json.flag("cut", true);
  });
  return json.take() + "\n";
}

}  // namespace

spdlog::level::level_enum library_level(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return spdlog::level::trace;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kCritical:
      return spdlog::level::critical;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

std::string json_line(const spdlog::details::log_msg& message, const LogEventLine* event,
                      std::size_t max_bytes) {
  std::string line = write_line(message, event, false);
  return line.size() <= max_bytes ? line : write_line(message, event, true);
}

}  // namespace ringgate
