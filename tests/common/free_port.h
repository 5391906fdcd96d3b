#pragma once

#include <cstdint>

namespace ringgate::test {

// A port of 127.0.0.1 that nobody has, for TCP and for UDP, and that nobody else is told until this
// process ends: tests run beside each other, and it may take a server a while to bind it. From
// below the range that the kernel gives out by itself (ip(7), ip_local_port_range), so that no
// outgoing connection takes it meanwhile. Throws when there is none. One thread.
std::uint16_t free_port();

}  // namespace ringgate::test
