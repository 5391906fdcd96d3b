// A process that is one logic service, from its command line to its exit code: what the `main` of a
// service of one's own calls. services/examples/hello is one.
#pragma once

#include <string_view>

#include "services/logic/service.h"

namespace ringgate {

// `NAME -c FILE`: reads the configuration (the keys of `ringgate echo`), registers as `name` unless
// ServiceName says otherwise, and serves until SIGTERM. With RedisAddrs the handlers share sessions
// with login and chat; without, their store is empty. Nothing is reloaded on SIGHUP. Returns what
// main is to return: 0, 1 when something went wrong, 2 for usage and configuration.
[[nodiscard]] int serve_logic(int argc, char** argv, std::string_view name, FillRouter fill);

}  // namespace ringgate
