// Memory of the system's own, for what gives it back itself.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringgate {

// Null: there is none. Not of malloc, which would keep two pages beside each arena for itself, nor
// of operator new, which has a reserve that is not for this. The kernel places mappings one below
// the other, so that those which end as high as they can are one mapping in the end.
[[nodiscard]] std::uint8_t* map_aligned(std::size_t bytes, std::size_t alignment) noexcept;

}  // namespace ringgate
