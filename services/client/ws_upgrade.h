// The client's side of the WebSocket opening handshake (RFC 6455, section 4.1). Set-up code, one
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "codec/bytes.h"
#include "control/base/error.h"
#include "control/base/ws_url.h"
#include "services/client/stream.h"

namespace ringgate::client {

inline constexpr std::size_t kMaxUpgradeResponseBytes = 8192;  // of its header, and of a body

// A fresh Sec-WebSocket-Key.
[[nodiscard]] std::string make_ws_key();

// No Origin: that is for browsers.
[[nodiscard]] std::string upgrade_request(const WsUrl& url, std::string_view key);

// Judges all that was received so far: how many bytes the response has, 0 as long as it is not
// complete; what follows it are frames. An error says why there will be no WebSocket. `ended`:
// nothing more will come.
[[nodiscard]] Result<std::size_t> read_upgrade_response(ByteView received, bool ended,
                                                        std::string_view key);

// Upgrades a connected stream and waits for the answer. Returns what came after it.
[[nodiscard]] Result<std::string> upgrade_to_ws(Stream& stream, const WsUrl& url, int timeout_ms);

}  // namespace ringgate::client
