// A Ring (dataplane/ring.h) that costs next to nothing, so that what is measured is a shard's own
// work: everything that is asked of it has completed at once, it accepts as many connections as it
// is asked to, and whenever it waits every connection has received the same bytes.
//
// Its settings are of the whole program, which has one thread. A source of the program, not of a
// library, since the data plane refers back to it.
#pragma once

#include <cstdint>

#include "codec/bytes.h"

namespace ringgate::bench {

// What each connection receives in a turn from now on, at most kInstantBufferBytes; nothing when
// empty.
inline constexpr std::size_t kInstantBufferBytes = 2048;
void bring(ByteView bytes);

// By all rings, so far.
[[nodiscard]] std::uint64_t bytes_sent() noexcept;

}  // namespace ringgate::bench
