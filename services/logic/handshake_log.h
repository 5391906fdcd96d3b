// TLS that failed at a service's listener, in its log, as a gateway tells it of its clients:
// whoever comes there is a gateway whose certificate is not taken, or somebody who is none.
//
// A shard tells control so many a second, and how many it left out; control writes.
#pragma once

#include <chrono>
#include <cstdint>

#include "control/observe/log_limits.h"
#include "control/observe/told_per_second.h"
#include "dataplane/shard.h"
#include "services/logic/mail.h"

namespace ringgate {

// One per shard, on its thread.
class HandshakeTeller {
 public:
  static constexpr std::uint32_t kMostASecond = 10;

  explicit HandshakeTeller(Shard& shard) noexcept : shard_(shard) {}

  // A connection has ended; nothing is told unless that is of TLS.
  void closed(const Connection& connection, CloseReason reason);
  // What was left out is told when its second is over.
  void on_tick();

 private:
  [[nodiscard]] bool mail(const TlsFailedMail& mail) {
    return shard_.mail(shard_.control(), kMailTlsFailed, mail);
  }

  Shard& shard_;
  ToldPerSecond<1> told_;
};

// The control thread.
class HandshakeLog {
 public:
  using Time = LogLimits::Time;

  void take(std::uint32_t shard, const TlsFailedMail& mail, Time now);
  // About every second.
  void look(Time now) { limits_.look(now); }

 private:
  LogLimits limits_;  // of all shards together
};

}  // namespace ringgate
