// So that a std::unordered_map of texts is asked with a view of one, without a copy:
//   std::unordered_map<std::string, Value, TextHash, std::equal_to<>>
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace ringgate {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

}  // namespace ringgate
