// The flight recorder: what happened to each channel last, why connections ended, and what happens
// now to the channels of accounts that somebody follows. Tokens and bodies are never in it.
//
// One per shard, on its thread. Noting an event is a few plain stores: no allocation beside a block
// of the shard's pool at a channel's first event, no lock, no formatting. A channel that has only
// logged in has no record: the times of its login are in the channel.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/shard.h"
#include "services/gateway/channel.h"
#include "services/gateway/options.h"
#include "services/gateway/recorder/closes.h"
#include "services/gateway/recorder/record.h"
#include "services/gateway/recorder/traces.h"

namespace ringgate {

class Recorder {
 public:
  static constexpr std::uint32_t kKeptMs = 60'000;  // events, after the close

  // `options` may change, but for how many closes are kept. Both outlive this.
  Recorder(Shard& shard, const GatewayOptions& options);

  // --- What happens to a channel ------------------------------------------------------------
  void add(Channel& channel, Event event) {
    if (!options_.flight_recorder) return;
    FlightRecord* const record = channel.recorded ? channel.record : begin(channel);
    if (record == nullptr) [[unlikely]]
      return;
    event.happened_at(shard_.turn_us());
    record->add(event);
    if (record->traces != 0) [[unlikely]]
      traces_.add(record->traces, record->login, event);
  }
  void login_asked(Channel& channel, std::uint32_t slot, std::uint32_t upstream);
  void logged_in(Channel& channel, std::uint32_t took_us, std::uint32_t upstream);
  // An answer or a push is in its queue.
  void queued(Channel& channel, std::size_t bytes) noexcept {
    if (channel.recorded) channel.record->pushed_bytes += bytes;
  }
  // What is pushed next, in this call: where that closes the connection, it was dropped.
  void will_push(const Event& event) noexcept { push_ = event; }
  // It is in its queue.
  void pushed(Connection& connection, Channel& channel) {
    const Event push = std::exchange(push_, {});
    add(channel, push);
    if (!channel.recorded) return;
    channel.record->pushed_bytes += push.value;
    if (channel.record->pushed_us == 0) channel.record->pushed_us = shard_.turn_us();
    shard_.tell_when_sent(connection);
  }
  // All that was queued for it is with the socket.
  void sent(Channel& channel);
  // A push for a channel that is not there.
  void pushed_to_gone(std::string_view channel_id, std::uint32_t login, const Event& event);

  // Why the connection that is closed next, in this call, is closed: of static storage. Where it
  // has no channel, its token may have said whose it is; that is for the call.
  void will_close_for(std::string_view why, std::string_view claimed_account = {},
                      std::string_view claimed_app = {}) noexcept {
    why_ = why;
    claimed_account_ = claimed_account;
    claimed_app_ = claimed_app;
  }
  // Exactly once for each client, when it leaves Phase::kOpen. Null: it had no channel.
  void ended(const Connection& connection, Channel* channel, CloseReason reason);

  void on_tick();

  // --- For operators: may search and allocate -----------------------------------------------
  // The row of a channel that is there.
  [[nodiscard]] ChannelRow row_of(const Connection& connection, const Channel& channel) const;
  [[nodiscard]] std::uint64_t now_us() const noexcept { return shard_.turn_us(); }
  [[nodiscard]] const Closes& closes() const noexcept { return closes_; }
  // With the events that are kept, or those that its close tells of.
  static void append_close(std::vector<std::uint8_t>& to, const Closes::Close& close,
                           bool with_events);
  // The trace of an account, begun if there is none: then it has what is recorded already. Null:
  // too many are under way.
  [[nodiscard]] Traces::Trace* follow(std::string_view account);
  // What a trace would begin with, for whoever does not want to follow it: it is none of those
  // that may be under way, and nothing is marked.
  [[nodiscard]] Traces::Trace recorded(std::string_view account) const;

 private:
  [[nodiscard]] FlightRecord* begin(Channel& channel);
  [[nodiscard]] bool has_room();
  FlightRecord* make_record(Channel& channel, Block block);
  void trace(Channel& channel, std::uint32_t slot, std::uint8_t traces);
  void take_closed(Traces::Trace& trace) const;
  template <class Use>
  void for_each_of(std::string_view account, Use&& use) const;
  [[nodiscard]] std::uint32_t new_epoch() const noexcept {
    return static_cast<std::uint32_t>(shard_.turn_us() / 1000) | 1U;
  }
  void keep_close(const Connection& connection, Channel* channel, CloseReason reason,
                  std::string_view why);
  void untrace(const Traces::Trace& trace);
  void forgotten(std::uint32_t records) noexcept;

  Shard& shard_;
  const GatewayOptions& options_;
  Closes closes_;
  Traces traces_;
  std::uint32_t records_ = 0;
  std::string_view why_;
  std::string_view claimed_account_;
  std::string_view claimed_app_;
  Event push_;  // of kPushed; else there is none
};

}  // namespace ringgate
