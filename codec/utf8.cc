#include "codec/utf8.h"

#include <simdjson.h>

namespace ringgate {

bool is_utf8_beyond_ascii(std::string_view text) noexcept {
  return simdjson::validate_utf8(text.data(), text.size());
}

}  // namespace ringgate
