// Origins of AllowedOrigins, as people write them. Pure functions, any thread; errors are those of
// usage.
#pragma once

#include <string>
#include <string_view>

#include "control/base/error.h"

namespace ringgate {

// scheme://host[:port], with *. in front of the host for all below it; *; null; file://. What means
// the same is made the same: lower case, and neither the scheme's own port nor a slash at the end,
// which browsers never send. What no browser sends at all is refused. See codec/ws_origin.h.
[[nodiscard]] Result<std::string> parse_origin(std::string_view text);

}  // namespace ringgate
