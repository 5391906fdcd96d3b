// Addresses as the tools of this folder take them: `HOST:PORT` with a numeric or resolvable host,
// `[IPv6]:PORT`, and `:PORT` for all interfaces where that makes sense.
//
// Plain values, any thread. The resolve functions may block on name resolution: set-up only.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <string_view>
#include <vector>

#include "codec/error.h"

namespace ringgate::bench {

struct Address {
  sockaddr_storage storage{};
  socklen_t bytes = 0;

  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
  [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] int family() const noexcept { return storage.ss_family; }
  // In 127.0.0.0/8, where any address can be a source address.
  [[nodiscard]] bool is_ipv4_loopback() const noexcept;
};

// The error is one sentence that says how to mend it.
[[nodiscard]] Result<Address> resolve_address(std::string_view host_port);
// All of them, at least one, as the resolver orders them; resolve_address() gives the first.
[[nodiscard]] Result<std::vector<Address>> resolve_addresses(std::string_view host_port);

// `HOST:PORT`, with brackets around IPv6.
[[nodiscard]] std::string format_address(const Address& address);

// A TCP socket to connect to `target` with, TCP_NODELAY set; -1 and errno when there is none. To a
// target in 127.0.0.0/8 it comes from one of 1,000 source addresses, chosen by `index`, so that
// many connections do not use up one address's ports.
[[nodiscard]] int open_client_socket(const Address& target, unsigned index);

}  // namespace ringgate::bench
