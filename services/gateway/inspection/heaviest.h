// The clients of a shard with the most queued, and those that take nothing for longest: whoever
// looks at a gateway wants to know who they are. Rare, so it may look at all of the table and
// allocate. On the shard's thread.
#pragma once

#include <cstddef>
#include <string>

#include "services/gateway/parts/context.h"

namespace ringgate {

// So many of each kind; none of them takes nothing and has nothing queued.
inline constexpr std::size_t kHeaviest = 10;

struct HeaviestClients {
  std::string rows;  // JSON objects with commas between, in no order
  std::uint32_t count = 0;
};
[[nodiscard]] HeaviestClients heaviest_clients(GatewayContext& context);

}  // namespace ringgate
