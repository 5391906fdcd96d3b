// Where to listen, as people write it. Pure functions, any thread; errors are those of usage.
#pragma once

#include <string_view>

#include "control/base/error.h"
#include "control/config/config.h"

namespace ringgate {

// "host:port" and "tcp://host:port" for TCP, "ws://host:port/path" for WebSocket; a path may end in
// "/*".
[[nodiscard]] Result<ListenSpec> parse_listen(std::string_view text);

// Of WebSocket only: "host:port", whose path is "/", or "ws://host:port/path".
[[nodiscard]] Result<ListenSpec> parse_websocket_listen(std::string_view text);

}  // namespace ringgate
