// A TCP connection to a gateway, dialled with a time limit. Blocking until connected; one thread.
#pragma once

#include "control/address.h"
#include "control/error.h"
#include "control/unique_fd.h"

namespace ringgate {

// Tries every address of `target.host` (a name, IPv4 or IPv6; empty is this machine) in the
// resolver's order, each for at most `timeout_ms`. The socket is non-blocking and sends without
// delay.
Result<UniqueFd> connect_to(const Endpoint& target, int timeout_ms);

}  // namespace ringgate
