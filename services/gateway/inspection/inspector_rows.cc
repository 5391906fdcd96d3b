// Inspector: what is answered in rows (recorder/rows.h).
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "services/gateway/channel.h"
#include "services/gateway/inspection/inspector.h"

namespace ringgate {
namespace {

using Rows = std::vector<std::uint8_t>;

// An answer has to fit a mailbox beside what else is in it; a row is a kilobyte at most.
constexpr std::size_t kMostRowBytes = 1024;
constexpr std::size_t kMaxAnswerBytes = 64 * 1024;

bool is_full(const Rows& rows) {
  return rows.size() + kMostRowBytes > kMaxAnswerBytes;
}

// Many end in one turn of a shard, with one time: there their numbers tell them apart. The newest
// comes first, as it is looked at.
ListPlace place_of_close(const Closes::Close& close, std::uint64_t number) {
  return {close.row.closed_us, close.row.shard, ~static_cast<std::uint32_t>(number)};
}

std::uint64_t key_of(ListOrder order, const Connection& connection, const ChannelRow& row,
                     std::uint64_t now_ms) {
  switch (order) {
    case ListOrder::kQueued:
      return connection.output.queued_bytes();
    case ListOrder::kAge:
      return row.asked_us == 0 ? 0 : ~row.asked_us;  // the same on every page
    case ListOrder::kSent:
      return row.pushed_bytes;
    case ListOrder::kIdle:
      return ~(now_ms - row.silent_ms);  // so is that
    case ListOrder::kOutstanding:
      return row.outstanding;
    case ListOrder::kEnd:
      break;
  }
  return 0;
}

// The greatest key comes first.
bool comes_before(const ListPlace& one, const ListPlace& other) {
  if (one.key != other.key) return one.key > other.key;
  return std::pair(one.shard, one.number) < std::pair(other.shard, other.number);
}

// Of one that has ended: whether its connection is still in its slot, to say its last words.
bool is_leaving(const ChannelRow& row, const Connection* connection) {
  return connection != nullptr && connection->phase != Phase::kFree && !connection->open() &&
         connection->peer.bytes() == row.peer.bytes() && connection->peer.port() == row.peer.port();
}

void append(Rows& to, const void* from, std::size_t bytes) {
  const auto* const first = static_cast<const std::uint8_t*>(from);
  to.insert(to.end(), first, first + bytes);
}

}  // namespace

void Inspector::report_channel(const InspectMail& mail) {
  InspectedHead head{mail.question, 0, 0};
  Rows rows;
  const Recorder& recorder = context_.recorder;
  const std::string_view id = mail.filter.channel.view();
  const std::optional<ChannelPlace> place = place_of(id, context_.options.nonce);
  const bool is_here = place && place->shard == context_.shard.index();
  const Connection* const connection = is_here ? context_.shard.at(place->slot) : nullptr;
  const Channel* const channel =
      connection != nullptr && connection->open() ? channel_of(*connection) : nullptr;
  if (channel != nullptr && channel->id() == id) {
    append_row(rows, recorder.row_of(*connection, *channel), id, channel->app(), {},
               events_of(*channel, recorder.now_us()));
    head.channels = 1;
  } else if (is_here) {
    recorder.closes().for_each([&](const Closes::Close& close) {
      if (close.id() != id) return true;
      Closes::Close one = close;
      one.row.leaving = is_leaving(close.row, connection);
      Recorder::append_close(rows, one, true);
      head.channels = 1;
      return false;
    });
  }
  context_.shard.mail_surely(context_.shard.control(), kMailInspected, head, rows);
}

// Now, as far from the shard's clock as it was before: the two are read at different moments of a
// turn, so that their distance is never quite the same, and what came last of a silent client would
// seem to have come at another time on each page. After a stall, of which the shard's clock counts
// a part, it is another.
std::uint64_t Inspector::steady_now_ms() {
  constexpr std::int64_t kNear = 1000;
  const auto ahead = static_cast<std::int64_t>(context_.recorder.now_us() / 1000) -
                     std::int64_t{context_.shard.now_ms()};
  if (std::abs(ahead - ahead_ms_) > kNear) ahead_ms_ = ahead;
  return static_cast<std::uint64_t>(ahead_ms_ + std::int64_t{context_.shard.now_ms()});
}

// As many as are wanted of those that come first: one look at each, and a heap of the best.
void Inspector::report_list(const InspectMail& mail) {
  InspectedHead head{mail.question, 0, 0};
  std::vector<ListPlace> best;
  const std::uint64_t now_ms = steady_now_ms();
  context_.shard.table().for_each_client([&](const Connection& connection) {
    const Channel* const channel = connection.open() ? channel_of(connection) : nullptr;
    if (channel == nullptr) return;
    ++head.channels;
    const ChannelRow row = context_.recorder.row_of(connection, *channel);
    const ListPlace place{key_of(mail.order, connection, row, now_ms), row.shard, row.slot};
    if (!comes_before(mail.after, place)) return;
    if (best.size() == mail.limit) {
      if (!comes_before(place, best.front())) return;
      std::ranges::pop_heap(best, comes_before);
      best.pop_back();
    }
    best.push_back(place);
    std::ranges::push_heap(best, comes_before);
  });
  std::ranges::sort_heap(best, comes_before);
  Rows rows;
  for (const ListPlace& place : best) {
    if (is_full(rows)) {
      head.more = 1;
      break;
    }
    const Connection& connection = *context_.shard.at(place.number);
    const Channel& channel = *channel_of(connection);
    ChannelRow row = context_.recorder.row_of(connection, channel);
    row.key = place.key;
    row.number = place.number;
    append_row(rows, row, channel.id(), channel.app(), {}, {});
  }
  context_.shard.mail_surely(context_.shard.control(), kMailInspected, head, rows);
}

void Inspector::report_closes(const InspectMail& mail) {
  InspectedHead head{mail.question, 0, 0};
  Rows rows;
  const std::string_view account = mail.filter.account.view();
  context_.recorder.closes().for_each([&](const Closes::Close& close, std::uint64_t number) {
    const ListPlace place = place_of_close(close, number);
    const bool is_meant = account.empty() || close.account(context_.options.gateway_id) == account;
    if (!is_meant || !comes_before(mail.after, place)) return true;
    if (head.channels == mail.limit || is_full(rows)) {
      head.more = 1;
      return false;
    }
    ++head.channels;
    Closes::Close one = close;
    one.row.key = place.key;
    one.row.number = place.number;
    Recorder::append_close(rows, one, false);
    return true;
  });
  context_.shard.mail_surely(context_.shard.control(), kMailInspected, head, rows);
}

// Null: too many are under way.
void Inspector::report_trace(const InspectMail& mail, const Traces::Trace* trace) {
  InspectedHead head{mail.question, 0, 0};
  TracedHead traced{};
  Rows rows(sizeof traced);
  if (trace != nullptr) {
    traced.epoch = trace->epoch;
    traced.untold_channels = trace->untold_channels;
    traced.untold_closes = trace->untold_closes;
    traced.is_off = context_.options.flight_recorder ? 0 : 1;
    for (const Traces::Traced& one : trace->channels) {
      const Connection* const connection = context_.shard.at(one.slot);
      const Channel* const channel =
          connection != nullptr && connection->open() ? channel_of(*connection) : nullptr;
      if (!one.row.empty()) {
        append(rows, one.row.data(), one.row.size());
      } else if (channel != nullptr && channel->login == one.login) {
        ChannelRow row = context_.recorder.row_of(*connection, *channel);
        row.events_gone = one.events_gone;
        append_row(rows, row, channel->id(), channel->app(), {}, {});
      } else {
        continue;
      }
      ++traced.channels;
    }
    const std::uint64_t asked = trace->epoch == mail.epoch ? mail.after.key : 0;
    std::uint64_t from = std::max(asked, trace->oldest());
    traced.missed = from - asked;
    for (; from < trace->next && !is_full(rows); ++from, ++traced.events) {
      append(rows, &trace->at(from), sizeof(TracedEvent));
    }
    traced.next = from;
    head.more = from < trace->next ? 1 : 0;
  }
  std::memcpy(rows.data(), &traced, sizeof traced);
  context_.shard.mail_surely(context_.shard.control(), kMailInspected, head, rows);
}

}  // namespace ringgate
