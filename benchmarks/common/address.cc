#include "benchmarks/common/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>

#include <cstring>

namespace ringgate::bench {
namespace {

constexpr unsigned kSourceAddresses = 1000;  // 127.0.0.2 to 127.0.3.233

void bind_source_address(int fd, unsigned index) {
  const int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_in source{};
  source.sin_family = AF_INET;
  source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + index % kSourceAddresses);
  bind(fd, reinterpret_cast<const sockaddr*>(&source), sizeof source);
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

int open_client_socket(const Address& target, unsigned index) {
  const int fd = socket(target.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (target.is_ipv4_loopback()) bind_source_address(fd, index);
  return fd;
}

}  // namespace ringgate::bench
