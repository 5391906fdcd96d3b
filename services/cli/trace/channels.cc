// TraceFollower: which channels of the account there are, and what their rows have: who it is, its
// pings, a login that was refused.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "control/base/address.h"
#include "control/base/text.h"
#include "services/cli/trace/answer.h"
#include "services/cli/trace/follow.h"

namespace ringgate {

namespace dom = simdjson::dom;
using namespace trace_answer;

void TraceFollower::take_channels(Gateway& gateway, const dom::element& answer) {
  dom::array channels;
  if (answer["channels"].get(channels) != simdjson::SUCCESS) return;
  gateway.connected.clear();
  for (const dom::element channel : channels) {
    const std::string id = text_of(channel, "channel");
    const std::string app = text_of(channel, "app");
    if (flag_of(channel, "claimed")) {
      take_refused(gateway, channel);
      continue;
    }
    if (flag_of(channel, "connected") && flag_of(channel, "loggedIn")) gateway.connected[id] = app;
    if (!is_meant(app)) continue;
    if (gateway.told_channels.insert(id).second) tell_channel(gateway, channel);
    tell_pings(gateway, channel);
  }
}

// Who is behind a unix: listener has no address.
void TraceFollower::tell_channel(const Gateway& gateway, const dom::element& row) {
  const std::string id = text_of(row, "channel");
  const std::string app = text_of(row, "app");
  const std::string at = text_of(row, "askedToLogInAt");
  const std::string ip = text_of(row, "remoteIP");
  const std::string words =
      fmt::format("#{} is channel {} of app {}, from {} over {}", short_name(id), id, app,
                  ip.empty() ? "a unix: listener" : ip, text_of(row, "transport"));
  if (!options_.json) return tell({at, printable(words)});
  tell({at, json_line({gateway.name, id, app, at, "channel", words}, [&](JsonWriter& json) {
          json.text("remoteIP", ip);
          json.count("remotePort", number_of(row, "remotePort"));
          json.text("transport", text_of(row, "transport"));
        })});
}

// A login that was refused before there was a channel: the account is what its token says, and that
// is signed as it should be.
void TraceFollower::take_refused(Gateway& gateway, const dom::element& row) {
  const std::string app = text_of(row, "app");
  const std::string at = text_of(row, "closedAt");
  const std::string from = format_endpoint(
      {text_of(row, "remoteIP"), static_cast<std::uint16_t>(number_of(row, "remotePort"))});
  if (!is_meant(app) || !gateway.told_channels.insert(at + " " + from).second) return;
  const std::string why = text_of(row, "why");
  const std::string words =
      fmt::format("login from {} refused: {}; its token names this account", from, why);
  if (!options_.json) {
    tell({at, fmt::format("{} {} {}", gateway.name, printable(app), printable(words))});
    return;
  }
  tell({at, json_line({gateway.name, "", app, at, "refused_before_login", words},
                      [&](JsonWriter& json) {
                        json.text("remoteIP", text_of(row, "remoteIP"));
                        json.count("remotePort", number_of(row, "remotePort"));
                        json.text("why", why);
                      })});
}

// Pings are no events: a shard answers them and has a number of them only, in the channel's row.
void TraceFollower::tell_pings(Gateway& gateway, const dom::element& row) {
  const std::string id = text_of(row, "channel");
  const std::string app = text_of(row, "app");
  const std::uint64_t pings = number_of(row, "pings");
  const auto [told, is_first] = gateway.told_pings.try_emplace(id, 0);
  const std::uint64_t count = pings - std::min(pings, told->second);
  told->second = pings;
  if (count == 0) return;
  const std::string words = fmt::format("{} ping{} answered{}", count, count == 1 ? "" : "s",
                                        is_first ? " since it connected" : "");
  const std::string at = now();
  if (!options_.json) {
    return tell(
        {at, fmt::format("{} {} #{} {}", gateway.name, printable(app), short_name(id), words)});
  }
  tell({at, json_line({gateway.name, id, app, at, "pings", words},
                      [&](JsonWriter& json) { json.count("count", count); })});
}

// What tells channels of one account apart: the end of an id, as much of it as no other one in this
// trace has. Shards count each for itself, so that the last six digits may be the same.
const std::string& TraceFollower::short_name(const std::string& channel) {
  constexpr std::size_t kDigits = 6;
  std::string& name = short_names_[channel];
  if (!name.empty()) return name;
  for (std::size_t digits = kDigits; digits < channel.size(); ++digits) {
    name = channel.substr(channel.size() - digits);
    if (taken_names_.insert(name).second) return name;
  }
  name = channel;
  return name;
}

}  // namespace ringgate
