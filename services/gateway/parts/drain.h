// The end of a gateway, on one shard: clients are closed at a pace, and control is told when they
// are gone and everything has been said to services.
//
// One per shard, on its thread.
#pragma once

#include "services/gateway/mail.h"
#include "services/gateway/parts/context.h"
#include "services/gateway/parts/signouts.h"

namespace ringgate {

class Drain {
 public:
  Drain(GatewayContext& context, const Signouts& signouts)
      : context_(context), signouts_(signouts) {}

  // kMailDrain
  void begin(const DrainMail& mail);
  void on_tick();

 private:
  void close_some();
  [[nodiscard]] bool is_done();

  GatewayContext& context_;
  const Signouts& signouts_;
  DrainMail pace_{};
  bool reported_ = false;
};

}  // namespace ringgate
