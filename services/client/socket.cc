#include "services/client/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "control/base/dial_order.h"
#include "control/base/resolver.h"

namespace ringgate::client {

Result<UniqueFd> connect_to(const Endpoint& target, int timeout_ms, std::string_view flags) {
  const std::string host = target.host.empty() ? "localhost" : target.host;
  Result<std::vector<SocketAddress>> addresses = lookup_name({host, target.port});
  if (!addresses) return run_error("{}: check the spelling", addresses.error().message);
  FirstConnected first =
      connect_first(std::move(*addresses), std::chrono::milliseconds(timeout_ms));
  if (first.fd) {
    const int on = 1;
    setsockopt(first.fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return std::move(first.fd);
  }
  const int error = first.error;
  const std::string where = format_endpoint(target);
  if (error == ECONNREFUSED) {
    return run_error("nothing listens on {}: start a gateway there with `ringgate dev {} {}`",
                     where, flags, where);
  }
  return run_error("cannot connect to {}: {}", where, std::strerror(error));
}

}  // namespace ringgate::client
