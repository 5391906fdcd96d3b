#include "benchmarks/common/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>

namespace ringgate::bench {
namespace {

constexpr unsigned kSourceAddresses = 1000;  // 127.0.0.2 to 127.0.3.233

// The port is chosen when it connects, and has to be free for that target only.
int bind_address(int fd, const Address& source) {
  const int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  return bind(fd, source.get(), source.bytes);
}

Address ipv4(std::uint32_t host_order) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_addr.s_addr = htonl(host_order);
  Address address;
  address.bytes = sizeof in;
  std::memcpy(&address.storage, &in, sizeof in);
  return address;
}

std::optional<Address> parse_ip(const std::string& text) {
  in_addr four{};
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) return ipv4(ntohl(four.s_addr));
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  if (inet_pton(AF_INET6, text.c_str(), &in.sin6_addr) != 1) return std::nullopt;
  Address address;
  address.bytes = sizeof in;
  std::memcpy(&address.storage, &in, sizeof in);
  return address;
}

std::uint32_t ipv4_of(const Address& address) {
  sockaddr_in in{};
  std::memcpy(&in, &address.storage, sizeof in);
  return ntohl(in.sin_addr.s_addr);
}

// One address, or first and last of several.
Result<void> add_sources(const std::string& text, std::vector<Address>& all) {
  const std::size_t dash = text.find('-');
  const auto first = parse_ip(text.substr(0, dash));
  const auto last = dash == std::string::npos ? first : parse_ip(text.substr(dash + 1));
  const bool one = dash == std::string::npos;
  const bool range = first && last && first->family() == AF_INET && last->family() == AF_INET &&
                     ipv4_of(*first) <= ipv4_of(*last);
  if (!first || !last || (!one && !range)) {
    return fail(fmt::format("'{}' is no address: write 10.0.0.5, or 10.0.0.5-10.0.0.20", text), 2);
  }
  if (one) {
    all.push_back(*first);
  } else {
    const std::uint64_t count = std::uint64_t{ipv4_of(*last)} - ipv4_of(*first) + 1;
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(count, SourceAddresses::kMost + 1); ++i) {
      all.push_back(ipv4(ipv4_of(*first) + static_cast<std::uint32_t>(i)));
    }
  }
  if (all.size() <= SourceAddresses::kMost) return {};
  return fail(fmt::format("{} addresses at most", SourceAddresses::kMost), 2);
}

Result<void> check_source(const Address& source, const Address& target) {
  const auto text = [&source] {
    const std::string with_port = format_address(source);
    return with_port.substr(0, with_port.rfind(':'));
  };
  if (source.family() != target.family()) {
    return fail(fmt::format("{} and the target are not both IPv4, or both IPv6", text()), 2);
  }
  const int fd = socket(source.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool bound = fd >= 0 && bind_address(fd, source) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  if (bound) return {};
  return fail(fmt::format("cannot connect from {}: {}; give addresses of this machine", text(),
                          std::strerror(error)),
              2);
}

}  // namespace

bool Address::is_ipv4_loopback() const noexcept {
  if (storage.ss_family != AF_INET) return false;
  sockaddr_in in{};
  std::memcpy(&in, &storage, sizeof in);
  return (ntohl(in.sin_addr.s_addr) >> 24) == 127;
}

Result<std::vector<Address>> resolve_addresses(std::string_view host_port) {
  const std::size_t colon = host_port.rfind(':');
  const std::string_view port_text =
      colon == std::string_view::npos ? std::string_view{} : host_port.substr(colon + 1);
  if (port_text.empty() || port_text.find_first_not_of("0123456789") != std::string_view::npos ||
      port_text.size() > 5 || std::stoul(std::string(port_text)) > 65535) {
    return fail(
        fmt::format("'{}' is no address: write HOST:PORT, for example 127.0.0.1:8001", host_port));
  }
  std::string host(host_port.substr(0, colon));
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints{};
  hints.ai_family = host.empty() ? AF_INET6 : AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | AI_PASSIVE;
  addrinfo* found = nullptr;
  const std::string port(port_text);
  const int failed =
      getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
  if (failed != 0) {
    return fail(fmt::format("cannot resolve '{}': {}; check the name, or give an IP", host,
                            gai_strerror(failed)));
  }
  std::vector<Address> addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    Address& address = addresses.emplace_back();
    address.bytes = at->ai_addrlen;
    std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
  }
  freeaddrinfo(found);
  return addresses;
}

Result<Address> resolve_address(std::string_view host_port) {
  const auto addresses = resolve_addresses(host_port);
  if (!addresses) return std::unexpected(addresses.error());
  return addresses->front();
}

std::string format_address(const Address& address) {
  char host[NI_MAXHOST] = "?";
  char port[NI_MAXSERV] = "?";
  getnameinfo(address.get(), address.bytes, host, sizeof host, port, sizeof port,
              NI_NUMERICHOST | NI_NUMERICSERV);
  return address.family() == AF_INET6 ? fmt::format("[{}]:{}", host, port)
                                      : fmt::format("{}:{}", host, port);
}

Result<SourceAddresses> SourceAddresses::parse(std::string_view text, const Address& target) {
  SourceAddresses sources;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    if (auto added = add_sources(std::string(text.substr(at, comma - at)), sources.addresses_);
        !added) {
      return std::unexpected(added.error());
    }
    at = comma + 1;
  }
  for (const Address& source : sources.addresses_) {
    if (auto checked = check_source(source, target); !checked) {
      return std::unexpected(checked.error());
    }
  }
  return sources;
}

int open_client_socket(const Address& target, const SourceAddresses& sources, unsigned index) {
  const int fd = socket(target.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const std::vector<Address>& from = sources.addresses();
  int bound = 0;
  if (!from.empty()) {
    bound = bind_address(fd, from[index % from.size()]);
  } else if (target.is_ipv4_loopback()) {
    bound = bind_address(fd, ipv4(INADDR_LOOPBACK + 1 + index % kSourceAddresses));
  }
  if (bound == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

void close_without_trace(int fd) noexcept {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

}  // namespace ringgate::bench
