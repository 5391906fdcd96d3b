// Which closes somebody has to know of. Pure, any thread.
#pragma once

#include "control/observe/log_level.h"
#include "dataplane/close_reason.h"
#include "services/gateway/counters.h"

namespace ringgate {

// kWarn: a client that is too slow, or somebody who is too many: an operator may have to act.
// kInfo: a client that does not speak as it should, or that was not served: its author may.
// kDebug: what ends every day.
[[nodiscard]] constexpr LogLevel close_level(CloseReason reason) noexcept {
  for (const CloseReason one :
       {CloseReason(CloseReason::kSlowConsumer), CloseReason(CloseReason::kWriteTimeout),
        CloseReason(CloseReason::kTooManyFromAddress), CloseReason(CloseReason::kBadProxyHeader),
        CloseReason(CloseReason::kProxyHeaderTooLong)}) {
    if (reason == one) return LogLevel::kWarn;
  }
  if (is_of_tls(reason)) return LogLevel::kInfo;
  for (const CloseReason one :
       {CloseReason(CloseReason::kBadFrame), CloseReason(CloseReason::kFrameTooLong),
        CloseReason(CloseReason::kTextMessage), CloseReason(CloseReason::kBadText),
        CloseReason(CloseReason::kUpgradeRefused), CloseReason(GatewayClose::kBadPacket),
        CloseReason(GatewayClose::kHeaderTooLong), CloseReason(GatewayClose::kTooManyMetas),
        CloseReason(GatewayClose::kNotALogin), CloseReason(GatewayClose::kLoginAnswerTimeout),
        CloseReason(GatewayClose::kNoLoginService), CloseReason(GatewayClose::kKickedByOperator)}) {
    if (reason == one) return LogLevel::kInfo;
  }
  return LogLevel::kDebug;
}

}  // namespace ringgate
