#include "services/gateway/leaving/evacuations.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "control/base/address.h"
#include "control/base/json_writer.h"
#include "control/base/text.h"
#include "control/observe/log_event.h"
#include "services/gateway/counters.h"

namespace ringgate {
namespace {

constexpr std::chrono::milliseconds kPatience{2000};
constexpr std::uint64_t kMostPace = 16'000'000;
// Clients are not kept waiting for longer, however long it takes.
constexpr std::uint64_t kMostSpreadMs = 60'000;

std::string_view name_of(EvacuateFirst first) {
  return first == EvacuateFirst::kNewest ? "newest" : "idlest";
}

// As many of `total` as that part of `whole` has; what is left over by rounding is the first ones'.
std::vector<std::uint64_t> share_out(std::uint64_t total, const std::vector<std::uint64_t>& parts) {
  std::uint64_t whole = 0;
  for (const std::uint64_t part : parts) whole += part;
  std::vector<std::uint64_t> shares;
  std::uint64_t left = total;
  for (const std::uint64_t part : parts) {
    shares.push_back(whole == 0 ? 0 : total * part / whole);
    left -= shares.back();
  }
  for (std::size_t i = 0; i < shares.size() && left > 0; ++i) {
    const std::uint64_t more = std::min(left, parts[i] - shares[i]);
    shares[i] += more;
    left -= more;
  }
  return shares;
}

}  // namespace

// --- The monitor's threads ----------------------------------------------------------------------

Result<Evacuations::Order> Evacuations::read(const http::Request& request, std::size_t pace) {
  const auto value = [&request](const char* name) {
    const auto at = request.query.find(name);
    return at == request.query.end() ? std::string() : at->second;
  };
  Order order;
  order.pace = pace;
  const std::optional<std::uint64_t> to = parse_number(value("to"));
  if (!to) return usage_error("say how many clients are to stay: ?to=N");
  order.to = *to;
  if (const std::string text = value("pace"); !text.empty()) {
    const std::optional<std::uint64_t> given = parse_number(text);
    if (!given || *given == 0 || *given > kMostPace) {
      return usage_error("pace is how many clients a second are told to go: 1 to {}", kMostPace);
    }
    order.pace = *given;
  }
  if (const std::string first = value("first"); first == "idlest") {
    order.first = EvacuateFirst::kIdlest;
  } else if (!first.empty() && first != "newest") {
    return usage_error("first is newest or idlest");
  }
  if (const std::string at = value("at"); !at.empty()) {
    const Result<std::string> where = parse_retry_at(at);
    if (!where) return usage_error("at: {}", where.error().message);
    static_cast<void>(order.farewell.at.set(*where));  // parse_retry_at() knows how long it may be
  }
  return order;
}

http::Reply Evacuations::begin(const http::Request& request, std::size_t pace) {
  const Result<Order> order = read(request, pace);
  if (!order) return {400, order.error().message + "\n"};
  return on_loop([this, order = *order]() -> http::Reply {
    if (is_over_) return {409, "this gateway drains: all of its clients are told to go\n"};
    start(order);
    return state();
  });
}

http::Reply Evacuations::abort() {
  return on_loop([this] {
    const bool stopped = stop();
    return state(stopped);
  });
}

http::Reply Evacuations::show() {
  return on_loop([this] { return state(); });
}

http::Reply Evacuations::on_loop(const std::function<http::Reply()>& what) {
  const auto answer = std::make_shared<std::promise<http::Reply>>();
  std::future<http::Reply> reply = answer->get_future();
  // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks): none leaks
  loop_.post([what, answer] { answer->set_value(what()); });
  if (reply.wait_for(kPatience) == std::future_status::ready) return reply.get();
  return {503, "the gateway is busy or ending; it may still happen\n"};
}

// --- The control thread -------------------------------------------------------------------------

void Evacuations::start(const Order& order) {
  order_ = order;
  aborted_ = false;
  told_.clear();
  std::vector<std::uint64_t> clients;
  std::uint64_t all = 0;
  for (std::uint32_t i = 0; i < shards_.size(); ++i) {
    clients.push_back(shards_.shard(i).counters().get(Gauge::kClients));
    all += clients.back();
  }
  to_tell_ = all > order.to ? all - order.to : 0;
  order_.farewell.spread_ms =
      static_cast<std::uint32_t>(std::min(kMostSpreadMs, to_tell_ * 1000 / order.pace));
  ++number_;
  busy_.clear();
  const std::vector<std::uint64_t> shares = share_out(to_tell_, clients);
  for (std::uint32_t i = 0; i < shards_.size(); ++i) {
    if (shares[i] == 0) continue;
    busy_.insert(i);
    const std::uint64_t pace = std::max<std::uint64_t>(order.pace * 1000 * shares[i] / to_tell_, 1);
    shards_.post(i, kMailEvacuate,
                 EvacuateMail{number_, static_cast<std::uint32_t>(shares[i]), pace, order.first,
                              order_.farewell});
  }
}

// An evacuation of nobody ends one that is under way.
bool Evacuations::stop() {
  if (busy_.empty()) return false;
  aborted_ = true;
  for (const std::uint32_t shard : busy_) {
    shards_.post(shard, kMailEvacuate, EvacuateMail{number_, 0, 0, order_.first, {}});
  }
  return true;
}

void Evacuations::end_for_good() {
  is_over_ = true;
  stop();
}

void Evacuations::take(std::uint32_t shard, const EvacuatedMail& mail) {
  if (mail.number != number_ || !busy_.contains(shard)) return;
  told_[shard] = mail.told;
  if (mail.has_ended == 0) return;
  busy_.erase(shard);
  if (!busy_.empty()) return;
  const std::uint64_t count = told();
  log_event(LogEvent::kEvacuated, {{"clients", count}, {"aborted", aborted_}},
            fmt::format("evacuation {}: {} of {} clients were told to go",
                        aborted_ ? "aborted" : "done", count, to_tell_));
}

std::uint64_t Evacuations::told() const {
  std::uint64_t all = 0;
  for (const auto& [shard, told] : told_) all += told;
  return all;
}

http::Reply Evacuations::state(std::optional<bool> stopped) const {
  std::uint64_t clients = 0;
  for (std::uint32_t i = 0; i < shards_.size(); ++i) {
    clients += shards_.shard(i).counters().get(Gauge::kClients);
  }
  JsonWriter json;
  json.object("", [&] {
    json.text("state", number_ == 0     ? "none"
                       : !busy_.empty() ? "under way"
                       : aborted_       ? "aborted"
                                        : "done");
    json.count("clients", clients);
    if (stopped) json.flag("stopped", *stopped);
    if (number_ == 0) return;
    json.count("to", order_.to);
    json.count("pace", order_.pace);
    json.text("first", name_of(order_.first));
    json.count("asked", to_tell_);
    json.count("told", told());
  });
  return {200, json.take() + "\n", "application/json"};
}

}  // namespace ringgate
