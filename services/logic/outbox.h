// How packets leave a logic service: written straight into the queue of a link, or of the mailbox
// of a shard that has one.
//
// One Outbox per shard, on its thread. Nothing here allocates per packet in steady state.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/rewrite.h"
#include "dataplane/shard.h"
#include "services/logic/links.h"
#include "services/store/sessions.h"

namespace ringgate {

class Outbox {
 public:
  Outbox(Shard& shard, const LinkDirectory& links) noexcept : shard_(shard), links_(links) {}

  // Whether a link takes a frame with that packet.
  [[nodiscard]] bool fits(const OutgoingHeader& header, std::size_t body_bytes) const noexcept;
  // On the preferred link if it is still there, else on any link of that gateway. False, and
  // counted: there is none, its queue is full, or the packet does not fit.
  bool send(std::string_view gateway_id, ConnectionHandle preferred, const OutgoingHeader& header,
            ByteView body);

  // One packet per gateway, whose receivers are named in dest.channels; nobody whose channel is
  // `except`. Fields of `header` other than the dest metas are taken as they are.
  void push(std::span<const Location> receivers, std::string_view except,
            const OutgoingHeader& header, ByteView body);

  // From another shard, of kind kMailToGateway: a framed packet for a gateway that has a link here.
  void on_mail(ByteView message);

  [[nodiscard]] Shard& shard() noexcept { return shard_; }

  // Of a packet's dest.channels; more receivers take more packets. A gateway's bound on headers is
  // a few times this.
  static constexpr std::size_t kMaxDestChannelsBytes = 256 * 1024;

 private:
  [[nodiscard]] Connection* open_link(const Gateway& gateway);
  bool write(Connection& connection, const OutgoingHeader& header, ByteView body,
             std::size_t bytes);
  bool mail(const Gateway& gateway, const OutgoingHeader& header, ByteView body, std::size_t bytes);

  Shard& shard_;
  const LinkDirectory& links_;
  std::vector<const Location*> sorted_;
  std::string channels_;
};

}  // namespace ringgate
