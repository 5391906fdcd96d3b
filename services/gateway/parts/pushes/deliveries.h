// Packets of services on their way to channels. A channel's id says on which shard it is.
//
// One per shard, on its thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/gateway/channel.h"
#include "services/gateway/parts/forwarding.h"
#include "services/gateway/parts/logins.h"
#include "services/gateway/parts/pushes/delivery.h"
#include "services/gateway/parts/pushes/fan_outs.h"
#include "services/gateway/parts/pushes/held_links.h"
#include "services/gateway/parts/pushes/held_pushes.h"
#include "services/gateway/parts/pushes/push_pace.h"
#include "services/gateway/parts/roll_call.h"
#include "services/gateway/parts/signouts.h"

namespace ringgate {

class Deliveries {
 public:
  Deliveries(GatewayContext& context, Logins& logins, Forwarding& forwarding, Signouts& signouts,
             RollCall& roll_call)
      : context_(context),
        logins_(logins),
        forwarding_(forwarding),
        signouts_(signouts),
        roll_call_(roll_call),
        fan_outs_(context.shard.pool(), context.shard.options().max_clients),
        held_pushes_(context),
        held_links_(context),
        shard_channels_(context.shard.options().shards) {}

  // A packet on a link of this shard.
  void on_link_packet(Connection& connection, ByteView payload);
  // One that came on a link of another shard, for channels of this one: kMailDeliver.
  void take(ByteView message);
  // Nothing is queued for it any more: whether something is again. The connection may have ended.
  bool on_sent(Connection& connection, Channel& channel) {
    return held_pushes_.release(connection, channel);
  }
  // SlowConsumer was that. Who is closed now by what comes, and was not before, gets what waits: it
  // is not to be overtaken. Else it goes on waiting.
  void policies_changed(const SlowConsumers& before) {
    if (context_.options.slow_consumers.closes_more_than(before)) held_pushes_.release_all();
  }
  // Its channel ends.
  void ended(const Connection& connection) { held_pushes_.ended(connection); }
  // The next slice of what waits.
  void on_batch_end() {
    pace_.begin_turn();
    if (!fan_outs_.empty()) [[unlikely]]
      work_off_slice_in_time();
    held_links_.on_batch_end(fan_outs_.bytes());
  }

 private:
  [[nodiscard]] HeaderRead read(const Packet& packet, HeaderScan& scan);
  void choose_policy(Delivery& delivery, const HeaderScan& scan) const;
  void spread(Delivery& delivery, std::string_view channels);
  void deliver_here(Delivery& delivery, std::string_view channels);
  [[nodiscard]] bool has_to_wait(const Delivery& delivery, std::string_view channels);
  [[nodiscard]] bool wait_for_slice(const Delivery& delivery, std::string_view channels);
  void work_off_slice_in_time();
  void work_off_slice();
  void work_off(FanOut& one, Slice& slice);
  void encode_if_large(Delivery& delivery);
  void mail(std::uint32_t shard, const Delivery& delivery, std::string_view channels);
  void deliver(const Delivery& delivery, std::string_view channel_id);
  void push(Connection& connection, Channel& channel, const Delivery& delivery);
  void count_push(Delivery& delivery, const HeaderScan& scan);
  void count_receivers(std::string_view channels);
  void record_push(const Delivery& delivery, std::uint32_t receivers);
  // At debug: what was just put into the queue of that client.
  void tell(const Connection& connection, const Channel& channel, const Delivery& delivery,
            std::uint32_t took_us);
  void not_here(const Delivery& delivery, std::string_view channel_id,
                const std::optional<ChannelPlace>& place);
  [[nodiscard]] Connection* find_channel(std::string_view channel_id, const ChannelPlace& place);

  GatewayContext& context_;
  Logins& logins_;
  Forwarding& forwarding_;
  Signouts& signouts_;
  RollCall& roll_call_;
  FanOuts fan_outs_;
  PushPace pace_;
  HeldPushes held_pushes_;
  HeldLinks held_links_;
  std::vector<std::string> shard_channels_;  // scratch: channel ids for each shard
};

}  // namespace ringgate
