// The most that forwarding adds to what a client sent, so that bounds on links can be set above
// those on clients: a service closes a link over a packet that is too long, and the link is
// everybody's.
//
// Pure functions, any thread.
#pragma once

#include <cstddef>

namespace ringgate {

// To the header. Where it takes the slow path it may also grow by itself: protobuf writes the type
// of a meta that is negative in ten bytes, where five were enough, and the meta's length may need
// one more.
inline constexpr std::size_t kMaxGrowthOfMetaBytes = 6;
[[nodiscard]] std::size_t max_header_growth_bytes(std::size_t max_metas) noexcept;

// To the whole packet: a login's body is replaced, too.
[[nodiscard]] std::size_t max_forward_growth_bytes(std::size_t max_metas) noexcept;

}  // namespace ringgate
