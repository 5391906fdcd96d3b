#include "control/base/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "codec/retry_hint.h"
#include "control/base/text.h"

namespace ringgate {
namespace {

constexpr std::size_t kMaxHost = 253;  // Of a domain name, RFC 1035 section 2.3.4.

bool plausible_host(std::string_view host) {
  return host.size() <= kMaxHost && std::ranges::none_of(host, [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte <= ' ' || byte == 0x7f || c == '/' || c == '[' || c == ']' || c == ',';
         });
}

bool is_blank(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= ' ' || byte == 0x7f;
}

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_of_a_name(char c) {
  return is_alnum(c) || c == '-' || c == '_' || c == '.';
}

bool is_number(std::string_view label) {
  const bool is_hex = label.starts_with("0x") || label.starts_with("0X");
  if (is_hex) label.remove_prefix(2);
  return label.find_first_not_of(is_hex ? "0123456789abcdefABCDEF" : "0123456789") == label.npos;
}

// 127.1, 0x7f000001, 2130706433, 0177.0.0.1, 127.0.0.1.: resolvers take some of them for addresses
// and we would take them for names. 300.1.1.1 is meant as one.
bool is_odd_ipv4(const std::string& host) {
  in_addr address{};
  if (host.empty() || inet_pton(AF_INET, host.c_str(), &address) == 1) return false;
  std::string_view rest = host;
  for (std::size_t dot = rest.find('.'); dot != rest.npos; dot = rest.find('.')) {
    if (!is_number(rest.substr(0, dot))) return false;
    rest.remove_prefix(dot + 1);
  }
  return is_number(rest);
}

// Its zone (fe80::1%eth0) may be one that this machine does not have.
bool is_ipv6(std::string_view text) {
  const std::string address(text.substr(0, text.find('%')));
  in6_addr v6{};
  return inet_pton(AF_INET6, address.c_str(), &v6) == 1;
}

template <class Family>
SocketAddress make_address(const Family& from) {
  SocketAddress address;
  static_assert(sizeof from <= sizeof address.storage);
  std::memcpy(&address.storage, &from, sizeof from);
  address.length = sizeof from;
  return address;
}

template <class Family>
Family read_address(const void* from) {
  Family address;
  std::memcpy(&address, from, sizeof address);
  return address;
}

std::string host_of_v6(const in6_addr& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    inet_ntop(AF_INET, &address.s6_addr[12], text, sizeof text);
  } else {
    inet_ntop(AF_INET6, &address, text, sizeof text);
  }
  return text;
}

}  // namespace

Result<std::string> parse_host(std::string_view text) {
  if (text.empty()) return run_error("is missing");
  if (text.size() > kMaxHost) return run_error("is longer than {} characters", kMaxHost);
  if (const auto blank = std::ranges::find_if(text, is_blank); blank != text.end()) {
    return run_error("has a {} in it", *blank == ' ' ? "blank" : "control character");
  }
  if (text.contains("://")) return run_error("has a scheme in it; write the host alone");
  if (text.starts_with('[') && text.contains(']')) {
    const std::string_view inside = text.substr(1, text.find(']') - 1);
    const std::string_view rest = text.substr(text.find(']') + 1);
    if (rest.starts_with(':')) return run_error("has a port in it; write the host alone");
    if (rest.empty() && is_ipv6(inside)) return std::string(inside);
    return run_error("has brackets, but no IPv6 address in them");
  }
  const auto colons = std::ranges::count(text, ':');
  if (colons == 1) return run_error("has a port in it; write the host alone");
  if (colons > 1) {
    if (!is_ipv6(text)) return run_error("is not an IPv6 address");
    return std::string(text);
  }
  if (!std::ranges::all_of(text, is_of_a_name) || std::ranges::none_of(text, is_alnum)) {
    return run_error("is not a name or an address");
  }
  if (is_odd_ipv4(std::string(text))) {
    return run_error("is not an IPv4 address; write four numbers with dots between them");
  }
  return std::string(text);
}

Result<void> check_dialable(std::string_view host) {
  const std::string address(host.substr(0, host.find('%')));
  in_addr v4{};
  in6_addr v6{};
  bool is_v4 = inet_pton(AF_INET, address.c_str(), &v4) == 1;
  const bool is_v6 = !is_v4 && inet_pton(AF_INET6, address.c_str(), &v6) == 1;
  if (is_v6 && IN6_IS_ADDR_V4MAPPED(&v6)) {
    std::memcpy(&v4, &v6.s6_addr[12], sizeof v4);
    is_v4 = true;
  }
  const std::uint32_t bits = ntohl(v4.s_addr);
  const bool is_nobodys =
      is_v4 ? bits >> 24 == 0 || IN_MULTICAST(bits) || bits == INADDR_BROADCAST
            : is_v6 && (IN6_IS_ADDR_UNSPECIFIED(&v6) || IN6_IS_ADDR_MULTICAST(&v6));
  if (!is_nobodys) return {};
  return run_error("is an address that nobody can dial; write the one that it is reached at");
}

