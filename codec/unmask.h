// WebSocket masking (RFC 6455, section 5.3): XOR with a key of four bytes, so the same function
// masks and unmasks. Pure functions over the caller's bytes, in place, any thread.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "codec/bytes.h"

namespace ringgate {

// In the order of the wire.
using WsMaskKey = std::array<std::uint8_t, 4>;

// `offset` is the place of bytes[0] in the frame's payload: a payload may be unmasked in parts.
void unmask_scalar(MutableBytes bytes, WsMaskKey key, std::size_t offset) noexcept;

// Only where the processor has AVX2.
void unmask_avx2(MutableBytes bytes, WsMaskKey key, std::size_t offset) noexcept;
[[nodiscard]] bool can_unmask_avx2() noexcept;

// The best of the two for this processor.
void unmask_long(MutableBytes bytes, WsMaskKey key, std::size_t offset) noexcept;

// The key as two words' worth of bytes, begun at the place of `offset`.
[[nodiscard]] inline std::uint64_t mask_word(WsMaskKey key, std::size_t offset) noexcept {
  std::uint32_t half;
  std::memcpy(&half, key.data(), sizeof half);
  const int bits = static_cast<int>(offset % key.size()) * 8;
  half = std::endian::native == std::endian::little ? std::rotr(half, bits) : std::rotl(half, bits);
  return std::uint64_t{half} << 32U | half;
}

// What a gateway unmasks most is a heartbeat of eight bytes: one word, inlined.
inline void unmask(MutableBytes bytes, WsMaskKey key, std::size_t offset = 0) noexcept {
  if (bytes.size() != sizeof(std::uint64_t)) {
    unmask_long(bytes, key, offset);
    return;
  }
  std::uint64_t word;
  std::memcpy(&word, bytes.data(), sizeof word);
  word ^= mask_word(key, offset);
  std::memcpy(bytes.data(), &word, sizeof word);
}

}  // namespace ringgate
