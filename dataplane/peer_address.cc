#include "dataplane/peer_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace ringgate {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_mapped(const PeerAddress::Source& address) noexcept {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.begin());
}

bool is_port(std::string_view text) noexcept {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size();
}

// A port is behind brackets, or behind the only colon. Empty when what is there is none.
std::string_view without_port(std::string_view text) noexcept {
  std::size_t end = text.size();
  std::size_t after = end;  // where a port would begin, with its colon
  if (text.starts_with('[')) {
    end = text.find(']');
    if (end == std::string_view::npos) return {};
    after = end + 1;
  } else if (const std::size_t colon = text.find(':'); colon == text.rfind(':')) {
    end = after = std::min(end, colon);
  }
  const std::string_view port = text.substr(after);
  if (!port.empty() && (port.front() != ':' || !is_port(port.substr(1)))) return {};
  const std::size_t begin = text.starts_with('[') ? 1 : 0;
  return text.substr(begin, end - begin);
}

}  // namespace

PeerAddress PeerAddress::from(const sockaddr_storage& address) noexcept {
  PeerAddress peer;
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), peer.address_.begin());
    std::memcpy(peer.address_.data() + kMappedPrefix.size(), &v4.sin_addr, 4);
    peer.port_ = ntohs(v4.sin_port);
  } else if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    std::memcpy(peer.address_.data(), &v6.sin6_addr, peer.address_.size());
    peer.port_ = ntohs(v6.sin6_port);
  }
  return peer;
}

PeerAddress PeerAddress::parse(std::string_view text) noexcept {
  text = without_port(text);
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.size() >= copy.size() || text.find('\0') != std::string_view::npos) return {};
  std::copy(text.begin(), text.end(), copy.begin());
  sockaddr_storage address{};
  if (auto* const v4 = reinterpret_cast<sockaddr_in*>(&address);
      inet_pton(AF_INET, copy.data(), &v4->sin_addr) == 1) {
    address.ss_family = AF_INET;
  } else if (auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address);
             inet_pton(AF_INET6, copy.data(), &v6->sin6_addr) == 1) {
    address.ss_family = AF_INET6;
  }
  return from(address);
}

bool PeerAddress::is_ipv4() const noexcept {
  return is_mapped(address_);
}

PeerAddress::Source PeerAddress::source() const noexcept {
  Source source = address_;
  if (!is_mapped(address_)) std::fill(source.begin() + 8, source.end(), std::uint8_t{0});
  return source;
}

std::string PeerAddress::ip() const {
  if (!known()) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_mapped(address_)) {
    inet_ntop(AF_INET, address_.data() + kMappedPrefix.size(), text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, address_.data(), text.data(), text.size());
  }
  return text.data();
}

}  // namespace ringgate
