// Where to listen, as people write it. Pure functions, any thread; errors are those of usage.
#pragma once

#include <string>
#include <string_view>

#include "control/base/error.h"
#include "control/config/config.h"

namespace ringgate {

// "host:port" and "tcp://host:port" for TCP, "ws://host:port/path" for WebSocket; "tls://" and
// "wss://" are the same over TLS. A path may end in "/*". "unix:/path/of/socket" and
// "ws+unix:/path/of/socket:/path" are sockets of this machine. Options stand behind a "?", with "&"
// between them: proxy=required or proxy=off, and of TLS client_cert=required or client_cert=off.
[[nodiscard]] Result<ListenSpec> parse_listen(std::string_view text);

// Of WebSocket only: "host:port", whose path is "/", or "ws://host:port/path".
[[nodiscard]] Result<ListenSpec> parse_websocket_listen(std::string_view text);

// As errors name it: "127.0.0.1:8001", "unix:/run/ringgate.sock".
[[nodiscard]] std::string format_listen(const ListenSpec& listen);

// Whether two of them cannot both be listened on. Port 0 is another port each time.
[[nodiscard]] bool is_same_place(const ListenSpec& one, const ListenSpec& other);

}  // namespace ringgate
