// Ranges of IP addresses (CIDR), and where a client really comes from when a proxy is between.
// Plain values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/peer_address.h"

namespace ringgate {

class AddressRange {
 public:
  // "10.0.0.0/8", "2001:db8::/32", "::ffff:10.0.0.0/104", or one address. Nothing for anything
  // else, bits set beyond the prefix ("10.1.0.0/8") too: one of the two numbers is a mistake.
  static std::optional<AddressRange> parse(std::string_view text);
  // The same without those bits: what "10.1.0.0/8" is within.
  static std::optional<AddressRange> around(std::string_view text);
  [[nodiscard]] std::string text() const;

  [[nodiscard]] bool contains(const PeerAddress& peer) const noexcept;
  bool operator==(const AddressRange&) const = default;

 private:
  PeerAddress::Bytes network_{};
  std::uint32_t bits_ = 128;  // of the v4-mapped form for IPv4
};

using AddressRanges = std::vector<AddressRange>;

[[nodiscard]] bool contains(const AddressRanges& ranges, const PeerAddress& peer) noexcept;

// The client's address by X-Forwarded-For, to which every proxy appends the address that it was
// called from: the last one that is no trusted proxy itself. `peer` when it is not trusted, when
// the header is empty, and up to where it makes no sense.
[[nodiscard]] PeerAddress forwarded_peer(const PeerAddress& peer, std::string_view forwarded_for,
                                         const AddressRanges& trusted);

}  // namespace ringgate
