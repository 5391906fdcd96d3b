#include "services/cli/trace/follow.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "control/base/address.h"
#include "control/base/json_writer.h"
#include "control/base/text.h"
#include "dataplane/clock.h"
#include "services/cli/trace/answer.h"
#include "services/cli/trace/no_answer.h"
#include "services/gateway/recorder/words.h"

namespace ringgate {
namespace {

namespace dom = simdjson::dom;
using namespace trace_answer;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kPause = 200ms;  // between two questions
constexpr std::chrono::milliseconds kPauseAfterError = 1s;

// "2026-11-27T17:20:01.123456Z" to the time of the day.
std::string_view time_of_day(std::string_view at) {
  return at.size() > 16 ? at.substr(11, at.size() - 12) : at;
}

std::string gateways_named(std::size_t number) {
  return fmt::format("{} gateway{}", number, number == 1 ? "" : "s");
}

}  // namespace

TraceFollower::TraceFollower(ControlLoop& loop, TraceOptions options,
                             std::function<void(std::string)> line, std::function<void()> told)
    : loop_(loop), options_(std::move(options)), line_(std::move(line)), told_(std::move(told)) {}

TraceFollower::~TraceFollower() {
  for (const auto& [name, gateway] : gateways_) loop_.cancel(gateway->timer);
}

void TraceFollower::use_gateways(
    const std::map<std::string, std::string>& gateways, bool named_by_hand,
    const std::map<std::string, TraceGateways::NotPassing>& not_passing) {
  for (const auto& [name, other] : not_passing) {
    std::unique_ptr<Gateway>& gateway = gateways_[name];
    if (gateway != nullptr) continue;
    gateway = std::make_unique<Gateway>();
    gateway->name = name;
    gateway->has_answered = true;
    complain(*gateway, fmt::format("is not asked: {}; {}", other.why,
                                   other.url.empty() ? "it has no AdminPort"
                                                     : "--gateway " + other.url + " asks it"));
  }
  for (const auto& [name, url] : gateways) {
    // It may be known by its process's second entry.
    const bool is_asked = std::ranges::any_of(gateways_, [&](const auto& entry) {
      return entry.second->name == name && entry.second->url == url;
    });
    if (is_asked) continue;
    std::unique_ptr<Gateway>& gateway = gateways_[name];
    if (gateway != nullptr) loop_.cancel(gateway->timer);
    gateway = std::make_unique<Gateway>();
    gateway->name = name;
    gateway->url = url;
    gateway->named_by_hand = named_by_hand;
    if (url.empty()) {
      gateway->has_answered = true;
      complain(*gateway, "has no AdminPort: it cannot be asked");
      continue;
    }
    consul::Options options;
    options.url = url;
    options.ca_file = options_.ca_file;
    Result<std::unique_ptr<consul::Http>> http = consul::Http::create(loop_, options);
    if (!http) {
      gateway->has_answered = true;
      complain(*gateway, http.error().message);
      continue;
    }
    gateway->http = std::move(*http);
    ask(*gateway);
  }
  first_round_done();
}

void TraceFollower::ask(Gateway& gateway) {
  consul::Request request;
  request.path = "/trace?account=" + consul::Http::escape(options_.account);
  if (options_.only_recorded) request.path += "&follow=0";
  if (!gateway.cursor.empty()) request.path += "&cursor=" + consul::Http::escape(gateway.cursor);
  request.bearer = options_.token;
  request.timeout = kAskPatience;
  gateway.http->send(request,
                     [this, &gateway](const consul::Reply& reply) { take(gateway, reply); });
}

void TraceFollower::ask_later(Gateway& gateway, std::chrono::milliseconds pause) {
  gateway.timer = loop_.after(pause, [this, &gateway] {
    gateway.timer = 0;
    ask(gateway);
  });
}

void TraceFollower::take(Gateway& gateway, const consul::Reply& reply) {
  bool more = false;
  if (reply.failure == consul::Failure::kConnect || reply.failure == consul::Failure::kTimeout) {
    silent(gateway, reply.failure_text);
  } else if (reply.failure != consul::Failure::kNone) {
    complain(gateway, "cannot be asked: " + why_no_answer(reply));
  } else if (reply.status == 401) {
    complain(gateway, "wants another token: name it with --token-file, or AdminToken in -c");
  } else if (reply.status == 404) {
    complain(gateway, "has no /trace on that port: it is of an older version, or no gateway");
  } else if (reply.status != 200) {
    complain(gateway, fmt::format("answers {}: {}", reply.status, printable(trim(reply.body))));
  } else {
    more = take_trace(gateway, reply.body);
  }
  gateway.has_answered = true;
  first_round_done();
  tell_where();
  tell_end();
  if (options_.only_recorded) return;
  const bool failed = gateway.is_silent || !gateway.complaint.empty();
  ask_later(gateway, more ? 0ms : failed ? kPauseAfterError : kPause);
}

bool TraceFollower::take_trace(Gateway& gateway, const std::string& body) {
  dom::parser parser;
  dom::element answer;
  if (parser.parse(body).get(answer) != simdjson::SUCCESS) {
    complain(gateway, "answers what is no JSON");
    return false;
  }
  const std::string id = text_of(answer, "gateway");
  // Of a process with two entries the registry may know the second one only.
  if (gateway.name == id + "-ws") gateway.name = id;
  if (!gateway.named_by_hand && id != gateway.name) {
    complain(gateway,
             fmt::format("{} is the admin port of {}: one on a loopback address can only be "
                         "asked on its own machine",
                         gateway.url, printable(id)));
    return false;
  }
  if (gateway.named_by_hand) gateway.name = id;
  if (std::exchange(gateway.is_silent, false)) notice(&gateway, "answers", "answers again");
  gateway.complaint.clear();
  if (const std::uint64_t missed = number_of(answer, "missed"); missed > 0) {
    notice(&gateway, "missed",
           fmt::format("{} events came faster than they were asked for, and are not kept", missed));
  }
  if (flag_of(answer, "interrupted")) {
    notice(&gateway, "interrupted",
           "has begun anew: what happened since its last answer may be missing");
  }
  gateway.cursor = text_of(answer, "cursor");
  has_been_told_ = true;
  take_channels(gateway, answer);
  dom::array events;
  if (answer["events"].get(events) == simdjson::SUCCESS) {
    for (const dom::element event : events) take_event(gateway, event);
  }
  tell_what_is_missing(gateway, answer);
  look_at_unwritten(gateway);
  return flag_of(answer, "more");
}

void TraceFollower::take_event(Gateway& gateway, const dom::element& event) {
  const std::string channel = text_of(event, "channel");
  const std::string app = text_of(event, "app");
  // Of a channel that is not known it is not known either.
  if (!channel.empty() && !is_meant(app)) return;
  const std::string at = text_of(event, "at");
  if (options_.json) {
    JsonWriter json;
    json.object("", [&] {
      json.text("gateway", gateway.name);
      dom::object members;
      if (event.get(members) != simdjson::SUCCESS) return;
      for (const auto& [key, value] : members) json.raw(key, simdjson::minify(value));
    });
    tell({at, json.take()});
  } else {
    tell({at, fmt::format("{} {}{} {}", gateway.name, app.empty() ? "" : printable(app) + " ",
                          channel.empty() ? "" : fmt::format("#{}", short_name(channel)),
                          printable(text_of(event, "words")))});
  }
  if (!channel.empty()) note_for_tcp(gateway, channel, app, text_of(event, "event"));
}

// --- What is told -------------------------------------------------------------------------------

void TraceFollower::silent(Gateway& gateway, const std::string& why) {
  if (std::exchange(gateway.is_silent, true)) return;
  gateway.connected.clear();
  notice(&gateway, "silent",
         fmt::format("does not answer ({}): if it has ended, so have its channels, and what it had "
                     "recorded is lost",
                     why));
}

void TraceFollower::complain(Gateway& gateway, const std::string& what) {
  gateway.connected.clear();  // what it had may be no more
  if (gateway.complaint == what) return;
  gateway.complaint = what;
  notice(&gateway, "problem", what);
}

void TraceFollower::notice(const Gateway* gateway, std::string_view kind,
                           const std::string& words) {
  const std::string at = now();
  if (!options_.json) {
    tell({at, gateway == nullptr ? words : fmt::format("{} {}", gateway->name, words)});
    return;
  }
  JsonWriter json;
  json.object("", [&] {
    if (gateway != nullptr) json.text("gateway", gateway->name);
    json.text("at", at);
    json.text("notice", kind);
    json.text("words", words);
  });
  tell({at, json.take()});
}

void TraceFollower::tell(Line line) {
  if (!options_.json) line.text = fmt::format("{} {}", time_of_day(line.at), line.text);
  if (is_first_round_) {
    line.number = first_.size();
    first_.push_back(std::move(line));
  } else {
    line_(std::move(line.text));
  }
}

// Whether messages can reach it at all.
void TraceFollower::tell_where() {
  if (is_first_round_) return;
  std::set<std::string> apps;
  std::size_t here = 0;
  for (const auto& [name, gateway] : gateways_) {
    for (const auto& [channel, app] : gateway->connected) {
      apps.insert(app);
      if (is_meant(app)) ++here;
    }
  }
  const std::string words = where_words(here, apps);
  if (words == told_where_) return;
  told_where_ = words;
  const bool is_known =
      std::ranges::all_of(gateways_, [](const auto& entry) { return entry.second->is_known(); });
  notice(nullptr,
         here > 0        ? "logged_in"
         : !apps.empty() ? "other_app"
         : is_known      ? "offline"
                         : "not_known",
         printable(words));
}

std::string TraceFollower::where_words(std::size_t here, const std::set<std::string>& apps) const {
  const auto known = static_cast<std::size_t>(
      std::ranges::count_if(gateways_, [](const auto& entry) { return entry.second->is_known(); }));
  const std::size_t unknown = gateways_.size() - known;
  if (known == 0) {
    return fmt::format("whether {} is logged in is not known: no gateway says", options_.account);
  }
  const std::string but = unknown == 0
                              ? ""
                              : fmt::format("; of {} that {} not say it is not known",
                                            gateways_named(unknown), unknown == 1 ? "does" : "do");
  if (here > 0) {
    return fmt::format("{} is logged in on {} channel{}{}", options_.account, here,
                       here == 1 ? "" : "s", but);
  }
  if (!apps.empty()) {
    return fmt::format(
        "{} is logged in to app {}, not to {}: messages of another app do not reach it{}",
        options_.account, *apps.begin(), options_.app, but);
  }
  if (unknown > 0) {
    return fmt::format("{} is not logged in on the {} that answer{}{}", options_.account,
                       gateways_named(known), known == 1 ? "s" : "", but);
  }
  return fmt::format(
      "{} is not logged in on {}: chat keeps what is sent to it, and it is told when it logs in",
      options_.account,
      known == 1 ? "the 1 gateway that answers"
                 : fmt::format("any of the {} gateways that answer", known));
}

// What is recorded comes in the order of time, whichever gateway it is of.
void TraceFollower::first_round_done() {
  const auto has_answered = [](const auto& entry) { return entry.second->has_answered; };
  if (!is_first_round_ || gateways_.empty() || !std::ranges::all_of(gateways_, has_answered)) {
    return;
  }
  std::ranges::sort(first_, {}, [](const Line& line) { return std::tie(line.at, line.number); });
  is_first_round_ = false;
  for (Line& line : first_) line_(std::move(line.text));
  first_.clear();
  tell_where();
  tell_end();
}

void TraceFollower::tell_end() {
  const auto is_asked = [](const auto& entry) { return entry.second->tcp_asked > 0; };
  if (is_first_round_ || !told_ || std::ranges::any_of(gateways_, is_asked)) return;
  std::exchange(told_, nullptr)();
}

}  // namespace ringgate
