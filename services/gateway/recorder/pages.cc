#include "services/gateway/recorder/pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <tuple>
#include <utility>

#include "codec/names.h"
#include "control/base/json_writer.h"
#include "services/gateway/recorder/traces.h"

namespace ringgate {
namespace {

constexpr const char* kJsonType = "application/json";
constexpr std::string_view kChannelsPath = "/channels/";
constexpr std::array<std::string_view, index_of(ListOrder::kEnd)> kOrders = {
    "queued", "age", "sent", "idle", "outstanding"};

const http::Reply kBusy{503, "the gateway is busy or ending\n"};

std::string value_of(const http::Request& request, const char* key) {
  const auto at = request.query.find(key);
  return at == request.query.end() ? std::string() : at->second;
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// Numbers with dots between them.
template <class... Number>
bool read_numbers(std::string_view text, Number&... numbers) {
  const char* at = text.data();
  const char* const end = at + text.size();
  bool is_first = true;
  const auto next = [&](auto& number) {
    if (!std::exchange(is_first, false)) {
      if (at == end || *at != '.') return false;
      ++at;
    }
    const auto [stop, error] = std::from_chars(at, end, number);
    at = stop;
    return error == std::errc();
  };
  return (next(numbers) && ...) && at == end;
}

// Nothing, or what is wrong with it.
std::optional<http::Reply> read_page(const http::Request& request, InspectMail& mail) {
  mail.limit = RecorderPages::kMostRows;
  const std::string limit = value_of(request, "limit");
  if (request.query.contains("limit") && (!read_number(limit, mail.limit) || mail.limit == 0 ||
                                          mail.limit > RecorderPages::kMostRows)) {
    return http::Reply{400, fmt::format("limit is 1 to {}\n", RecorderPages::kMostRows)};
  }
  const std::string after = value_of(request, "after");
  if (request.query.contains("after") &&
      !read_numbers(after, mail.after.key, mail.after.shard, mail.after.number)) {
    return http::Reply{400, "after is what the page before says as \"after\"\n"};
  }
  return std::nullopt;
}

std::optional<http::Reply> read_account(const http::Request& request, InspectMail& mail) {
  const std::string account = value_of(request, "account");
  if (is_valid_account(account) && mail.filter.account.set(account)) return std::nullopt;
  return http::Reply{400,
                     fmt::format("an account is 1 to {} bytes of UTF-8 without commas and control "
                                 "characters\n",
                                 kMaxAccountBytes)};
}

void write_missing(JsonWriter& json, const ShardAnswers& answers) {
  if (answers.missing > 0) json.count("shardsWithoutAnswer", answers.missing);
}

void write_events(JsonWriter& json, const std::vector<Event>& events, const EventWords& words) {
  json.array("events", [&] {
    for (const Event& event : events) {
      json.object("", [&] { write_event(json, event, words); });
    }
  });
}

// --- Traces -------------------------------------------------------------------------------------

// "epoch.next" of each shard, with underscores between them.
struct Cursor {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> shards;

  static std::optional<Cursor> read(std::string_view text) {
    Cursor cursor;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('_'), text.size());
      std::pair<std::uint32_t, std::uint64_t> one;
      if (!read_numbers(text.substr(0, end), one.first, one.second)) return std::nullopt;
      cursor.shards.push_back(one);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return cursor;
  }
  [[nodiscard]] std::pair<std::uint32_t, std::uint64_t> of(std::uint32_t shard) const {
    return shard < shards.size() ? shards[shard] : std::pair<std::uint32_t, std::uint64_t>();
  }
  void set(std::uint32_t shard, std::uint32_t epoch, std::uint64_t next) {
    if (shards.size() <= shard) shards.resize(shard + 1);
    shards[shard] = {epoch, next};
  }
  [[nodiscard]] std::string text() const {
    std::string text;
    for (const auto& [epoch, next] : shards) {
      text += fmt::format("{}{}.{}", text.empty() ? "" : "_", epoch, next);
    }
    return text;
  }
};

// What all shards have of a trace.
struct TraceSoFar {
  Cursor cursor;
  std::vector<ReadRow> channels;
  struct One {
    Event event;
    std::uint32_t shard = 0;
    std::uint32_t login = 0;
    std::size_t number = 0;  // among all
  };
  std::vector<One> events;
  std::uint64_t missed = 0;
  std::uint64_t untold_channels = 0;
  std::uint64_t untold_closes = 0;
  bool is_off = false;
  bool interrupted = false;
  bool refused = false;
  bool more = false;

