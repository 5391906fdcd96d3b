// Percent-encoding (RFC 3986 section 2.1). Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringgate {

// -1: it is none.
[[nodiscard]] constexpr int hex_digit(std::uint8_t byte) noexcept {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

// The byte that "%2F" at the front of `text` stands for. Nothing: there is no such thing.
[[nodiscard]] constexpr std::optional<char> percent_byte(std::string_view text) noexcept {
  if (text.size() < 3 || text[0] != '%') return std::nullopt;
  const int high = hex_digit(static_cast<std::uint8_t>(text[1]));
  const int low = hex_digit(static_cast<std::uint8_t>(text[2]));
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

// "a%20b" is "a b". Nothing where a % is not followed by two digits.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text,
                                                        bool plus_is_blank = false);

}  // namespace ringgate
