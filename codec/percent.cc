#include "codec/percent.h"

namespace ringgate {

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i] == '+' && plus_is_blank ? ' ' : text[i]);
      continue;
    }
    const std::optional<char> byte = percent_byte(text.substr(i));
    if (!byte) return std::nullopt;
    decoded.push_back(*byte);
    i += 2;
  }
  return decoded;
}

}  // namespace ringgate
