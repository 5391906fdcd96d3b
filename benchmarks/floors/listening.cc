#include "benchmarks/floors/listening.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "benchmarks/common/address.h"

namespace ringgate::bench {
namespace {

constexpr int kBacklog = 4096;

std::unexpected<Error> cannot_listen(const Address& address, int error) {
  return fail(fmt::format("cannot listen on {}: {}; choose another --listen",
                          format_address(address),
                          error == EADDRINUSE ? "the port is taken" : std::strerror(error)));
}

Result<UniqueFd> bound_socket(const Address& address, bool reuse_port) {
  UniqueFd fd(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return cannot_listen(address, errno);
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (reuse_port) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (bind(fd.get(), address.get(), address.bytes) != 0) return cannot_listen(address, errno);
  return fd;
}

}  // namespace

Result<ListeningSockets> ListeningSockets::open(const std::string& host_port, unsigned count) {
  auto address = resolve_address(host_port);
  if (!address) return std::unexpected(address.error());
  // SO_REUSEPORT would share a taken port in silence, so the first look is without it.
  if (auto free = bound_socket(*address, false); !free) return std::unexpected(free.error());
  ListeningSockets sockets;
  while (sockets.fds_.size() < count) {
    auto fd = bound_socket(*address, count > 1);
    if (!fd) return std::unexpected(fd.error());
    if (listen(fd->get(), kBacklog) != 0) return cannot_listen(*address, errno);
    // Where port 0 was asked for, the first chooses and the others copy it.
    address->bytes = sizeof address->storage;
    getsockname(fd->get(), address->get(), &address->bytes);
    sockets.fds_.push_back(std::move(*fd));
  }
  sockets.address_ = format_address(*address);
  return sockets;
}

}  // namespace ringgate::bench
