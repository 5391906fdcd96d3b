// Words of HTTP, which are the same in either case of ASCII's letters (RFC 9110 §2.3 and §5.1).
// Pure; any thread.
#pragma once

#include <algorithm>
#include <string_view>

namespace ringgate {

[[nodiscard]] constexpr char lower_case(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] constexpr bool equals_ignoring_case(std::string_view left,
                                                  std::string_view right) noexcept {
  return std::ranges::equal(left, right, {}, lower_case, lower_case);
}

}  // namespace ringgate
