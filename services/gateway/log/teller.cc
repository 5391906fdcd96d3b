#include "services/gateway/log/teller.h"

#include <algorithm>
#include <cstring>

#include "services/gateway/log/close_level.h"
#include "services/gateway/mail.h"

namespace ringgate {
namespace {

constexpr std::uint32_t kSecondMs = 1000;
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

void Teller::turn() {
  if (shard_.now_ms() - second_ms_ < kSecondMs) return;
  second_ms_ = shard_.now_ms();
  for (Count& count : counts_) count.told = 0;
}

void Teller::tell(const Connection& connection, const Told& told) {
  if (is_debug(told.event) && !tells_debug()) return;
  turn();
  Count& count = counts_[index_of(told.event)];
  ToldHead head{};
  head.event = told.event;
  head.slot = connection.slot;
  head.generation = connection.generation;
  head.transport = connection.transport;
  head.peer = connection.peer;
  if (count.told >= most_of(told.event) || !mail(head, told)) {
    ++count.left_out;
    return;
  }
  ++count.told;
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
  Count& count = counts_[index_of(head.event)];
  head.left_out = count.left_out;
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
  count.left_out = 0;
  return true;
}

void Teller::on_tick() {
  if (shard_.now_ms() - second_ms_ < kSecondMs) return;
  turn();
  for (std::size_t i = 0; i < kEvents; ++i) {
    if (counts_[i].left_out == 0) continue;
    ToldHead head{};
    head.event = static_cast<LogEvent>(i);
    head.empty = 1;
    static_cast<void>(mail(head, {}));  // else the next time
  }
}

}  // namespace ringgate
