#include "services/gateway/recorder/recorder.h"

#include <algorithm>
#include <new>

#include "services/gateway/counters.h"

namespace ringgate {
namespace {

// As many for each shard that all of them have what was asked for.
std::uint32_t share_of(std::uint32_t closes, std::uint32_t shards) {
  return std::max<std::uint32_t>(1, (closes + shards - 1) / std::max<std::uint32_t>(1, shards));
}

constexpr std::size_t kClosesOfATrace = 4;  // that it begins with

// Those of `all` that are kept.
void copy_events(Traces::Trace& trace, Traces::Traced& channel, std::uint32_t all,
                 std::span<const Event> events) {
  for (const Event& event : events) trace.add(channel.login, event);
  channel.events_gone = all - std::min(all, static_cast<std::uint32_t>(events.size()));
}

// To who follows its account; of a login that was refused, too, which had no channel.
void tell_end(Traces::Trace& trace, ChannelRow row, std::string_view id, std::string_view app,
              std::string_view why) {
  std::vector<std::uint8_t>* to = nullptr;
  if (row.claimed) {
    to = trace.add_refused();
  } else if (Traces::Traced* const channel = trace.channel(row.login, row.slot)) {
    row.events_gone = channel->events_gone;
    to = &channel->row;
  }
  if (to != nullptr) append_row(*to, row, id, app, why, {});
}

std::uint32_t events_so_far(const Channel& channel) {
  return channel.recorded ? channel.record->events : 0;
}

}  // namespace

Recorder::Recorder(Shard& shard, const GatewayOptions& options)
    : shard_(shard),
      options_(options),
      closes_(shard.pool(), share_of(options.recorded_closes, shard.options().shards)) {}

// --- Records ------------------------------------------------------------------------------------

// Those who are there come before those who have gone.
bool Recorder::has_room() {
  if (records_ < options_.recorded_channels) return true;
  if (!closes_.forget_oldest_record()) return false;
  forgotten(1);
  return records_ < options_.recorded_channels;
}

FlightRecord* Recorder::begin(Channel& channel) {
  if (has_room()) [[likely]] {
    const Block block = shard_.pool().try_take(sizeof(FlightRecord));
    if (block.data != nullptr) return make_record(channel, block);
  }
  channel.unrecorded = true;
  shard_.counters().add(GatewayCounter::kEventsNotRecorded);
  return nullptr;
}

FlightRecord* Recorder::make_record(Channel& channel, Block block) {
  ++records_;
  shard_.counters().set(GatewayGauge::kRecordedChannels, records_);
  auto* const record = new (block.data) FlightRecord;
  for (const Event& event : events_of(channel, shard_.turn_us())) record->add(event);
  record->login = channel.login;
  record->login_times = channel.login_times;
  channel.record = record;
  channel.recorded = true;
  return record;
}

void Recorder::forgotten(std::uint32_t records) noexcept {
  if (records == 0) return;
  records_ -= std::min(records, records_);
  shard_.counters().set(GatewayGauge::kRecordedChannels, records_);
}

// --- Events -------------------------------------------------------------------------------------

void Recorder::login_asked(Channel& channel, std::uint32_t slot, std::uint32_t upstream) {
  if (!options_.flight_recorder) return;
  if (traces_.any()) [[unlikely]] {
    const std::uint8_t traces = traces_.of(channel.account(options_.gateway_id));
    if (traces != 0) {
      trace(channel, slot, traces);
      add(channel, {EventKind::kLoginAsked, EventWhy::kNone, 0, upstream});
      channel.record->login_times = pack_login(shard_.turn_us(), 0);
      return;
    }
  }
  channel.login_times = pack_login(shard_.turn_us(), 0);
}

void Recorder::logged_in(Channel& channel, std::uint32_t took_us, std::uint32_t upstream) {
  if (!options_.flight_recorder) return;
  took_us = std::max(took_us, 1u);
  const std::uint64_t times = pack_login(shard_.turn_us() - took_us, took_us);
  if (!channel.recorded) {
    channel.login_times = times;
    return;
  }
  channel.record->login_times = times;
  add(channel, {EventKind::kLoggedIn, EventWhy::kNone, took_us, upstream});
}

void Recorder::sent(Channel& channel) {
  if (!channel.recorded || channel.record->pushed_us == 0) return;
  const auto took_us = static_cast<std::uint32_t>(std::min<std::uint64_t>(
      shard_.turn_us() - std::exchange(channel.record->pushed_us, 0), UINT32_MAX));
  shard_.counters().record(GatewayDistribution::kPushWritten, took_us);
  add(channel, {EventKind::kWritten, EventWhy::kNone, took_us});
}

void Recorder::pushed_to_gone(std::string_view channel_id, std::uint32_t login,
                              const Event& event) {
  if (!traces_.any()) return;
  Event now = event;
  now.happened_at(shard_.turn_us());
  traces_.add(traces_.of(account_of(channel_id, options_.gateway_id)), login, now);
}

// --- Ends ---------------------------------------------------------------------------------------

void Recorder::ended(const Connection& connection, Channel* channel, CloseReason reason) {
  const std::string_view why = std::exchange(why_, {});
  const Event push = std::exchange(push_, {});
  if (channel != nullptr && push.kind() == EventKind::kPushed) {
    add(*channel, {EventKind::kPushDropped, push.detail(), push.value, push.upstream, push.status});
  }
  const bool left_by_itself = reason == CloseReason::kPeerClosed ||
                              reason == CloseReason::kPeerReset ||
                              reason == CloseReason::kPeerCloseFrame;
  if (!options_.flight_recorder) {
    // It may have been on before.
    if (channel != nullptr && channel->recorded) keep_close(connection, channel, reason, why);
    return;
  }
  // Who comes and goes without a word is a balancer that asks whether somebody is there.
  if (channel == nullptr && left_by_itself) return;
  keep_close(connection, channel, reason, why);
}

void Recorder::keep_close(const Connection& connection, Channel* channel, CloseReason reason,
                          std::string_view why) {
  ChannelRow row;
  FlightRecord* record = nullptr;
  if (channel != nullptr) {
    if (channel->recorded) {
      add(*channel, {EventKind::kClosed, static_cast<std::uint8_t>(reason.index()),
                     connection.output.queued_bytes()});
      record = channel->record;
    }
    row = row_of(connection, *channel);
    channel->recorded = false;
    channel->login_times = 0;
  } else {
    row.peer = connection.peer;
    row.transport = connection.transport;
    row.sealed = connection.secured;
    row.pings = connection.pings;
    row.shard = shard_.index();
    row.slot = connection.slot;
    row.claimed = !claimed_account_.empty();
    row.account_bytes = static_cast<std::uint8_t>(claimed_account_.size());
  }
  row.closed_us = shard_.turn_us();
  row.reason = reason;
  const std::string_view id = channel != nullptr ? channel->id() : claimed_account_;
  const std::string_view app = channel != nullptr ? channel->app() : claimed_app_;
  forgotten(closes_.add({row, {}, why, record, shard_.now_ms()}, id, app));
  const std::uint8_t traces = row.claimed && traces_.any() ? traces_.of(claimed_account_)
                              : record != nullptr          ? std::exchange(record->traces, {})
                                                           : std::uint8_t{0};
  traces_.for_each(traces, [&](Traces::Trace& trace) { tell_end(trace, row, id, app, why); });
}

void Recorder::append_close(std::vector<std::uint8_t>& to, const Closes::Close& close,
                            bool with_events) {
  std::vector<Event> events;
  if (with_events && close.record != nullptr) {
    close.record->for_each([&](const Event& event) { events.push_back(event); });
  } else if (with_events && close.row.asked_us != 0) {
    events.emplace_back(EventKind::kLoginAsked, EventWhy::kNone, 0);
    events.back().happened_at(close.row.asked_us);
    if (close.row.login_took_us != 0) {
      events.emplace_back(EventKind::kLoggedIn, EventWhy::kNone, close.row.login_took_us);
      events.back().happened_at(close.row.asked_us + close.row.login_took_us);
    }
    events.emplace_back(EventKind::kClosed, static_cast<std::uint8_t>(close.row.reason.index()),
                        close.row.queued_bytes);
    events.back().happened_at(close.row.closed_us);
  }
  append_row(to, close.row, close.id(), close.app(), close.why, events);
}

void Recorder::on_tick() {
  forgotten(closes_.forget_records(shard_.now_ms(), kKeptMs));
  if (!traces_.any()) return;
  traces_.expire(shard_.now_ms(), [this](const Traces::Trace& trace) { untrace(trace); });
}

// --- Traces -------------------------------------------------------------------------------------

ChannelRow Recorder::row_of(const Connection& connection, const Channel& channel) const {
  return ringgate::row_of(connection, channel, shard_.index(), shard_.now_ms(), shard_.turn_us(),
                          options_.gateway_id);
}

// They are few, so that the bound on records is not theirs.
void Recorder::trace(Channel& channel, std::uint32_t slot, std::uint8_t traces) {
  FlightRecord& record = channel.recorded
                             ? *channel.record
                             : *make_record(channel, shard_.pool().take(sizeof(FlightRecord)));
  traces_.for_each(traces, [&](Traces::Trace& one) {
    if (one.channel(channel.login, slot) == nullptr) return;
    record.traces = static_cast<std::uint8_t>(record.traces | traces_.bit_of(one));
  });
}

Traces::Trace* Recorder::follow(std::string_view account) {
  if (Traces::Trace* const there = traces_.asked(account, shard_.now_ms())) return there;
  Traces::Trace* const trace = traces_.begin(account, shard_.now_ms(), new_epoch());
  if (trace == nullptr) return nullptr;
  take_closed(*trace);
  const std::uint8_t bit = traces_.bit_of(*trace);
  for_each_of(account, [&](const Connection& connection, Channel& channel) {
    Traces::Traced* const traced = trace->channel(channel.login, connection.slot);
    if (traced == nullptr) return;
    copy_events(*trace, *traced, events_so_far(channel), events_of(channel, shard_.turn_us()));
    this->trace(channel, connection.slot, bit);
  });
  return trace;
}

Traces::Trace Recorder::recorded(std::string_view account) const {
  Traces::Trace trace(account, new_epoch(), shard_.now_ms());
  take_closed(trace);
  for_each_of(account, [&](const Connection& connection, const Channel& channel) {
    Traces::Traced* const traced = trace.channel(channel.login, connection.slot);
    if (traced == nullptr) return;
    copy_events(trace, *traced, events_so_far(channel), events_of(channel, shard_.turn_us()));
  });
  return trace;
}

// Its channels that are there.
template <class Use>
void Recorder::for_each_of(std::string_view account, Use&& use) const {
  shard_.table().for_each_client([&](const Connection& connection) {
    Channel* const channel = connection.open() ? channel_of(connection) : nullptr;
    if (channel == nullptr || channel->account(options_.gateway_id) != account) return;
    use(connection, *channel);
  });
}

// Of the account's last channels that have ended.
void Recorder::take_closed(Traces::Trace& trace) const {
  std::vector<const Closes::Close*> closes;
  closes_.for_each([&](const Closes::Close& close) {
    if (close.account(options_.gateway_id) != trace.account) return true;
    if (closes.size() < kClosesOfATrace) {
      closes.push_back(&close);
    } else {
      ++trace.untold_closes;
    }
    return true;
  });
  std::ranges::reverse(closes);
  for (const Closes::Close* const close : closes) {
    if (close->row.claimed) {
      tell_end(trace, close->row, close->id(), close->app(), close->why);
      continue;
    }
    std::vector<std::uint8_t> with_events;
    append_close(with_events, *close, true);
    ByteView rest = with_events;
    Traces::Traced* const channel = trace.channel(close->row.login, close->row.slot);
    if (channel == nullptr) continue;
    copy_events(trace, *channel, close->row.events, read_row(rest).events);
    tell_end(trace, close->row, close->id(), close->app(), close->why);
  }
}

void Recorder::untrace(const Traces::Trace& trace) {
  for (const Traces::Traced& one : trace.channels) {
    Connection* const connection = shard_.at(one.slot);
    Channel* const channel =
        connection != nullptr && connection->open() ? channel_of(*connection) : nullptr;
    if (channel == nullptr || channel->login != one.login || !channel->recorded) continue;
    channel->record->traces =
        static_cast<std::uint8_t>(channel->record->traces & ~unsigned{traces_.bit_of(trace)});
  }
}

}  // namespace ringgate
