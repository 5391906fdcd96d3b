// Why a logic service closes links of gateways: what the documentation says. Its log has lines of
// their own for them. Pure, any thread.
#pragma once

#include <array>

#include "control/observe/close_meaning.h"
#include "services/logic/counters.h"

namespace ringgate {

inline constexpr auto kLogicCloseMeanings = std::to_array<CloseMeaning<LogicClose>>({
    {LogicClose::kHandshake, LogLevel::kDebug, "a logic service",
     "a link that does not say who it is"},
    {LogicClose::kReplaced, LogLevel::kDebug, "a logic service",
     "a newer link of the same gateway is there"},
});
static_assert(is_complete<LogicClose>(kLogicCloseMeanings), "a row for each");

}  // namespace ringgate
