#include "control/http/listener.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "dataplane/port_taken.h"
#include "dataplane/shortage.h"

namespace ringgate::http {
namespace {

constexpr int kBacklog = 1024;
constexpr std::size_t kReserve = 8;
// What the kernel holds of each connection; by itself it would let them grow to megabytes.
constexpr int kReceiveBuffer = 32 * 1024;
constexpr int kSendBuffer = 128 * 1024;

// The numeric host and the port that a socket is bound to.
Endpoint endpoint_of(int socket) {
  SocketAddress bound;
  bound.length = sizeof bound.storage;
  auto* const address = reinterpret_cast<sockaddr*>(&bound.storage);
  if (getsockname(socket, address, &bound.length) != 0) return {};
  return {format_host(address), bound.port()};
}

// errno says why there is none.
UniqueFd listen_on(const addrinfo& address) {
  UniqueFd fd(socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fd;
  const int on = 1;
  const int off = 0;
  // Not SO_REUSEPORT: it would take a port that is taken without a word.
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Connections inherit these.
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
  if (address.ai_family == AF_INET6) {
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  if (bind(fd.get(), address.ai_addr, address.ai_addrlen) == 0 &&
      ::listen(fd.get(), kBacklog) == 0) {
    return fd;
  }
  const int error = errno;
  fd.reset();
  errno = error;
  return fd;
}

std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses_of(const std::string& host,
                                                            std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) found = nullptr;
  return {found, &freeaddrinfo};
}

// An error of socket, bind or listen; 0: the name has no address.
std::string why_not(int error, std::uint16_t port, const std::string& key) {
  if (error == EADDRNOTAVAIL || error == 0) return std::string(kNotOurAddress);
  if (is_want_of_descriptors(error)) return why_no_descriptor(error);
  return fmt::format(
      "{}; {}", std::strerror(error),
      error == EADDRINUSE ? how_to_free(port) : fmt::format("check the address and {}", key));
}

}  // namespace

Listener::Listener(UniqueFd socket, Endpoint bound)
    : socket_(std::move(socket)),
      bound_(std::move(bound)),
      filler_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {
  while (filler_ && reserve_.size() < kReserve) {
    UniqueFd spare(fcntl(filler_.get(), F_DUPFD_CLOEXEC, 0));
    if (!spare) break;
    reserve_.push_back(std::move(spare));
  }
}

Result<Listener> Listener::open(const std::string& address, std::uint16_t port,
                                const std::string& key) {
  const std::string host = address.empty() ? "::" : address;
  int error = 0;
  const auto addresses = addresses_of(host, port);
  for (const addrinfo* at = addresses.get(); at != nullptr; at = at->ai_next) {
    UniqueFd socket = listen_on(*at);
    if (socket) {
      Endpoint bound = endpoint_of(socket.get());
      return Listener(std::move(socket), std::move(bound));
    }
    error = errno;
  }
  return run_error("cannot listen on {} for {}: {}", format_endpoint({host, port}), key,
                   why_not(error, port, key));
}

Listener Listener::adopt(UniqueFd socket) {
  Endpoint bound = endpoint_of(socket.get());
  return {std::move(socket), std::move(bound)};
}

std::vector<std::string> Listener::names_of(const std::string& address, std::uint16_t port) {
  std::vector<std::string> names;
  const auto addresses = addresses_of(address.empty() ? "::" : address, port);
  for (const addrinfo* at = addresses.get(); at != nullptr; at = at->ai_next) {
    names.push_back(format_endpoint({format_host(at->ai_addr), port}));
  }
  return names;
}

UniqueFd Listener::copy() const {
  return UniqueFd(fcntl(socket_.get(), F_DUPFD_CLOEXEC, 0));
}

// The kernel wants a descriptor before it looks whether there is somebody.
bool Listener::somebody_waits() const {
  pollfd waiting{socket_.get(), POLLIN, 0};
  return poll(&waiting, 1, 0) > 0;
}

Listener::Accepted Listener::accept() {
  for (;;) {
    Accepted accepted;
    accepted.peer.length = sizeof accepted.peer.storage;
    const int descriptor =
        accept4(socket_.get(), reinterpret_cast<sockaddr*>(&accepted.peer.storage),
                &accepted.peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      accepted.socket = UniqueFd(descriptor);
      accepted.outcome = Outcome::kAccepted;
      return accepted;
    }
    switch (errno) {
      case EMFILE:
      case ENFILE:
        if (!somebody_waits()) return accepted;
        if (!reserve_.empty()) {
          reserve_.pop_back();
          continue;
        }
        accepted.outcome = Outcome::kNoDescriptor;
        return accepted;
      case ENOBUFS:
      case ENOMEM:
        accepted.outcome = Outcome::kNoMemory;
        return accepted;
      case EAGAIN:
      case EINVAL:
      case EBADF:
        return accepted;
      default:  // of the connection, which is gone: accept(2)
        continue;
    }
  }
}

void Listener::give_back(UniqueFd socket) {
  if (!filler_ || reserve_.size() >= kReserve) return;  // closed
  if (dup3(filler_.get(), socket.get(), O_CLOEXEC) >= 0) reserve_.push_back(std::move(socket));
}

}  // namespace ringgate::http
