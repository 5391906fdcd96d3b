// Is this text UTF-8? Pure functions over bytes, any thread, no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace ringgate {

// Whole words, the last one overlapping: names on the wire are short and nearly always
// ASCII, and this is inlined where they are read.
[[nodiscard]] inline bool is_ascii(std::string_view text) noexcept {
  constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080;
  const char* data = text.data();
  const std::size_t size = text.size();
  if (size < sizeof(std::uint64_t)) {
    if (size >= sizeof(std::uint32_t)) {
      std::uint32_t first;
      std::uint32_t last;
      std::memcpy(&first, data, sizeof first);
      std::memcpy(&last, data + size - sizeof last, sizeof last);
      return ((first | last) & (kHighBits & 0xffff'ffffU)) == 0;
    }
    unsigned bits = 0;
    for (std::size_t i = 0; i < size; ++i) bits |= static_cast<unsigned char>(data[i]);
    return bits < 0x80;
  }
  std::uint64_t word;
  std::memcpy(&word, data + size - sizeof word, sizeof word);
  std::uint64_t bits = word;
  for (std::size_t i = 0; i + sizeof word < size; i += sizeof word) {
    std::memcpy(&word, data + i, sizeof word);
    bits |= word;
  }
  return (bits & kHighBits) == 0;
}

// The same judgement as protobuf's: no over-long forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] bool is_utf8_beyond_ascii(std::string_view text) noexcept;

[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept {
  return is_ascii(text) || is_utf8_beyond_ascii(text);
}

}  // namespace ringgate
