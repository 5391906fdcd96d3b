#include "control/selector.h"

#include <zlib.h>

namespace ringgate {

std::uint32_t crc32_ieee(std::string_view text) noexcept {
  return static_cast<std::uint32_t>(
      ::crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
}

}  // namespace ringgate
