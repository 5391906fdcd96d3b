#include "control/base/local_address.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>

#include "control/base/address.h"
#include "control/base/unique_fd.h"

namespace ringgate {
namespace {

// Documentation addresses (RFC 5737, RFC 3849): far away from everybody.
constexpr const char* kFarV4 = "192.0.2.1";
constexpr const char* kFarV6 = "2001:db8::1";
constexpr std::uint16_t kAnyPort = 9;

// What a socket that is connected to it has on this side; empty: there is no way there.
std::string address_towards(const char* far) {
  const auto target = numeric_address({far, kAnyPort});
  if (!target) return {};
  const UniqueFd fd(socket(target->family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd || connect(fd.get(), target->get(), target->length) != 0) return {};
  SocketAddress own;
  own.length = sizeof own.storage;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&own.storage), &own.length) != 0) return {};
  std::string host = format_host(own.get());
  return is_loopback_host(host) ? std::string() : host;
}

std::string first_interface(int family) {
  ifaddrs* found = nullptr;
  if (getifaddrs(&found) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owned(found, freeifaddrs);
  for (const ifaddrs* at = found; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != family) continue;
    if ((at->ifa_flags & IFF_UP) == 0 || (at->ifa_flags & IFF_LOOPBACK) != 0) continue;
    std::string host = format_host(at->ifa_addr);
    if (!host.starts_with("fe80:")) return host;  // of one link only
  }
  return {};
}

}  // namespace

bool is_wildcard_host(std::string_view host) {
  return host.empty() || host == "0.0.0.0" || host == "::";
}

std::string machine_address(bool ipv4_only) {
  std::string host = address_towards(kFarV4);
  if (host.empty()) host = first_interface(AF_INET);
  if (host.empty() && !ipv4_only) host = address_towards(kFarV6);
  if (host.empty() && !ipv4_only) host = first_interface(AF_INET6);
  return host.empty() ? "127.0.0.1" : host;
}

}  // namespace ringgate
