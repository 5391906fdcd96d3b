// The other end of a connection, small enough to keep one per connection.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace ringgate {

class PeerAddress {
 public:
  PeerAddress() = default;
  // Anything but IPv4 and IPv6 gives an empty address.
  static PeerAddress from(const sockaddr_storage& address) noexcept;
  // A numeric address, the port of a connection unknown: "10.0.0.7", "2001:db8::7", also
  // "10.0.0.7:4711" and "[2001:db8::7]:4711". Anything else gives an empty address.
  static PeerAddress parse(std::string_view text) noexcept;

  // "127.0.0.1" or "::1"; a v4-mapped IPv6 address is printed as IPv4; empty when unknown.
  [[nodiscard]] std::string ip() const;
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  // Nobody's address is all zeros.
  [[nodiscard]] bool known() const noexcept { return address_ != Bytes{}; }
  [[nodiscard]] bool is_ipv4() const noexcept;

  using Bytes = std::array<std::uint8_t, 16>;
  [[nodiscard]] const Bytes& bytes() const noexcept { return address_; }  // IPv4 is v4-mapped

  // Whom limits per source count: an IPv4 address, or the /64 of an IPv6 address.
  using Source = Bytes;
  [[nodiscard]] Source source() const noexcept;

 private:
  Bytes address_{};
  std::uint16_t port_ = 0;
};

}  // namespace ringgate
