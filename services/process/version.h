// Which build of ringgate this is.
#pragma once

#include <string_view>

namespace ringgate {

[[nodiscard]] std::string_view ringgate_version() noexcept;  // "0.1.0"

}  // namespace ringgate
