// How a shard's lines come into the log: as mail to control, so many a second of each event.
// Nothing waits, and nothing is done for those of debug while that is off.
//
// One per shard, on its thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "control/observe/told_per_second.h"
#include "dataplane/shard.h"
#include "services/gateway/channel.h"
#include "services/gateway/log/told_mail.h"
#include "services/gateway/options.h"

namespace ringgate {

class Teller {
 public:
  // Both outlive it.
  Teller(Shard& shard, const GatewayOptions& options) : shard_(shard), options_(options) {}

  // Ask before anything is made for a line of debug.
  [[nodiscard]] bool tells_debug() const noexcept { return options_.tells_debug; }
  void tell(const Connection& connection, const Told& told);
  // With the account and the app of the channel.
  void tell(const Connection& connection, const Channel& channel, Told told);
  // Of a client's close: a line for everybody where its reason is one, else one of debug.
  void closed(const Connection& connection, const Channel* channel, CloseReason reason);
  // What was left out is told when its second is over.
  void on_tick();

 private:
  static constexpr auto kEvents = static_cast<std::size_t>(LogEvent::kEnd);
  [[nodiscard]] std::uint32_t most_of(LogEvent event) const noexcept;
  [[nodiscard]] bool mail(ToldHead& head, const Told& told);

  Shard& shard_;
  const GatewayOptions& options_;
  ToldPerSecond<kEvents> told_;
};

}  // namespace ringgate