  void take(const ShardAnswers::One& answer);
  [[nodiscard]] const ReadRow* channel_of(const One& one) const {
    const auto found = std::ranges::find_if(channels, [&](const ReadRow& read) {
      return read.row.shard == one.shard && read.row.login == one.login;
    });
    return found == channels.end() ? nullptr : &*found;
  }
};

void TraceSoFar::take(const ShardAnswers::One& answer) {
  ByteView rows = answer.rows;
  TracedHead head{};
  if (rows.size() < sizeof head) return;
  std::memcpy(&head, rows.data(), sizeof head);
  rows = rows.subspan(sizeof head);
  refused = refused || head.epoch == 0;
  if (head.epoch == 0) return;
  const std::uint32_t before = cursor.of(answer.shard).first;
  interrupted = interrupted || (before != 0 && before != head.epoch);
  cursor.set(answer.shard, head.epoch, head.next);
  missed += head.missed;
  untold_channels += head.untold_channels;
  untold_closes += head.untold_closes;
  is_off = is_off || head.is_off != 0;
  more = more || answer.head.more != 0;
  for (std::uint32_t i = 0; i < head.channels; ++i) channels.push_back(read_row(rows));
  for (std::uint32_t i = 0; i < head.events; ++i) {
    TracedEvent one;
    std::memcpy(&one, rows.data(), sizeof one);
    rows = rows.subspan(sizeof one);
    events.push_back({one.event, answer.shard, one.login, events.size()});
  }
}

void write_traced(JsonWriter& json, const TraceSoFar::One& one, const ReadRow* channel,
                  const EventWords& words) {
  json.text_or_null("channel", channel == nullptr ? std::string_view() : channel->id);
  json.text_or_null("app", channel == nullptr ? std::string_view() : channel->app);
  write_event(json, one.event, words);
}

void write_trace(JsonWriter& json, const TraceSoFar& trace, const EventWords& names) {
  json.text("cursor", trace.cursor.text());
  json.count("missed", trace.missed);
  json.count("channelsNotTold", trace.untold_channels);
  json.count("closesNotTold", trace.untold_closes);
  json.flag("recorderIsOff", trace.is_off);
  json.flag("interrupted", trace.interrupted);
  json.flag("more", trace.more);
  json.array("channels", [&] {
    for (const ReadRow& read : trace.channels) {
      json.object("", [&] {
        write_row(json, read, names);
        json.count("eventsGone", read.row.events_gone);
      });
    }
  });
  json.array("events", [&] {
    for (const TraceSoFar::One& one : trace.events) {
      json.object("", [&] { write_traced(json, one, trace.channel_of(one), names); });
    }
  });
}

}  // namespace

bool RecorderPages::is_list(const http::Request& request) {
  return request.query.contains("sort") || request.query.contains("limit") ||
         request.query.contains("after");
}

EventWords RecorderPages::words(ShardAnswers& answers) const {
  return {services_.names(), std::move(answers.instances), own_names_(), unix_minus_monotonic_us(),
          gateway_id_};
}

void RecorderPages::write_tcp(JsonWriter& json, const ChannelRow& row) const {
  const LocalPlace ours =
      row.listener < listeners_.size() ? listeners_[row.listener] : LocalPlace();
  const bool is_over = row.closed_us != 0 && !row.leaving;
  if (const Result<TcpInfo> info = tcp_info_of({row.peer, ours, is_over})) {
    json.object("tcp", [&] { write_tcp_info(json, *info); });
  } else {
    json.null("tcp");
    json.text("noTcp", info.error().message);
  }
}

http::Reply RecorderPages::channel(const http::Request& request) const {
  InspectMail mail{};
  mail.inspection = Inspection::kChannel;
  const std::string_view id = std::string_view(request.path).substr(kChannelsPath.size());
  if (id.empty() || !mail.filter.channel.set(id)) return {400, "a channel is 1 to 255 bytes\n"};
  std::optional<ShardAnswers> answers = admin_.ask_rows(mail);
  if (!answers) return kBusy;
  const EventWords names = words(*answers);
  for (const ShardAnswers::One& answer : answers->answers) {
    if (answer.head.channels == 0) continue;
    ByteView rest = answer.rows;
    const ReadRow read = read_row(rest);
    JsonWriter json(1);
    json.object("", [&] {
      json.text("gateway", gateway_id_);
      write_row(json, read, names);
      write_tcp(json, read.row);
      json.count("eventsSoFar", std::max<std::uint64_t>(read.row.events, read.events.size()));
      write_events(json, read.events, names);
    });
    return {200, json.take() + "\n", kJsonType};
  }
  if (answers->missing > 0) return kBusy;
  return {404, "this gateway has no such channel, and had none in the last minute\n"};
}

http::Reply RecorderPages::list(const http::Request& request) const {
  InspectMail mail{};
  mail.inspection = Inspection::kList;
  for (const char* const key : {"account", "app", "channel"}) {
    if (request.query.contains(key)) {
      return {400, "all channels in an order, or those of an account: not both\n"};
    }
  }
  const auto order = std::ranges::find(kOrders, value_of(request, "sort"));
  if (order == kOrders.end()) return {400, "sort is queued, age, sent, idle or outstanding\n"};
  mail.order = static_cast<ListOrder>(order - kOrders.begin());
  if (std::optional<http::Reply> wrong = read_page(request, mail)) return *wrong;
  std::optional<ShardAnswers> answers = admin_.ask_rows(mail);
  if (!answers) return kBusy;
  const EventWords names = words(*answers);
  return rows(*answers, names, "channels", mail.limit);
}

http::Reply RecorderPages::closes(const http::Request& request) const {
  InspectMail mail{};
  mail.inspection = Inspection::kCloses;
  if (request.query.contains("account")) {
    if (std::optional<http::Reply> wrong = read_account(request, mail)) return *wrong;
  }
  if (std::optional<http::Reply> wrong = read_page(request, mail)) return *wrong;
  std::optional<ShardAnswers> answers = admin_.ask_rows(mail);
  if (!answers) return kBusy;
  const EventWords names = words(*answers);
  return rows(*answers, names, "closes", mail.limit);
}

http::Reply RecorderPages::rows(const ShardAnswers& answers, const EventWords& names,
                                std::string_view name, std::size_t limit) const {
  std::vector<ReadRow> all;
  std::uint64_t count = 0;
  bool more = false;
  for (const ShardAnswers::One& answer : answers.answers) {
    ByteView rest = answer.rows;
    while (!rest.empty()) all.push_back(read_row(rest));
    count += answer.head.channels;
    more = more || answer.head.more != 0;
  }
  std::ranges::sort(all, [](const ReadRow& one, const ReadRow& other) {
    return std::tuple(other.row.key, one.row.shard, one.row.number) <
           std::tuple(one.row.key, other.row.shard, other.row.number);
  });
  more = more || all.size() >= limit;
  if (all.size() > limit) all.resize(limit);
  JsonWriter json(2);
  json.object("", [&] {
    json.text("gateway", gateway_id_);
    json.array(name, [&] {
      for (const ReadRow& read : all) json.object("", [&] { write_row(json, read, names); });
    });
    if (name == "channels") json.count("count", count);
    const bool ends = all.empty() || !more;
    json.text_or_null("after", ends ? std::string()
                                    : fmt::format("{}.{}.{}", all.back().row.key,
                                                  all.back().row.shard, all.back().row.number));
    write_missing(json, answers);
  });
  return {200, json.take() + "\n", kJsonType};
}

http::Reply RecorderPages::trace(const http::Request& request) const {
  InspectMail mail{};
  const std::string follow = value_of(request, "follow");
  if (request.query.contains("follow") && follow != "0" && follow != "1") {
    return {400, "follow is 0 (only what is recorded) or 1\n"};
  }
  mail.inspection = follow == "0" ? Inspection::kRecorded : Inspection::kTrace;
  if (std::optional<http::Reply> wrong = read_account(request, mail)) return *wrong;
  const std::optional<Cursor> cursor = Cursor::read(value_of(request, "cursor"));
  if (!cursor) return {400, "cursor is what the answer before says as \"cursor\"\n"};
  std::optional<ShardAnswers> answers =
      admin_.ask_rows(mail, [known = *cursor](std::uint32_t shard, InspectMail& one) {
        std::tie(one.epoch, one.after.key) = known.of(shard);
      });
  if (!answers) return kBusy;
  const EventWords names = words(*answers);
  TraceSoFar trace;
  trace.cursor = *cursor;
  for (const ShardAnswers::One& answer : answers->answers) trace.take(answer);
  if (trace.refused) {
    return {503, fmt::format("{} accounts are traced here, as many as may be; try again\n",
                             Traces::kMost)};
  }
  std::ranges::sort(trace.events, {}, [](const TraceSoFar::One& one) {
    return std::pair(one.event.at_us(), one.number);
  });
  JsonWriter json(2);
  json.object("", [&] {
    json.text("gateway", gateway_id_);
    write_trace(json, trace, names);
    write_missing(json, *answers);
  });
  return {200, json.take() + "\n", kJsonType};
}

}  // namespace ringgate
