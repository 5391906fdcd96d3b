// Where to listen, as people write it. Pure functions, any thread; errors are those of usage.
#pragma once

#include <span>
#include <string_view>

#include "control/base/error.h"
#include "control/config/config.h"

namespace ringgate {

// "host:port" and "tcp://host:port" for TCP, "ws://host:port/path" for WebSocket; "tls://" and
// "wss://" are the same over TLS. A path may end in "/*". "unix:/path/of/socket" and
// "ws+unix:/path/of/socket:/path" are sockets of this machine. Options stand behind a "?", with "&"
// between them: proxy=required or proxy=off, and of TLS client_cert=required or client_cert=off.
[[nodiscard]] Result<ListenSpec> parse_listen(std::string_view text);

// As parse_listen() takes it.
[[nodiscard]] std::string format_listen(const ListenSpec& listen);

// Of WebSocket only: "host:port", whose path is "/", or "ws://host:port/path".
[[nodiscard]] Result<ListenSpec> parse_websocket_listen(std::string_view text);

// Whether `one` can be listened on beside all of `others`: one place is there once. Port 0 is
// another port each time.
[[nodiscard]] Result<void> check_apart(std::span<const ListenSpec> others, const ListenSpec& one);

}  // namespace ringgate
