#include "tests/integration/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "tests/common/made_socket.h"

namespace ringgate::test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

bool try_bind(int fd, std::uint16_t port) {
  const sockaddr_in address = loopback(port);
  return bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool wait(int fd, short events, std::chrono::milliseconds patience) {
  const auto until = SteadyClock::now() + patience;
  pollfd wanted{fd, events, 0};
  for (;;) {
    const int ready = poll(&wanted, 1, left_ms(until));
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) throw_errno("poll");
  }
}

}  // namespace

Socket::Socket(UniqueFd fd) : fd_(std::move(fd)) {
  const int on = 1;
  setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Socket Socket::connect(std::uint16_t port, int receive_buffer_bytes) {
  Socket made(made_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK));
  if (receive_buffer_bytes != 0) {
    setsockopt(made.fd(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
               sizeof receive_buffer_bytes);
  }
  const sockaddr_in address = loopback(port);
  const int called =
      ::connect(made.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (called != 0 && errno != EINPROGRESS) throw_errno("connect");
  if (!wait(made.fd(), POLLOUT, kPatience)) throw std::runtime_error("connect: nobody answers");
  int error = 0;
  socklen_t bytes = sizeof error;
  getsockopt(made.fd(), SOL_SOCKET, SO_ERROR, &error, &bytes);
  errno = error;
  if (error != 0) throw_errno("connect");
  return made;
}

std::size_t Socket::write_some(std::string_view bytes) {
  const ssize_t sent = send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == EAGAIN || errno == EINTR) return 0;
  throw_errno("send");
}

Socket Socket::connect_tls(std::uint16_t port, const TlsClient::Wish& wish) {
  Socket made = connect(port);
  made.tls_ = std::make_unique<TlsClient>(wish);
  made.shake_hands();
  return made;
}

void Socket::shake_hands() {
  std::string came;
  do {
    write_raw(tls_->step(std::exchange(came, {})));
  } while (!tls_->is_done() && !tls_->has_failed() && read_raw(came));
  if (!tls_->is_done()) throw std::runtime_error("the TLS handshake has failed");
}

void Socket::write_all(std::string_view bytes) {
  write_raw(tls_ != nullptr ? tls_->seal(bytes) : std::string(bytes));
}

bool Socket::read_some(std::string& to, std::chrono::milliseconds patience) {
  if (tls_ == nullptr) return read_raw(to, patience);
  const std::size_t before = to.size();
  to += tls_->open({});  // what came with the handshake
  std::string came;
  while (to.size() == before && !tls_->has_failed()) {
    if (!read_raw(came, patience)) return false;
    to += tls_->open(std::exchange(came, {}));
    write_raw(tls_->take_output());
  }
  return to.size() > before;
}

void Socket::write_raw(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t sent = write_some(bytes);
    bytes.remove_prefix(sent);
    if (sent == 0 && !wait(fd(), POLLOUT, kPatience)) {
      throw std::runtime_error("the peer does not read");
    }
  }
}

bool Socket::read_raw(std::string& to, std::chrono::milliseconds patience) {
  std::array<char, 64 * 1024> buffer;
  for (;;) {
    const ssize_t got = recv(fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got > 0) to.append(buffer.data(), static_cast<std::size_t>(got));
    if (got > 0) return true;
    if (got == 0 || errno == ECONNRESET) return false;
    if (errno != EAGAIN && errno != EINTR) throw_errno("recv");
    if (!wait(fd(), POLLIN, patience)) throw std::runtime_error("nothing came from the peer");
  }
}

bool Socket::readable(std::chrono::milliseconds patience) const {
  return wait(fd(), POLLIN, patience);
}

void Socket::reset() {
  const linger at_once{1, 0};
  setsockopt(fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

Listener::Listener(std::uint16_t port) : fd_(made_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK)) {
  const int on = 1;
  setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!try_bind(fd_.get(), port) || listen(fd_.get(), 128) != 0) throw_errno("listen");
  sockaddr_in address{};
  socklen_t bytes = sizeof address;
  getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &bytes);
  port_ = ntohs(address.sin_port);
}

Socket Listener::accept() {
  if (!wait(fd_.get(), POLLIN, kPatience)) throw std::runtime_error("nobody connects");
  UniqueFd fd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) throw_errno("accept");
  return Socket(std::move(fd));
}

bool Listener::somebody_waits(std::chrono::milliseconds patience) const {
  return wait(fd_.get(), POLLIN, patience);
}

Socket connect_unix(const std::string& path) {
  UniqueFd fd = made_socket(AF_UNIX, SOCK_STREAM);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (path.size() >= sizeof to.sun_path) throw std::runtime_error("too long: " + path);
  std::memcpy(to.sun_path, path.data(), path.size());
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    throw_errno("connect to " + path);
  }
  return Socket(std::move(fd));
}

Socket connect_from(const char* source, std::uint16_t port) {
  UniqueFd fd = made_socket(AF_INET, SOCK_STREAM);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  inet_pton(AF_INET, source, &own.sin_addr);
  sockaddr_in gateway{};
  gateway.sin_family = AF_INET;
  gateway.sin_port = htons(port);
  gateway.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 ||
      connect(fd.get(), reinterpret_cast<const sockaddr*>(&gateway), sizeof gateway) != 0) {
    throw std::runtime_error("no connection from " + std::string(source));
  }
  return Socket(std::move(fd));
}

}  // namespace ringgate::test
