// Follows an account on gateways: asks their admin ports for what has happened since the last
// answer, and tells it line by line, in plain words or as JSON. What cannot be told, because a
// gateway does not answer or had more than it keeps, is told, too.
//
// On the thread of its loop, which outlives it.
#pragma once

#include <simdjson.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/loop.h"
#include "control/discovery/consul/http.h"
#include "services/cli/trace/gateways.h"

namespace ringgate {

struct TraceOptions {
  std::string account;
  std::string app;  // empty: all of the account's
  bool json = false;
  bool only_recorded = false;  // asked once: nothing is followed
  std::string token;           // of the admin ports; empty: none
  std::string ca_file;         // that https ones are trusted by; empty: the machine's
};

class TraceFollower {
 public:
  // `line` gets each, without its end. `told` is called once, when every gateway of the first
  // use_gateways() has answered, or has not, and that is told, with the TCP connections.
  TraceFollower(ControlLoop& loop, TraceOptions options, std::function<void(std::string)> line,
                std::function<void()> told);
  ~TraceFollower();
  TraceFollower(const TraceFollower&) = delete;
  TraceFollower& operator=(const TraceFollower&) = delete;

  // Names to the URLs of their admin ports; an empty one: it has none. Those that are known stay
  // although they are missing: what was killed is not in a registry any more. `named_by_hand`:
  // their names are not ids. `not_passing`: others that there are, which are not asked.
  void use_gateways(const std::map<std::string, std::string>& gateways, bool named_by_hand,
                    const std::map<std::string, TraceGateways::NotPassing>& not_passing = {});
  // Whether any of them has ever told what it has.
  [[nodiscard]] bool has_been_told() const { return has_been_told_; }

 private:
  // A channel with a push in its queue that the socket has not taken yet.
  struct Unwritten {
    std::string app;
    std::chrono::steady_clock::time_point since;
    bool is_asked = false;
  };
  struct Gateway {
    std::string name;
    std::string url;
    bool named_by_hand = false;
    std::unique_ptr<consul::Http> http;
    std::string cursor;
    ControlLoop::TimerId timer = 0;
    bool has_answered = false;  // or is known not to
    bool is_silent = false;     // and that has been told
    std::string complaint;      // that has been told
    [[nodiscard]] bool is_known() const {
      return !cursor.empty() && !is_silent && complaint.empty();
    }
    std::map<std::string, std::string> connected;  // channels to apps
    std::set<std::string> told_channels;
    std::map<std::string, std::uint64_t> told_pings;    // by channel
    std::map<std::string, std::uint64_t> told_missing;  // what, to how much of it
    std::map<std::string, Unwritten> unwritten;         // by channel
    std::size_t tcp_asked = 0;                          // questions that are under way
  };
  struct Line {
    std::string at;  // RFC 3339: in the order of time
    std::string text;
    std::size_t number = 0;  // among those of one time
  };

  void ask(Gateway& gateway);
  void ask_later(Gateway& gateway, std::chrono::milliseconds pause);
  void take(Gateway& gateway, const consul::Reply& reply);
  [[nodiscard]] bool take_trace(Gateway& gateway, const std::string& body);
  void take_channels(Gateway& gateway, const simdjson::dom::element& answer);
  void tell_channel(const Gateway& gateway, const simdjson::dom::element& row);
  void tell_pings(Gateway& gateway, const simdjson::dom::element& row);
  void take_refused(Gateway& gateway, const simdjson::dom::element& row);
  void tell_what_is_missing(Gateway& gateway, const simdjson::dom::element& answer);
  void tell_missing(Gateway& gateway, const std::string& what, std::string_view kind,
                    std::uint64_t much, const std::string& words);
  void take_event(Gateway& gateway, const simdjson::dom::element& event);
  void note_for_tcp(Gateway& gateway, const std::string& channel, const std::string& app,
                    std::string_view event);
  void look_at_unwritten(Gateway& gateway);
  void ask_tcp(Gateway& gateway, const std::string& channel, const std::string& app);
  void take_tcp(Gateway& gateway, const std::string& channel, const std::string& app,
                const consul::Reply& reply);
  const std::string& short_name(const std::string& channel);
  void silent(Gateway& gateway, const std::string& why);
  void complain(Gateway& gateway, const std::string& what);
  void notice(const Gateway* gateway, std::string_view kind, const std::string& words);
  void tell(Line line);
  void tell_where();
  [[nodiscard]] std::string where_words(std::size_t here, const std::set<std::string>& apps) const;
  void first_round_done();
  void tell_end();
  [[nodiscard]] bool is_meant(std::string_view app) const {
    return options_.app.empty() || app == options_.app;
  }

  ControlLoop& loop_;
  const TraceOptions options_;
  const std::function<void(std::string)> line_;
  std::function<void()> told_;
  std::map<std::string, std::unique_ptr<Gateway>> gateways_;
  std::map<std::string, std::string> short_names_;  // by channel
  std::set<std::string> taken_names_;
  bool is_first_round_ = true;
  bool has_been_told_ = false;
  std::vector<Line> first_;  // what the first answers have
  std::string told_where_;   // of where the account is
};

}  // namespace ringgate
