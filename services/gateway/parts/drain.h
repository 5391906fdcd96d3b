// The end of a gateway, on one shard: clients are told to go at a pace, and control is told when
// nobody comes in any more, and when all are gone and everything has been said to services.
//
// The pace is what is needed for all to be told within DrainMail::spread_ms, and no slower than it
// says: so there is never a rest that is closed at once. Whoever has a login or a request under way
// goes with its answer; those that have none by then are told all the same, at the pace that a
// fifth of that time more takes.
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
  [[nodiscard]] std::uint64_t how_many();
  [[nodiscard]] Farewells::Patience patience() const;
  [[nodiscard]] std::uint32_t elapsed_ms() const;
  [[nodiscard]] bool is_done();

  GatewayContext& context_;
  const Signouts& signouts_;
  DrainMail pace_{};
  std::uint32_t begun_ms_ = 0;
  std::uint32_t next_slot_ = 0;
  bool closed_ = false;  // nobody comes in any more, and control knows
  bool reported_ = false;
};

}  // namespace ringgate
