// What a development gateway and its tools agree on when nobody configured anything. Constants
// only.
#pragma once

#include <string_view>

namespace ringgate {

// Everyone who reads this file knows this secret. It is right for `ringgate dev`, for the tools
// that talk to it and for tests; a gateway that is configured never falls back to it.
inline constexpr std::string_view kDevelopmentSecret = "jwt-1sNzdiSgnNuxyq2g7xml2JvLArU";

inline constexpr std::string_view kDevelopmentApp = "kim";

}  // namespace ringgate
