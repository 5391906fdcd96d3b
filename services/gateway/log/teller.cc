#include "services/gateway/log/teller.h"

#include <array>
#include <cstring>

#include "services/gateway/log/close_level.h"
#include "services/gateway/mail.h"

namespace ringgate {
namespace {

// Longer texts are cut: accounts and apps are bounded, the others are for people to read.
constexpr std::size_t kMostText = 200;

constexpr std::size_t index_of(LogEvent event) noexcept {
  return static_cast<std::size_t>(event);
}

std::string_view cut(std::string_view text) noexcept {
  return text.substr(0, kMostText);
}

bool is_debug(LogEvent event) {
  return describe(event).level <= LogLevel::kDebug;
}

}  // namespace

std::uint32_t Teller::most_of(LogEvent event) const noexcept {
  return is_debug(event) ? options_.log_debug_per_second : options_.log_events_per_second;
}

void Teller::tell(const Connection& connection, const Told& told) {
  if (is_debug(told.event) && !tells_debug()) return;
  ToldHead head{};
  head.event = told.event;
  head.slot = connection.slot;
  head.generation = connection.generation;
  head.transport = connection.transport;
  head.peer = connection.peer;
  told_.tell(index_of(told.event), most_of(told.event), shard_.now_ms(),
             [&](std::uint32_t left_out) {
               head.left_out = left_out;
               return mail(head, told);
             });
}

void Teller::tell(const Connection& connection, const Channel& channel, Told told) {
  told.account = channel.account(options_.gateway_id);
  told.app = channel.app();
  tell(connection, told);
}

void Teller::closed(const Connection& connection, const Channel* channel, CloseReason reason) {
  const bool is_debug_only = close_level(reason) <= LogLevel::kDebug;
  const Told told{.event = is_debug_only ? LogEvent::kEnded : LogEvent::kClosed,
                  .reason = reason,
                  .bytes = static_cast<std::uint32_t>(connection.output.queued_bytes())};
  channel == nullptr ? tell(connection, told) : tell(connection, *channel, told);
}

bool Teller::mail(ToldHead& head, const Told& told) {
  const std::array<std::string_view, 4> texts = {cut(told.account), cut(told.app),
                                                 cut(told.command), cut(told.why)};
  std::size_t bytes = 0;
  for (const std::string_view text : texts) bytes += text.size();
  head.bytes = told.bytes;
  head.took_us = told.took_us;
  head.upstream = told.upstream;
  head.reason = told.reason;
  head.good = told.good ? 1 : 0;
  head.account_bytes = static_cast<std::uint8_t>(texts[0].size());
  head.app_bytes = static_cast<std::uint8_t>(texts[1].size());
  head.command_bytes = static_cast<std::uint16_t>(texts[2].size());
  head.why_bytes = static_cast<std::uint16_t>(texts[3].size());
  std::uint8_t* to = shard_.mail(shard_.control(), kMailTold, head, bytes);
  if (to == nullptr) return false;
  for (const std::string_view text : texts) {
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    to += text.size();
  }
  return true;
}

void Teller::on_tick() {
  told_.on_tick(shard_.now_ms(), [this](std::size_t event, std::uint32_t left_out) {
    ToldHead head{};
    head.event = static_cast<LogEvent>(event);
    head.left_out = left_out;
    head.empty = 1;
    return mail(head, {});
  });
}

}  // namespace ringgate
