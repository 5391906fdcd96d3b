#include "services/gateway/recorder/rows.h"

#include <algorithm>
#include <cstring>

#include "dataplane/silence.h"
#include "services/gateway/channel.h"
#include "services/gateway/recorder/record.h"

namespace ringgate {
namespace {

constexpr unsigned kTookBits = 20;
constexpr std::uint64_t kMostTook = (std::uint64_t{1} << kTookBits) - 1;
constexpr std::uint64_t kAskedBits = (std::uint64_t{1} << (64 - kTookBits)) - 1;
constexpr std::uint32_t kTookStepUs = 16;

void append(std::vector<std::uint8_t>& to, const void* from, std::size_t bytes) {
  const auto* const first = static_cast<const std::uint8_t*>(from);
  to.insert(to.end(), first, first + bytes);
}

std::string read_text(ByteView& from, std::size_t bytes) {
  std::string text(as_text(from.first(bytes)));
  from = from.subspan(bytes);
  return text;
}

}  // namespace

std::uint64_t pack_login(std::uint64_t asked_us, std::uint32_t took_us) noexcept {
  const std::uint64_t steps =
      took_us == 0 ? 0 : std::min<std::uint64_t>(took_us / kTookStepUs + 1, kMostTook);
  return ((asked_us & kAskedBits) << kTookBits) | steps;
}

LoginTimes unpack_login(std::uint64_t times, std::uint64_t now_us) noexcept {
  if (times == 0) return {};
  const std::uint64_t ago_us = ((now_us & kAskedBits) - (times >> kTookBits)) & kAskedBits;
  const std::uint64_t steps = times & kMostTook;
  return {now_us - ago_us,
          steps == 0
              ? 0
              : static_cast<std::uint32_t>(std::max<std::uint64_t>(steps - 1, 1)) * kTookStepUs};
}

ChannelRow row_of(const Connection& connection, const Channel& channel, std::uint32_t shard,
                  std::uint32_t now_ms, std::uint64_t now_us, std::string_view gateway_id) {
  ChannelRow row;
  const FlightRecord* const record = channel.recorded ? channel.record : nullptr;
  const LoginTimes times =
      unpack_login(record != nullptr ? record->login_times : channel.login_times, now_us);
  row.asked_us = times.asked_us;
  row.login_took_us = times.took_us;
  row.pushed_bytes = record != nullptr ? record->pushed_bytes : 0;
  row.events = record != nullptr ? record->events : 0;
  row.shard = shard;
  row.slot = connection.slot;
  row.login = channel.login;
  row.queued_bytes = connection.output.queued_bytes();
  row.outstanding = channel.outstanding;
  row.pings = connection.pings;
  row.silent_ms = silent_ms(connection, now_ms);
  row.peer = connection.peer;
  row.transport = connection.transport;
  row.logged_in = channel.state == ChannelState::kLoggedIn;
  row.kicked_out = channel.kicked_out;
  row.recorded = record != nullptr;
  row.unrecorded = channel.unrecorded;
  row.sealed = connection.secured;
  row.listener = connection.listener;
  row.account_bytes = static_cast<std::uint8_t>(channel.account(gateway_id).size());
  return row;
}

std::vector<Event> events_of(const Channel& channel, std::uint64_t now_us) {
  std::vector<Event> events;
  if (channel.recorded) {
    channel.record->for_each([&](const Event& event) { events.push_back(event); });
    return events;
  }
  const LoginTimes times = unpack_login(channel.login_times, now_us);
  if (times.asked_us == 0) return events;
  events.emplace_back(EventKind::kLoginAsked, EventWhy::kNone, 0);
  events.back().happened_at(times.asked_us);
  if (times.took_us == 0) return events;
  events.emplace_back(EventKind::kLoggedIn, EventWhy::kNone, times.took_us);
  events.back().happened_at(times.asked_us + times.took_us);
  return events;
}

void append_row(std::vector<std::uint8_t>& to, ChannelRow row, std::string_view id,
                std::string_view app, std::string_view why, std::span<const Event> events) {
  why = why.substr(0, 255);
  row.id_bytes = static_cast<std::uint16_t>(id.size());
  row.app_bytes = static_cast<std::uint8_t>(app.size());
  row.why_bytes = static_cast<std::uint8_t>(why.size());
  row.events_kept = static_cast<std::uint16_t>(events.size());
  append(to, &row, sizeof row);
  for (const std::string_view text : {id, app, why}) append(to, text.data(), text.size());
  append(to, events.data(), events.size_bytes());
}

ReadRow read_row(ByteView& from) {
  ReadRow read;
  std::memcpy(&read.row, from.data(), sizeof read.row);
  from = from.subspan(sizeof read.row);
  read.id = read_text(from, read.row.id_bytes);
  read.app = read_text(from, read.row.app_bytes);
  read.why = read_text(from, read.row.why_bytes);
  read.events.resize(read.row.events_kept);
  const std::size_t bytes = read.events.size() * sizeof(Event);
  if (bytes > 0) std::memcpy(read.events.data(), from.data(), bytes);
  from = from.subspan(bytes);
  return read;
}

}  // namespace ringgate
