// Which closes somebody has to know of, and what each means. Pure, any thread.
#pragma once

#include <span>

#include "control/observe/close_meaning.h"
#include "dataplane/close_reason.h"
#include "services/gateway/counters.h"

namespace ringgate {

// In the order of their enums; the tables live as long as the process.
[[nodiscard]] std::span<const CloseMeaning<CloseReason::Own>> meanings_of_shard_closes() noexcept;
[[nodiscard]] std::span<const CloseMeaning<GatewayClose>> meanings_of_gateway_closes() noexcept;

// kDebug of what has no name here.
[[nodiscard]] LogLevel close_level(CloseReason reason) noexcept;

}  // namespace ringgate