// What stands before an @ may be a password: it is not quoted.
Result<Endpoint> parse_endpoint(std::string_view text) {
  if (text.contains('@')) {
    return run_error("has an @ in it; write host:port alone, without a user or a password");
  }
  if (text.contains("://")) return run_error("\"{}\" is a URL; write host:port alone", text);
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return run_error("\"{}\" has no port; write host:port", text);
  }
  std::string_view host = text.substr(0, colon);
  const auto port = parse_number(text.substr(colon + 1));
  if (!port || *port > 65535) {
    return run_error("\"{}\" has no valid port; write host:port with a port of 0 to 65535", text);
  }
  const bool bracketed = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool has_colon = host.find(':') != std::string_view::npos;
  if (has_colon != bracketed) {
    return run_error("\"{}\": write an IPv6 address in brackets, as in [::1]:80", text);
  }
  if (!plausible_host(host)) {
    return run_error("\"{}\" is not host:port; give a name or a numeric address", text);
  }
  Endpoint endpoint{std::string(host), static_cast<std::uint16_t>(*port)};
  if (is_odd_ipv4(endpoint.host)) {
    return run_error(
        "\"{}\" has no IPv4 address in front of its port; write four numbers with dots between "
        "them",
        text);
  }
  if (bracketed && !numeric_address(endpoint)) {
    return run_error("\"{}\": what is in the brackets is not an IPv6 address", text);
  }
  return endpoint;
}

Result<std::string> parse_retry_at(std::string_view text) {
  Result<Endpoint> endpoint = parse_endpoint(text);
  if (!endpoint) return std::unexpected(endpoint.error());
  Result<std::string> host = parse_host(endpoint->host);
  if (!host) return run_error("\"{}\": its host {}", text, host.error().message);
  if (const Result<void> good = check_dialable(*host); !good) return std::unexpected(good.error());
  if (endpoint->port == 0) return run_error("\"{}\" has no port", text);
  std::string at = format_endpoint({std::move(*host), endpoint->port});
  if (at.size() > kMaxRetryAtBytes) {
    return run_error("\"{}\" is longer than {} bytes", text, kMaxRetryAtBytes);
  }
  return at;
}

std::string format_endpoint(const Endpoint& endpoint) {
  in6_addr v6{};
  if (inet_pton(AF_INET6, endpoint.host.c_str(), &v6) == 1 && IN6_IS_ADDR_V4MAPPED(&v6)) {
    return fmt::format("{}:{}", host_of_v6(v6), endpoint.port);
  }
  if (endpoint.host.find(':') != std::string::npos) {
    return fmt::format("[{}]:{}", endpoint.host, endpoint.port);
  }
  return fmt::format("{}:{}", endpoint.host, endpoint.port);
}

const sockaddr* SocketAddress::get() const noexcept {
  return reinterpret_cast<const sockaddr*>(&storage);
}

std::uint16_t SocketAddress::port() const noexcept {
  if (family() == AF_INET) return ntohs(read_address<sockaddr_in>(&storage).sin_port);
  if (family() == AF_INET6) return ntohs(read_address<sockaddr_in6>(&storage).sin6_port);
  return 0;
}

std::optional<SocketAddress> numeric_address(const Endpoint& endpoint) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(endpoint.port);
  if (inet_pton(AF_INET, endpoint.host.c_str(), &v4.sin_addr) == 1) return make_address(v4);

  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  if (endpoint.host.empty()) return make_address(v6);  // in6addr_any is all zeroes.
  std::string host = endpoint.host;
  const std::size_t percent = host.find('%');  // fe80::1%eth0, RFC 4007 section 11.
  if (percent != std::string::npos) {
    v6.sin6_scope_id = if_nametoindex(host.c_str() + percent + 1);
    if (v6.sin6_scope_id == 0) return std::nullopt;
    host.resize(percent);
  }
  if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) return make_address(v6);
  return std::nullopt;
}

bool is_loopback_host(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  const auto address = numeric_address({std::string(host), 0});
  return address && address->family() == AF_INET && host.starts_with("127.");
}

std::string format_host(const sockaddr* address) {
  if (address->sa_family == AF_INET6) {
    return host_of_v6(read_address<sockaddr_in6>(address).sin6_addr);
  }
  if (address->sa_family != AF_INET) return {};
  char text[INET_ADDRSTRLEN] = {};
  const auto v4 = read_address<sockaddr_in>(address);
  inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  return text;
}

std::string format_address(const SocketAddress& address) {
  return format_endpoint({format_host(address.get()), address.port()});
}

}  // namespace ringgate
