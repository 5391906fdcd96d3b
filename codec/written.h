// The end of every write_* function that has a *_bytes function.
#pragma once

#include <cstddef>
#include <cstdint>

#include "codec/check.h"

namespace ringgate {

// `end`, after checking that exactly the promised bytes were written from `to` on. Always on: it
// costs a comparison per packet, and where it fails, memory behind the packet has been overwritten
// or bytes that nobody wrote would be sent. Nothing sensible can be done after that.
[[nodiscard]] inline std::uint8_t* written(const std::uint8_t* to, std::size_t promised,
                                           std::uint8_t* end) noexcept {
  RINGGATE_CHECK(static_cast<std::size_t>(end - to) == promised);
  return end;
}

}  // namespace ringgate
