// TraceFollower: what the kernel knows of a channel's TCP connection. A shard has no descriptor
// that it could ask about, so that a close does not tell it: the gateway's page asks the kernel for
// who looks, which is here.
#include <fmt/format.h>
#include <simdjson.h>

#include "control/base/text.h"
#include "services/cli/trace/answer.h"
#include "services/cli/trace/follow.h"

namespace ringgate {
namespace {

namespace dom = simdjson::dom;
using namespace trace_answer;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kSoonWritten = 1s;

// What everyone who reads about a full queue asks next.
std::string tcp_words(const dom::element& tcp) {
  return fmt::format(
      "its TCP connection: {}, round trip {} µs, {} segments not acknowledged, {} bytes not sent, "
      "window {} bytes, {} retransmits, nothing received for {} ms",
      text_of(tcp, "state"), number_of(tcp, "rttUs"), number_of(tcp, "unacknowledged"),
      number_of(tcp, "notSentBytes"), number_of(tcp, "windowBytes"), number_of(tcp, "retransmits"),
      number_of(tcp, "sinceReceivedMs"));
}

}  // namespace

// Of a connection that has ended the kernel may still have something.
void TraceFollower::note_for_tcp(Gateway& gateway, const std::string& channel,
                                 const std::string& app, std::string_view event) {
  if (event == "push_queued") {
    gateway.unwritten.try_emplace(channel, Unwritten{app, std::chrono::steady_clock::now()});
  } else if (event == "written") {
    gateway.unwritten.erase(channel);
  } else if (event == "closed") {
    gateway.unwritten.erase(channel);
    ask_tcp(gateway, channel, app);
  }
}

// While it is there: of one that the kernel gives up nothing is left to ask for.
void TraceFollower::look_at_unwritten(Gateway& gateway) {
  const auto before = std::chrono::steady_clock::now() - kSoonWritten;
  for (auto& [channel, unwritten] : gateway.unwritten) {
    if (unwritten.is_asked) continue;
    if (!options_.only_recorded && unwritten.since > before) continue;
    unwritten.is_asked = true;
    ask_tcp(gateway, channel, unwritten.app);
  }
}

void TraceFollower::ask_tcp(Gateway& gateway, const std::string& channel, const std::string& app) {
  consul::Request request;
  request.path = "/channels/" + consul::Http::escape(channel);
  request.bearer = options_.token;
  request.timeout = kAskPatience;
  ++gateway.tcp_asked;
  gateway.http->send(request, [this, &gateway, channel, app](const consul::Reply& reply) {
    --gateway.tcp_asked;
    take_tcp(gateway, channel, app, reply);
    tell_end();
  });
}

void TraceFollower::take_tcp(Gateway& gateway, const std::string& channel, const std::string& app,
                             const consul::Reply& reply) {
  dom::parser parser;
  dom::element answer;
  dom::element tcp;
  if (!reply.is_ok() || parser.parse(reply.body).get(answer) != simdjson::SUCCESS) return;
  if (answer["tcp"].get(tcp) != simdjson::SUCCESS) return;
  const std::string words = tcp.is_object()
                                ? tcp_words(tcp)
                                : "no figures of its TCP connection: " + text_of(answer, "noTcp");
  const std::string at = now();
  if (!options_.json) {
    return tell({at, fmt::format("{} {} #{} {}", gateway.name, printable(app), short_name(channel),
                                 printable(words))});
  }
  tell({at, json_line({gateway.name, channel, app, at, "tcp", words},
                      [&](JsonWriter& json) { json.raw("tcp", simdjson::minify(tcp)); })});
}

}  // namespace ringgate
