// Where this machine is reached, for those who listen on all of its interfaces. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace ringgate {

// "", "0.0.0.0" and "::": all interfaces, and nobody's address.
[[nodiscard]] bool is_wildcard_host(std::string_view host);

// The address that this machine's packets for far away come from, or that of its first interface
// that is no loopback: IPv4 if there is one, with `ipv4_only` no other. A machine without any is
// reached by itself alone: 127.0.0.1. Asks the kernel, sends nothing.
[[nodiscard]] std::string machine_address(bool ipv4_only = false);

}  // namespace ringgate
