// Origins (RFC 6454): which pages a browser may connect from. Pure functions, any thread.
#pragma once

#include <string_view>

namespace ringgate {

// Whether `entry`, of the configuration, means `origin`, of a request:
//   *                      all
//   https://a.example      itself; without a port also with the scheme's own, and in any case
//   https://*.a.example    whatever is below a.example, but not a.example
//   null, file://          of pages without an origin, where they are written so
[[nodiscard]] bool origin_matches(std::string_view entry, std::string_view origin) noexcept;

}  // namespace ringgate
