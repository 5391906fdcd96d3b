// A TCP connection to a gateway, dialled with a time limit. Blocking until connected; one thread.
#pragma once

#include <string_view>

#include "control/base/address.h"
#include "control/base/error.h"
#include "control/base/unique_fd.h"

namespace ringgate::client {

// Tries every address of `target.host` (a name, IPv4 or IPv6; empty is this machine) until one
// connects (control/base/dial_order.h), for at most `timeout_ms`. The socket is non-blocking and
// sends without delay. `flags` are those of a `ringgate dev` that would listen there, for the
// error.
Result<UniqueFd> connect_to(const Endpoint& target, int timeout_ms,
                            std::string_view flags = "--tcp");

}  // namespace ringgate::client
