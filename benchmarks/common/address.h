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

// Where connections come from: each address has some 28,000 ports to one target.
class SourceAddresses {
 public:
  static constexpr std::size_t kMost = 65'536;

  SourceAddresses() = default;  // as the kernel chooses
  // `ADDRESS`, `ADDRESS-ADDRESS` (IPv4), and lists of them with commas. The error is a sentence:
  // not an address, not of the target's family, not one of this machine's.
  [[nodiscard]] static Result<SourceAddresses> parse(std::string_view text, const Address& target);

  [[nodiscard]] const std::vector<Address>& addresses() const noexcept { return addresses_; }

 private:
  std::vector<Address> addresses_;
};

// A TCP socket to connect to `target` with, TCP_NODELAY set; -1 and errno when there is none. It
// comes from one of `sources`, chosen by `index`. Without any, to a target in 127.0.0.0/8, it comes
// from one of 1,000 addresses there, so that many connections do not use up one address's ports.
[[nodiscard]] int open_client_socket(const Address& target, const SourceAddresses& sources,
                                     unsigned index);

// Its close is then a reset where the other end has not closed before: no port is held in
// TIME_WAIT.
void close_without_trace(int fd) noexcept;

}  // namespace ringgate::bench
