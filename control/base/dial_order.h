// In which order, and how far apart, the addresses of one name are dialled (RFC 8305, "Happy
// Eyeballs"), and a blocking dial that does so, for tools. Functions without state, any thread.
#pragma once

#include <chrono>
#include <vector>

#include "control/base/address.h"
#include "control/base/unique_fd.h"

namespace ringgate {

// Families in turn, beginning with that of the first address; otherwise as the resolver had them
// (section 4). The kMostDialled first of them.
inline constexpr std::size_t kMostDialled = 64;
[[nodiscard]] std::vector<SocketAddress> dial_order(std::vector<SocketAddress> addresses);

// How long an address is waited for before the next one is begun: 250 ms (section 5), less where
// `left` would not do for all of them. At least 1 ms.
[[nodiscard]] std::chrono::milliseconds dial_share(std::chrono::milliseconds left,
                                                   std::size_t addresses);

struct FirstConnected {
  UniqueFd fd;  // non-blocking; closed: none connected
  SocketAddress peer;
  int error = 0;  // why not: ECONNREFUSED where any refused, ETIMEDOUT where none answered
};

// Dials all of them until one connects, for `limit` at most. Blocks.
[[nodiscard]] FirstConnected connect_first(std::vector<SocketAddress> addresses,
                                           std::chrono::milliseconds limit);

}  // namespace ringgate
