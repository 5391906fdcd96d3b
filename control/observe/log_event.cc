#include "control/observe/log_event.h"

#include <spdlog/spdlog.h>

#include <array>

#include "control/observe/log_line.h"

namespace ringgate {
namespace {

constexpr auto kInfo = LogLevel::kInfo;
constexpr auto kWarn = LogLevel::kWarn;
constexpr auto kError = LogLevel::kError;
constexpr auto kDebug = LogLevel::kDebug;

constexpr auto kEvents = std::to_array<LogEventName>({
    {"message", kInfo, "any line that has no name of its own; its level is what it says"},
    {"started", kInfo, "it serves: version, shards, room for connections, listeners"},
    {"configuration_noticed", kWarn, "a key that has no effect as it is written"},
    {"reloaded", kInfo, "SIGHUP: which keys have changed"},
    {"reload_refused", kError, "SIGHUP: nothing is reloaded, and why"},
    {"draining", kInfo, "it is about to end: a signal, or POST /drain"},
    {"drained", kInfo, "all clients are closed, and services know"},
    {"drain_cut", kWarn, "DrainTime was over before everything was drained"},
    {"evacuated", kInfo,
     "POST /evacuate is done, or aborted (by a drain, too): how many clients were told to go"},
    {"log_reopened", kInfo, "SIGHUP: LogFile is opened anew; the first line of the new file"},
    {"log_not_reopened", kError, "LogFile cannot be opened; the old file is written on"},
    {"problem", kWarn,
     "what /ready says, once, when it begins; of a store that stays away, each kind of trouble "
     "once"},
    {"problem_over", kInfo, "and how long it lasted"},
    {"admin_action", kInfo, "somebody has done something on the admin port: what, from where"},
    {"admin_refused", kWarn, "somebody may not do what was asked of the admin port, and why"},
    {"admin_read", kDebug, "somebody has looked at a page of the admin port"},
    {"service_found", kInfo, "the registry has a new instance of a service"},
    {"service_gone", kInfo, "an instance has left the registry: its link is drained"},
    {"link_up", kInfo, "a link to an instance is there"},
    {"link_down", kWarn, "a link has ended, and why; it is dialled again"},
    {"link_not_dialled", kWarn, "an instance cannot be reached, and why; it is tried again"},
    {"registered", kInfo, "the registry has this process"},
    {"not_registered", kError, "the registry has not taken this process, and why"},
    {"login_refused", kInfo, "a client was not let in: by what, and why"},
    {"closed", kInfo,
     "a connection ended for a reason that somebody has to know of: warn where a client is too "
     "slow or the machine too full"},
    {"not_told", kInfo, "how many lines of an event were left out since LogEventsPerSecond"},
    {"accepted", kDebug, "a client's connection"},
    {"login", kDebug, "a login was answered"},
    {"forwarded", kDebug, "a client's packet went to a service, or could not"},
    {"answered", kDebug, "a service's answer is there, and how long it took"},
    {"pushed", kDebug, "a service's packet was put into a client's queue"},
    {"ended", kDebug, "a client's connection, with reason"},
});
static_assert(kEvents.size() == static_cast<std::size_t>(LogEvent::kEnd), "a row for each");

thread_local const LogEventLine* current = nullptr;

}  // namespace

const LogEventName& describe(LogEvent event) noexcept {
  return kEvents[static_cast<std::size_t>(event)];
}

std::span<const LogEventName> log_events() noexcept {
  return kEvents;
}

bool is_told(LogEvent event) {
  const auto* const logger = spdlog::default_logger_raw();
  return logger != nullptr && logger->should_log(library_level(describe(event).level));
}

void log_event(LogEvent event, LogLevel level, std::span<const LogField> fields,
               std::string_view message) {
  const LogEventLine line{event, fields};
  current = &line;
  spdlog::log(library_level(level), "{}", message);
  current = nullptr;
}

void log_event(LogEvent event, LogLevel level, std::initializer_list<LogField> fields,
               std::string_view message) {
  log_event(event, level, std::span<const LogField>(fields.begin(), fields.size()), message);
}

void log_event(LogEvent event, std::initializer_list<LogField> fields, std::string_view message) {
  log_event(event, describe(event).level, fields, message);
}

const LogEventLine* current_log_event() noexcept {
  return current;
}

}  // namespace ringgate
