#include "dataplane/address_range.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace ringgate {
namespace {

constexpr std::uint32_t kMappedBits = 96;  // in front of an IPv4 address in its v4-mapped form
constexpr std::uint32_t kAllBits = 128;

bool same_prefix(const PeerAddress::Bytes& a, const PeerAddress::Bytes& b, std::uint32_t bits) {
  const std::uint32_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  const std::uint32_t rest = bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return ((a[whole] ^ b[whole]) & mask) == 0;
}

void clear_after(PeerAddress::Bytes& address, std::uint32_t bits) {
  for (std::uint32_t bit = bits; bit < kAllBits; ++bit) {
    address[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  }
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// All zeros is nobody's address, but the beginning of ranges: ::/0.
bool is_unspecified(std::string_view host) {
  in6_addr address{};
  return inet_pton(AF_INET6, std::string(host).c_str(), &address) == 1 &&
         IN6_IS_ADDR_UNSPECIFIED(&address);
}

}  // namespace

std::optional<AddressRange> AddressRange::parse(std::string_view text) {
  std::optional<AddressRange> range = around(text);
  if (!range) return std::nullopt;
  const PeerAddress written = PeerAddress::parse(text.substr(0, text.find('/')));
  if (written.bytes() != range->network_) return std::nullopt;
  return range;
}

std::optional<AddressRange> AddressRange::around(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  const PeerAddress address = PeerAddress::parse(host);
  // Brackets, or a colon in what is printed with dots: that is how ports are written.
  const bool port = host.starts_with('[') ||
                    (host.find(':') == host.rfind(':') && host.find(':') != std::string_view::npos);
  if ((!address.known() && !is_unspecified(host)) || port) return std::nullopt;
  AddressRange range;
  range.network_ = address.bytes();
  if (slash == std::string_view::npos) return range;
  // Written with colons, the prefix counts the bits of IPv6.
  const bool dotted = host.find(':') == std::string_view::npos;
  const std::uint32_t before = dotted ? kMappedBits : 0;
  const std::string_view digits = text.substr(slash + 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), range.bits_);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (range.bits_ > kAllBits - before) return std::nullopt;
  range.bits_ += before;
  clear_after(range.network_, range.bits_);
  return range;
}

std::string AddressRange::text() const {
  sockaddr_storage storage{};
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  std::memcpy(&v6.sin6_addr, network_.data(), network_.size());
  std::memcpy(&storage, &v6, sizeof v6);
  const PeerAddress network = PeerAddress::from(storage);
  const bool dotted = network.is_ipv4() && bits_ >= kMappedBits;
  return (network.known() ? network.ip() : "::") + '/' +
         std::to_string(dotted ? bits_ - kMappedBits : bits_);
}

bool AddressRange::contains(const PeerAddress& peer) const noexcept {
  return peer.known() && same_prefix(network_, peer.bytes(), bits_);
}

bool contains(const AddressRanges& ranges, const PeerAddress& peer) noexcept {
  return std::ranges::any_of(ranges,
                             [&](const AddressRange& range) { return range.contains(peer); });
}

PeerAddress forwarded_peer(const PeerAddress& peer, std::string_view forwarded_for,
                           const AddressRanges& trusted) {
  PeerAddress client = peer;
  while (!forwarded_for.empty() && (!client.known() || contains(trusted, client))) {
    const std::size_t comma = forwarded_for.rfind(',');
    const std::size_t begin = comma == std::string_view::npos ? 0 : comma + 1;
    const PeerAddress before = PeerAddress::parse(trimmed(forwarded_for.substr(begin)));
    if (!before.known()) return client;
    client = before;
    forwarded_for = forwarded_for.substr(0, begin == 0 ? 0 : comma);
  }
  return client;
}

}  // namespace ringgate
