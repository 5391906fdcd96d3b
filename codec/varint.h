// Protobuf's varints, written: seven bits to a byte, the lowest first, all but the last with the
// high bit set (protobuf.dev/programming-guides/encoding). Reading is header_scan's own: what it
// takes is narrower than the format.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringgate {

[[nodiscard]] constexpr std::size_t varint_bytes(std::size_t value) noexcept {
  std::size_t bytes = 1;
  for (; value >= 0x80; value >>= 7U) ++bytes;
  return bytes;
}

// The end of what it wrote; the caller made sure that there is room.
inline std::uint8_t* write_varint(std::uint8_t* to, std::size_t value) noexcept {
  for (; value >= 0x80; value >>= 7U) *to++ = static_cast<std::uint8_t>(value | 0x80U);
  *to++ = static_cast<std::uint8_t>(value);
  return to;
}

}  // namespace ringgate
