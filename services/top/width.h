// How many columns of a terminal a text takes. Wide characters, of Chinese or emoji, take two; what
// combines with the one before takes none. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ringgate::top {

// Of UTF-8; a byte that is none takes one.
[[nodiscard]] std::size_t columns_of(std::string_view text);

// The front of it that fits.
[[nodiscard]] std::string_view cut_to(std::string_view text, std::size_t columns);

// Exactly that wide: with blanks behind, or cut, which … at its end tells.
[[nodiscard]] std::string cell(std::string_view text, std::size_t columns);

}  // namespace ringgate::top
