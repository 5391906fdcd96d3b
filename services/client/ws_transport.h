// The WebSocket form of Transport (RFC 6455, the client's side), after the upgrade.
#pragma once

#include <memory>
#include <string_view>

#include "services/client/transport.h"

namespace ringgate::client {

// `received` is what came after the response to the upgrade: the first frames, or a part of them.
[[nodiscard]] std::unique_ptr<Transport> make_ws_transport(std::string_view received = {});

}  // namespace ringgate::client
