// WebSocket URLs (RFC 6455, section 3) as people write them. Plain values, any thread.
#pragma once

#include <string>
#include <string_view>

#include "control/base/address.h"
#include "control/base/error.h"

namespace ringgate {

inline constexpr std::uint16_t kWsDefaultPort = 80;
inline constexpr std::uint16_t kWssDefaultPort = 443;

struct WsUrl {
  Endpoint endpoint;
  std::string path = "/";  // as a request line has it: begins with '/', the query included
  bool tls = false;        // it is wss://

  bool operator==(const WsUrl&) const = default;
};

// "ws://host:port/path?query", or wss; what is left out is the scheme's port and path "/". An empty
// host, as in "ws://:8000/", means all interfaces to a listener; whoever dials has to refuse it.
// Errors are those of usage, exit code 2.
[[nodiscard]] Result<WsUrl> parse_ws_url(std::string_view text);

}  // namespace ringgate
