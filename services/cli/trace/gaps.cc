// TraceFollower: what a gateway has not kept, or does not tell of.
#include <fmt/format.h>
#include <simdjson.h>

#include "control/base/text.h"
#include "services/cli/trace/answer.h"
#include "services/cli/trace/follow.h"

namespace ringgate {

namespace dom = simdjson::dom;
using namespace trace_answer;

// A record has the last events of a channel, there are so many records, and of an account so many
// channels are told.
void TraceFollower::tell_what_is_missing(Gateway& gateway, const dom::element& answer) {
  dom::array channels;
  if (answer["channels"].get(channels) != simdjson::SUCCESS) return;
  for (const dom::element channel : channels) {
    if (!is_meant(text_of(channel, "app"))) continue;
    const std::string id = text_of(channel, "channel");
    const std::uint64_t gone = number_of(channel, "eventsGone");
    tell_missing(
        gateway, id, "not_kept", gone,
        fmt::format(
            "#{}: {} older event{} of it {} not kept: a record has the last 32, until a minute "
            "after its end",
            short_name(id), gone, gone == 1 ? "" : "s", gone == 1 ? "is" : "are"));
    tell_missing(gateway, id + " not recorded", "not_recorded",
                 flag_of(channel, "someNotRecorded") ? 1 : 0,
                 fmt::format("#{}: some of its events are not recorded: as many channels as may be "
                             "(RecordedChannels) have a record",
                             short_name(id)));
  }
  const std::uint64_t channels_not_told = number_of(answer, "channelsNotTold");
  tell_missing(gateway, "channels", "channels_not_told", channels_not_told,
               fmt::format("has {} more channel{} of {} than can be told of (32 on a shard): "
                           "nothing of {} is here",
                           channels_not_told, channels_not_told == 1 ? "" : "s", options_.account,
                           channels_not_told == 1 ? "it" : "them"));
  const std::uint64_t closes_not_told = number_of(answer, "closesNotTold");
  tell_missing(gateway, "closes", "closes_not_told", closes_not_told,
               fmt::format("has {} older channel{} of {} that ended: see /closes?account= of its "
                           "admin port",
                           closes_not_told, closes_not_told == 1 ? "" : "s", options_.account));
  tell_missing(gateway, "off", "recorder_is_off", flag_of(answer, "recorderIsOff") ? 1 : 0,
               "records nothing (FlightRecorder: false): what happens there is not told");
}

// Once, and again where it is more.
void TraceFollower::tell_missing(Gateway& gateway, const std::string& what, std::string_view kind,
                                 std::uint64_t much, const std::string& words) {
  std::uint64_t& told = gateway.told_missing[what];
  if (much > told) notice(&gateway, kind, printable(words));
  told = much;
}

}  // namespace ringgate
