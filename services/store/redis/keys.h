// Keys that only services of ours read, beside those of store/layout.h.
#pragma once

#include <string_view>

namespace ringgate {

// With the number behind it: who has that node number of message ids (lease.h).
inline constexpr std::string_view kNodePrefix = "ringgate:node:";
// What tells these data from others (roll_call.h).
inline constexpr std::string_view kDataKey = "ringgate:data";

}  // namespace ringgate
