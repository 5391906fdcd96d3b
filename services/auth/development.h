// What a development gateway and its tools agree on when nobody configured anything. Constants
// only.
#pragma once

#include <string_view>

#include "control/base/secrets.h"

namespace ringgate {

inline constexpr std::string_view kDevelopmentApp = "kim";

}  // namespace ringgate
