#include "services/gateway/log/client_log.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "control/base/address.h"
#include "control/base/text.h"
#include "services/gateway/log/close_level.h"

namespace ringgate {
namespace {

constexpr std::array kTold = {LogEvent::kLoginRefused, LogEvent::kClosed,    LogEvent::kAccepted,
                              LogEvent::kLogin,        LogEvent::kForwarded, LogEvent::kAnswered,
                              LogEvent::kPushed,       LogEvent::kEnded};

// Commands are short. What is longer may be something else that a client has put in its place, its
// token for one.
std::string command_text(std::string_view command) {
  constexpr std::size_t kMostBytes = 32;
  if (command.size() <= kMostBytes) return printable(command);
  return printable(command.substr(0, kMostBytes)) + "…";
}

std::string_view cut_front(ByteView& bytes, std::size_t size) {
  const std::string_view text = as_text(bytes.first(size));
  bytes = bytes.subspan(size);
  return text;
}

}  // namespace

// A head with its texts, as a line has them.
struct ClientLog::Line {
  const ToldHead& head;
  std::string connection;  // shard-slot-generation: the same in all lines of a connection
  std::string peer;
  std::string account{};
  std::string app{};
  std::string command{};
  std::string why{};
  std::string instance{};

  // "alice of kim", or nothing
  [[nodiscard]] std::string who() const {
    if (account.empty()) return "a client that has not logged in";
    return app.empty() ? account : account + " of " + app;
  }
  [[nodiscard]] std::string_view reason() const {
    return describe(head.reason, kGatewayNames).name;
  }
};

void ClientLog::take(std::uint32_t shard, const ToldHead& head, ByteView texts, Time now) {
  if (head.left_out > 0) limits_.left_out(head.event, head.left_out, now);
  const bool is_debug = describe(head.event).level <= LogLevel::kDebug;
  if (head.empty != 0) return;
  if (is_debug ? !is_told(head.event) : !limits_.take(head.event, now)) return;
  Line line{.head = head,
            .connection = fmt::format("{}-{}-{}", shard, head.slot, head.generation),
            .peer = format_endpoint({head.peer.ip(), head.peer.port()})};
  line.account = printable(cut_front(texts, head.account_bytes));
  line.app = printable(cut_front(texts, head.app_bytes));
  line.command = command_text(cut_front(texts, head.command_bytes));
  line.why = printable(cut_front(texts, head.why_bytes));
  if (head.upstream != 0) line.instance = instance_name_(head.upstream);
  write(line);
}

std::vector<LogField> ClientLog::fields_of(const Line& line) {
  const ToldHead& head = line.head;
  std::vector<LogField> fields = {{"connection", line.connection}, {"peer", line.peer}};
  const auto put_text = [&fields](std::string_view name, const std::string& text) {
    if (!text.empty()) fields.emplace_back(name, text);
  };
  put_text("account", line.account);
  put_text("app", line.app);
  put_text("command", line.command);
  put_text("instance", line.instance);
  put_text("why", line.why);
  if (head.reason != CloseReason()) fields.emplace_back("reason", line.reason());
  const bool is_end = head.event == LogEvent::kClosed || head.event == LogEvent::kEnded;
  const bool is_packet = head.event == LogEvent::kForwarded || head.event == LogEvent::kAnswered ||
                         head.event == LogEvent::kPushed;
  if (head.event == LogEvent::kAccepted) {
    fields.emplace_back("transport", describe(head.transport));
  }
  if (is_end) fields.emplace_back("queued_bytes", head.bytes);
  if (is_packet) fields.emplace_back("bytes", head.bytes);
  if (is_packet) fields.emplace_back("good", head.good != 0);
  if (head.event == LogEvent::kAnswered || head.event == LogEvent::kLogin) {
    fields.emplace_back("took_us", head.took_us);
  }
  return fields;
}

std::string ClientLog::message_of(const Line& line) {
  const ToldHead& head = line.head;
  const std::string& at = line.connection;
  const std::string who = line.who();
  switch (head.event) {
    case LogEvent::kLoginRefused:
      return fmt::format("login {}from {} refused: {}",
                         line.account.empty() ? "" : "of " + who + " ", line.peer, line.why);
    case LogEvent::kClosed:
      return fmt::format("closed {} ({}): {}", line.peer, who, line.reason());
    case LogEvent::kAccepted:
      return fmt::format("{}: accepted from {} over {}", at, line.peer, describe(head.transport));
    case LogEvent::kLogin:
      return fmt::format("{}: {} logged in after {} us", at, who, head.took_us);
    case LogEvent::kForwarded:
      return fmt::format("{}: {} of {}, {} bytes, {}", at, line.command, who, head.bytes,
                         head.good != 0 ? "to " + line.instance : "not forwarded: " + line.why);
    case LogEvent::kAnswered:
      return fmt::format("{}: answer of {} for {}, {} bytes after {} us", at, line.instance, who,
                         head.bytes, head.took_us);
    case LogEvent::kPushed:
      return fmt::format("{}: push of {} for {}, {} bytes{}", at, line.instance, who, head.bytes,
                         head.good != 0 ? "" : ", not queued");
    default:
      return fmt::format("{}: {} ended: {}, {} bytes not sent", at, who, line.reason(), head.bytes);
  }
}

void ClientLog::write(const Line& line) {
  const bool is_close = line.head.event == LogEvent::kClosed;
  log_event(line.head.event,
            is_close ? close_level(line.head.reason) : describe(line.head.event).level,
            std::span<const LogField>(fields_of(line)), message_of(line));
}

void ClientLog::collect(const std::string& service_id, MetricsSnapshot& metrics) const {
  for (const LogEvent event : kTold) {
    metrics.counter("ringgate_log_events_left_out_total",
                    "lines of clients that the log does not have, by event: there were more than "
                    "LogEventsPerSecond or LogDebugPerSecond",
                    {{"service_id", service_id}, {"event", std::string(describe(event).name)}},
                    static_cast<double>(limits_.left_out(event)));
  }
}

}  // namespace ringgate
