#include "services/client_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

namespace ringgate {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* addresses) const { freeaddrinfo(addresses); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Result<Addresses> look_up(const Endpoint& target) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  const std::string host = target.host.empty() ? "localhost" : target.host;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), std::to_string(target.port).c_str(), &hints, &found);
  if (code != 0) {
    return run_error("cannot find the host {}: {}: check the spelling", host, gai_strerror(code));
  }
  return Addresses(found);
}

int wait_connected(int fd, int timeout_ms) {
  pollfd waiting{fd, POLLOUT, 0};
  int ready = 0;
  do {
    ready = poll(&waiting, 1, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) return errno;
  if (ready == 0) return ETIMEDOUT;
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

// 0, or the errno of what failed.
int connect_address(const addrinfo& address, int timeout_ms, UniqueFd& socket_out) {
  UniqueFd socket(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return errno;
  const int on = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(socket.get(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return errno;
    const int error = wait_connected(socket.get(), timeout_ms);
    if (error != 0) return error;
  }
  socket_out = std::move(socket);
  return 0;
}

}  // namespace

Result<UniqueFd> connect_to(const Endpoint& target, int timeout_ms, std::string_view flag) {
  const Result<Addresses> addresses = look_up(target);
  if (!addresses) return std::unexpected(addresses.error());
  int error = 0;
  for (const addrinfo* address = addresses->get(); address != nullptr; address = address->ai_next) {
    UniqueFd socket;
    const int attempt = connect_address(*address, timeout_ms, socket);
    if (attempt == 0) return socket;
    // A refusal says more than "no such network", which the other family of a name may give.
    if (error != ECONNREFUSED) error = attempt;
  }
  const std::string where = format_endpoint(target);
  if (error == ECONNREFUSED) {
    return run_error("nothing listens on {}: start a gateway there with `ringgate dev {} {}`",
                     where, flag, where);
  }
  return run_error("cannot connect to {}: {}", where, std::strerror(error));
}

}  // namespace ringgate
