// Instances that do not answer, as one shard sees it. New requests go to others of the service
// meanwhile, if there are others that answer; what waits for an instance goes on waiting, up to
// AnswerTimeout.
//
//   silent   its link was asked and says nothing at all, not even to a ping: a process that hangs,
//            or a machine that is gone. Any byte ends it. The link's home shard judges for all.
//   mute     its link answers pings, but requests of this shard timed out, several in a row and
//            none answered in between, while another instance of the service answered. Any answer
//            ends it; without one it is tried again after a while, which grows.
//
// One per shard, on its thread; what control makes of it is ejections.h.
#pragma once

#include "services/gateway/mail.h"
#include "services/gateway/parts/context.h"
#include "services/gateway/parts/signouts.h"

namespace ringgate {

class Ejector {
 public:
  Ejector(GatewayContext& context, Signouts& signouts) : context_(context), signouts_(signouts) {}

  void on_tick();
  // Of a link that is at home on another shard: kMailLinkSilent.
  void take_silent(const LinkSilent& mail);

 private:
  void look_at_link(Upstream& upstream);
  [[nodiscard]] bool answers(const Upstream& upstream) const;
  [[nodiscard]] bool another_answers(const Upstream& upstream);
  void set_mute(Upstream& upstream, bool mute);
  void tell(const Upstream& upstream, EjectReason reason, bool ejected);

  GatewayContext& context_;
  Signouts& signouts_;
};

}  // namespace ringgate
