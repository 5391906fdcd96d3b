#pragma once

#include <cstdint>

namespace ringgate::test {

// A port of 127.0.0.1 that nobody has, for TCP and for UDP. From below the range that the kernel
// gives out by itself (ip(7), ip_local_port_range), so that no outgoing connection of another test
// takes it before whoever was told of it does. Throws when there is none.
std::uint16_t free_port();

}  // namespace ringgate::test
