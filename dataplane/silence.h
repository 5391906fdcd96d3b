// How long a connection has been silent.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/connection.h"

namespace ringgate {

// Milliseconds since something came from it. `last_read_ms` of a client that has sent more than it
// may is the time at which it may go on, which may be to come (shard_share.cc): then it is 0.
[[nodiscard]] inline std::uint32_t silent_ms(const Connection& connection,
                                             std::uint32_t now_ms) noexcept {
  const auto since = static_cast<std::int32_t>(now_ms - connection.last_read_ms);
  return static_cast<std::uint32_t>(std::max(since, 0));
}

}  // namespace ringgate
