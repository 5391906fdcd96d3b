// What a token of HTTP may be made of (RFC 9110, section 5.6.2).
#pragma once

#include <algorithm>
#include <string_view>

namespace ringgate {

// An empty text is no token, but has no wrong character either: true.
[[nodiscard]] constexpr bool is_http_token(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) {
    constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.contains(c);
  });
}

}  // namespace ringgate
