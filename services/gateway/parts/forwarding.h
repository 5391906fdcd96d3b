// Packets of clients on their way to services, and the requests that wait for an answer: each ends
// exactly once, with its answer, with a broken link, or after AnswerTimeout.
//
// One per shard, on its thread. The requests are kept by their upstreams; how many a channel has
// under way is a number in it.
#pragma once

#include "services/gateway/channel.h"
#include "services/gateway/mail.h"
#include "services/gateway/parts/logins.h"
#include "services/gateway/parts/requests.h"
#include "services/gateway/parts/signouts.h"

namespace ringgate {

class Forwarding {
 public:
  Forwarding(GatewayContext& context, Requests& requests, Logins& logins, Signouts& signouts)
      : context_(context), requests_(requests), logins_(logins), signouts_(signouts) {}

  // A packet of a client that is logged in.
  void forward(Connection& connection, Channel& channel, const Packet& packet);

  // An answer of a service for the channel of that place: its request was under way, and is no
  // more. It took so many microseconds. Nothing: none was.
  [[nodiscard]] std::optional<std::uint32_t> answered(const DeliveryHead& answer,
                                                      const ChannelPlace& place);
  // Its client has its answer now: if it has ended its side, and this was the last, it is closed.
  void end_if_answered(Connection& connection);
  // A peer has ended its side: Handler::on_peer_end.
  [[nodiscard]] bool on_peer_end(Connection& connection);

  // Nothing comes from it any more: 300 for all that wait for it.
  void fail_all(Upstream& upstream);
  // The home shard could not append a frame of ours: kMailRefused.
  void take_refused(ByteView message);
  // What has waited for AnswerTimeout. Tells control of upstreams that drain and have nothing left.
  void on_tick();

 private:
  void not_forwarded(Connection& connection, Channel& channel, const HeaderScan& scan, EventWhy why,
                     const Requests::Chosen& to, std::string_view text);
  void unanswered(const OutstandingRequest& request, EventWhy why, std::uint32_t upstream);
  [[nodiscard]] bool has_too_many(const Channel& channel);
  Channel* one_less_outstanding(std::uint32_t slot, std::uint32_t login);

  // At debug. `why`: it was not forwarded; empty: it was.
  void tell(const Connection& connection, const Channel& channel, std::string_view command,
            const Packet& packet, const Upstream* to, std::string_view why);

  GatewayContext& context_;
  Requests& requests_;
  Logins& logins_;
  Signouts& signouts_;
};

}  // namespace ringgate
