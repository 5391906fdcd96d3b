#include "services/gateway/recorder/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include "codec/pkt.pb.h"
#include "control/base/json_writer.h"
#include "dataplane/clock.h"
#include "dataplane/close_reason.h"
#include "dataplane/transport.h"
#include "services/gateway/commands.h"
#include "services/gateway/counters.h"

namespace ringgate {
namespace {

std::string_view command_of(const Event& event) {
  return kKnownCommands[std::min<std::size_t>(event.detail(), kOtherCommand)];
}

std::string instance_of(const Event& event, const EventWords& words) {
  const auto found = words.instances.find(event.upstream);
  if (found != words.instances.end()) return found->second;
  return event.upstream == 0 ? "" : fmt::format("instance {}", event.upstream);
}

std::string_view service_at(std::size_t index, const EventWords& words) {
  return index < words.services.size() ? std::string_view(words.services[index]) : "a service";
}

std::string duration(std::uint32_t us) {
  if (us < 1000) return fmt::format("{} µs", us);
  if (us < 1'000'000) return fmt::format("{:.1f} ms", us / 1e3);
  return fmt::format("{:.1f} s", us / 1e6);
}

std::string status_words(std::uint16_t status) {
  const std::string& name = pkt::Status_Name(static_cast<pkt::Status>(status));
  return name.empty() ? fmt::format("status {}", status) : fmt::format("{} {}", status, name);
}

std::string_view reason_of(const Event& event) {
  return describe(CloseReason::at(event.detail()), kGatewayNames).name;
}

std::string_view why_words(const Event& event) {
  return kNamesOf<EventWhy>[std::min(index_of(event.why()), index_of(EventWhy::kEnd) - 1)].words;
}
std::string_view why_name(const Event& event) {
  return kNamesOf<EventWhy>[std::min(index_of(event.why()), index_of(EventWhy::kEnd) - 1)].name;
}

// "other" is no command.
std::string packet_words(const Event& event) {
  return event.detail() >= kOtherCommand ? "a packet" : std::string(command_of(event));
}

bool is_of_push(EventKind kind) {
  return kind == EventKind::kPushed || kind == EventKind::kPushWaits ||
         kind == EventKind::kPushDropped || kind == EventKind::kPushToGone;
}

// "other" where nobody knows its name.
std::string_view command_of(const Event& event, const EventWords& words) {
  const auto own = event.detail() >= kOtherCommand && is_of_push(event.kind())
                       ? words.commands.find(event.status)
                       : words.commands.end();
  return own == words.commands.end() ? command_of(event) : own->second;
}

std::string push_words(const Event& event, const EventWords& words) {
  const std::string from = instance_of(event, words);
  const std::string_view command = command_of(event, words);
  return fmt::format("a push{}{} ({} bytes)",
                     command == kKnownCommands[kOtherCommand] ? "" : fmt::format(" of {}", command),
                     from.empty() ? "" : fmt::format(" from {}", from), event.value);
}

// What of an event stands in JSON, by its kind.
enum Member : unsigned {
  kServiceInStatus = 1,
  kServiceInDetail = 2,
  kCommand = 4,
  kSequence = 8,
  kStatus = 16,
  kTook = 32,
  kBytes = 64,
  kReason = 128,
  kWhy = 256,
};
constexpr std::array<unsigned, index_of(EventKind::kEnd)> kMembers = {
    0,                                        // login_asked
    kTook,                                    // logged_in
    kStatus | kTook,                          // login_refused
    kServiceInStatus | kCommand | kSequence,  // forwarded
    kServiceInDetail | kStatus | kTook,       // answered
    kServiceInStatus | kSequence | kWhy,      // not_forwarded
    kServiceInStatus | kTook | kWhy,          // unanswered
    kCommand | kSequence,                     // refused_command
    kCommand | kBytes,                        // push_queued
    kCommand | kBytes,                        // push_waits
    kCommand | kBytes,                        // push_dropped
    kCommand | kBytes,                        // push_to_gone_channel
    kTook,                                    // written
    kWhy,                                     // kicked
    kReason | kBytes,                         // closed
};

std::string or_service(std::string instance, std::string_view service) {
  return instance.empty() ? std::string(service) : std::move(instance);
}

}  // namespace

// The clocks are read one after the other: what they are apart is a little different each time, and
// one event would have another time on each page. It changes where the clock was set.
std::int64_t unix_minus_monotonic_us() {
  constexpr std::int64_t kNear = 1000;
  static std::atomic<std::int64_t> kept = INT64_MIN / 2;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t apart = std::chrono::duration_cast<std::chrono::microseconds>(now).count() -
                             static_cast<std::int64_t>(Clock::monotonic_ns() / 1000);
  std::int64_t before = kept.load(std::memory_order_relaxed);
  while (std::abs(apart - before) > kNear) {
    if (kept.compare_exchange_weak(before, apart, std::memory_order_relaxed)) return apart;
  }
  return before;
}

std::string format_time(std::int64_t unix_us) {
  const std::time_t seconds = unix_us / 1'000'000;
  std::tm time{};
  gmtime_r(&seconds, &time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", time.tm_year + 1900,
                     time.tm_mon + 1, time.tm_mday, time.tm_hour, time.tm_min, time.tm_sec,
                     unix_us % 1'000'000);
}

std::string describe(const Event& event, const EventWords& words) {
  const std::string instance = instance_of(event, words);
  switch (event.kind()) {
    case EventKind::kLoginAsked:
      return fmt::format("asked to log in; sent to {}", or_service(instance, "a login service"));
    case EventKind::kLoggedIn:
      return fmt::format("logged in by {} after {}", or_service(instance, "the login service"),
                         duration(event.value));
    case EventKind::kLoginRefused:
      return fmt::format("login refused by {} after {}: {}",
                         or_service(instance, "the login service"), duration(event.value),
                         status_words(event.status));
    case EventKind::kForwarded:
      return fmt::format("{} (sequence {}) sent to {}", packet_words(event), event.value,
                         or_service(instance, service_at(event.status, words)));
    case EventKind::kAnswered:
      return fmt::format("{} answered after {}: {}",
                         or_service(instance, service_at(event.detail(), words)),
                         duration(event.value), status_words(event.status));
    case EventKind::kNotForwarded:
      return fmt::format(
          "a packet for {} (sequence {}) was not sent{}: {}; the client was told 300",
          service_at(event.status, words), event.value, instance.empty() ? "" : " to " + instance,
          why_words(event));
    case EventKind::kUnanswered:
      return fmt::format("{} did not answer in {}: {}; the client was told 300, outcome unknown",
                         or_service(instance, service_at(event.status, words)),
                         duration(event.value), why_words(event));
    case EventKind::kRefusedCommand:
      return fmt::format("{} (sequence {}) answered with 103 InvalidCommand", packet_words(event),
                         event.value);
    case EventKind::kPushed:
      return push_words(event, words) + " is in its queue";
    case EventKind::kPushWaits:
      return push_words(event, words) + " waits for the answer to its login";
    case EventKind::kPushDropped:
      return push_words(event, words) +
             " was dropped: the client does not read, and its queue is full";
    case EventKind::kPushToGone:
      return push_words(event, words) + " came for a channel that had ended: it was dropped";
    case EventKind::kWritten:
      return fmt::format("all of its queue is written, {} after the first push in it",
                         duration(event.value));
    case EventKind::kKicked:
      return fmt::format("kicked out {}", why_words(event));
    case EventKind::kClosed:
      return event.value == 0 ? fmt::format("closed: {}", reason_of(event))
                              : fmt::format("closed: {}; {} bytes were still queued",
                                            reason_of(event), event.value);
    case EventKind::kEnd:
      break;
  }
  return "an event that this version does not know";
}

void write_event(JsonWriter& json, const Event& event, const EventWords& words) {
  const std::size_t kind = std::min(index_of(event.kind()), index_of(EventKind::kEnd) - 1);
  const unsigned has = kMembers[kind];
  json.text("at",
            format_time(static_cast<std::int64_t>(event.at_us()) + words.unix_minus_monotonic_us));
  json.text("event", kNamesOf<EventKind>[kind].name);
  if (event.upstream != 0) json.text("instance", instance_of(event, words));
  if ((has & kServiceInStatus) != 0) json.text("service", service_at(event.status, words));
  if ((has & kServiceInDetail) != 0) json.text("service", service_at(event.detail(), words));
  if ((has & kCommand) != 0) json.text("command", command_of(event, words));
  if ((has & kSequence) != 0) json.count("sequence", event.value);
  if ((has & kStatus) != 0) json.count("status", event.status);
  if ((has & kTook) != 0) json.count("tookUs", event.value);
  if ((has & kBytes) != 0) json.count("bytes", event.value);
  if ((has & kReason) != 0) json.text("reason", reason_of(event));
  if ((has & kWhy) != 0) json.text("why", why_name(event));
  json.text("words", describe(event, words));
}

void write_row(JsonWriter& json, const ReadRow& read, const EventWords& words) {
  const ChannelRow& row = read.row;
  const auto time = [&](const char* key, std::uint64_t us) {
    json.text_or_null(
        key, us == 0 ? std::string()
                     : format_time(static_cast<std::int64_t>(us) + words.unix_minus_monotonic_us));
  };
  json.text_or_null("channel", row.claimed ? std::string_view() : read.id);
  json.text_or_null("account", read.account(words.gateway_id));
  json.text_or_null("app", read.app);
  json.text("remoteIP", row.peer.ip());
  json.count("remotePort", row.peer.port());
  json.text("transport", describe(row.transport));
  json.flag("tls", row.sealed);
  json.count("shard", row.shard);
  json.flag("connected", row.closed_us == 0);
  json.flag("loggedIn", row.logged_in);
  time("askedToLogInAt", row.asked_us);
  json.count("loginTookUs", row.login_took_us);
  json.count("pings", row.pings);
  json.count("outstanding", row.outstanding);
  json.count("queuedBytes", row.queued_bytes);
  json.count("pushedBytes", row.pushed_bytes);
  json.count("silentMs", row.silent_ms);
  json.flag("recorded", row.recorded);
  json.flag("someNotRecorded", row.unrecorded);
  if (row.claimed) json.flag("claimed", true);
  if (row.closed_us == 0) return;
  time("closedAt", row.closed_us);
  json.text("reason", describe(row.reason, kGatewayNames).name);
  json.text_or_null("why", read.why);
}

}  // namespace ringgate
