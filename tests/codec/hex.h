// Bytes from a readable text: "02 00000008" and {"3a", "04", ...} alike.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace ringgate {

using Bytes = std::vector<std::uint8_t>;

inline Bytes hex(std::string_view text) {
  Bytes bytes;
  unsigned digits = 0;
  unsigned value = 0;
  for (const char c : text) {
    if (c == ' ') continue;
    const unsigned digit = static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
    value = value << 4U | digit;
    if (++digits % 2 == 0) {
      bytes.push_back(static_cast<std::uint8_t>(value & 0xffU));
    }
  }
  return bytes;
}

}  // namespace ringgate
