// How `ringgate trace` reads what gateways answer, and the JSON lines that it makes of that.
#pragma once

#include <simdjson.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "control/base/json_writer.h"
#include "dataplane/clock.h"
#include "services/gateway/recorder/words.h"

namespace ringgate::trace_answer {

inline std::string text_of(const simdjson::dom::element& object, const char* key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}
inline std::uint64_t number_of(const simdjson::dom::element& object, const char* key) {
  std::uint64_t number = 0;
  return object[key].get(number) == simdjson::SUCCESS ? number : 0;
}
inline bool flag_of(const simdjson::dom::element& object, const char* key) {
  bool flag = false;
  return object[key].get(flag) == simdjson::SUCCESS && flag;
}

constexpr std::chrono::milliseconds kAskPatience{4000};  // a shard that is stuck takes two

inline std::string now() {
  return format_time(unix_minus_monotonic_us() +
                     static_cast<std::int64_t>(Clock::monotonic_ns() / 1000));
}

// What every line about an account begins and ends with.
struct LineFacts {
  std::string_view gateway;
  std::string_view channel;  // empty: there was none
  std::string_view app;
  std::string_view at;
  std::string_view event;
  std::string_view words;
};

// `more(json)` writes the members that the event has of its own.
template <class More>
std::string json_line(const LineFacts& facts, const More& more) {
  JsonWriter json;
  json.object("", [&] {
    json.text("gateway", facts.gateway);
    json.text_or_null("channel", facts.channel);
    json.text("app", facts.app);
    json.text("at", facts.at);
    json.text("event", facts.event);
    more(json);
    json.text("words", facts.words);
  });
  return json.take();
}

}  // namespace ringgate::trace_answer
