// From where a gateway is, as people write it, to a connection that takes packets. Blocking set-up
// code, one thread.
#pragma once

#include <memory>
#include <string_view>

#include "control/base/error.h"
#include "control/base/ws_url.h"
#include "control/tls/client_context.h"
#include "services/client/stream.h"
#include "services/client/transport.h"

namespace ringgate::client {

struct Target {
  bool websocket = false;
  bool tls = false;
  WsUrl url;  // the path is of WebSocket only
};

// "tcp://HOST:PORT", "tls://HOST:PORT", "ws://HOST:PORT/PATH" or "wss://HOST:PORT/PATH". Errors are
// those of usage.
[[nodiscard]] Result<Target> parse_target(std::string_view text);

struct Dialled {
  Stream stream;
  std::unique_ptr<Transport> transport;
};

// Connects, shakes hands and upgrades; each has a limit of some seconds. `settings` are for targets
// with TLS.
[[nodiscard]] Result<Dialled> dial(const Target& target, tls::ClientSettings settings);

}  // namespace ringgate::client
