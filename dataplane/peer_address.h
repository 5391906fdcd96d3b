// The other end of a connection, small enough to keep one per connection.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>

namespace ringgate {

class PeerAddress {
 public:
  PeerAddress() = default;
  // Anything but IPv4 and IPv6 gives an empty address.
  static PeerAddress from(const sockaddr_storage& address) noexcept;

  // "127.0.0.1" or "::1"; a v4-mapped IPv6 address is printed as IPv4; empty when unknown.
  [[nodiscard]] std::string ip() const;
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  // Whom limits per source count: an IPv4 address, or the /64 of an IPv6 address.
  using Source = std::array<std::uint8_t, 16>;
  [[nodiscard]] Source source() const noexcept;

 private:
  std::array<std::uint8_t, 16> address_{};  // IPv4 is kept v4-mapped
  std::uint16_t port_ = 0;
  bool known_ = false;
};

}  // namespace ringgate
