// Hosts and ports as people write them, and as the kernel takes them. Plain values, any thread.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/error.h"

namespace ringgate {

struct Endpoint {
  std::string host;  // A name or a numeric address without brackets; empty = all interfaces.
  std::uint16_t port = 0;

  bool operator==(const Endpoint&) const = default;
};

// "host:port", "[::1]:80", ":8000" (all interfaces). The port has to be there; 0 is allowed.
Result<Endpoint> parse_endpoint(std::string_view text);

// A host that can be dialled, as registries have it: a name, IPv4, or IPv6 without the brackets
// that it may be written in. The error is what is wrong with the text, as in "has a port in it;
// ...".
Result<std::string> parse_host(std::string_view text);

// Of a host that parse_host() took: the error says why nobody can dial it, where that is known
// without asking anyone: it is a wildcard, multicast or broadcast address.
Result<void> check_dialable(std::string_view host);

// Where a client can be sent to: "host:port" as parse_host() and check_dialable() have the host,
// with a port, and no longer than a close frame has room for (kMaxRetryAtBytes).
Result<std::string> parse_retry_at(std::string_view text);

// The inverse of parse_endpoint(): IPv6 in brackets, an IPv4-mapped IPv6 address as IPv4.
std::string format_endpoint(const Endpoint& endpoint);

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* get() const noexcept;
  int family() const noexcept { return storage.ss_family; }
  std::uint16_t port() const noexcept;
};

// Without asking a name server: nothing when host is a name. An empty host is [::], which takes
// IPv4 too on a socket whose IPV6_V6ONLY is off.
std::optional<SocketAddress> numeric_address(const Endpoint& endpoint);

// "localhost" and numeric addresses that only this machine reaches.
bool is_loopback_host(std::string_view host);

// The numeric host of a peer, "127.0.0.1" also for ::ffff:127.0.0.1; "" for other families.
std::string format_host(const sockaddr* address);

// "127.0.0.1:80", "[::1]:80".
std::string format_address(const SocketAddress& address);

}  // namespace ringgate
