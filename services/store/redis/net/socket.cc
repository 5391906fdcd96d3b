#include "services/store/redis/net/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace ringgate {
namespace {

constexpr int kMostReadsATurn = 16;  // others wait, too

std::unexpected<Error> failed(int error) {
  return run_error("{}", std::generic_category().message(error));
}

}  // namespace

Result<RedisSocket> RedisSocket::begin(const sockaddr* to, socklen_t bytes) {
  UniqueFd fd(socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failed(errno);
  if (to->sa_family != AF_UNIX) {
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  }
  if (connect(fd.get(), to, bytes) != 0 && errno != EINPROGRESS) return failed(errno);
  return RedisSocket(std::move(fd));
}

Result<RedisSocket> RedisSocket::dial(const SocketAddress& to, const RedisTlsContext* tls,
                                      const Endpoint& server) {
  auto begun = begin(to.get(), to.length);
  if (!begun || tls == nullptr) return begun;
  auto stream = RedisTlsStream::begin(*tls, server);
  if (!stream) return std::unexpected(stream.error());
  begun->tls_.emplace(std::move(*stream));
  return begun;
}

Result<RedisSocket> RedisSocket::dial_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return failed(ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  return begin(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

short RedisSocket::events() const noexcept {
  const bool has_output = !connected_ || sent_ < out_.size();
  return static_cast<short>((connected_ ? POLLIN : 0) | (has_output ? POLLOUT : 0));
}

Result<void> RedisSocket::write(std::string_view bytes) {
  if (!tls_) {
    out_.append(bytes);
    return {};
  }
  auto written = tls_->write(bytes);
  tls_->take_output(out_);
  return written;
}

Result<bool> RedisSocket::turn(short ready, const std::function<void(std::string_view)>& take) {
  if (!connected_) {
    if ((ready & (POLLOUT | POLLERR | POLLHUP)) == 0) return true;
    int error = 0;
    socklen_t bytes = sizeof error;
    getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &bytes);
    if (error != 0) return failed(error);
    connected_ = true;
    if (auto begun = write({}); !begun) return std::unexpected(begun.error());  // TLS begins
  }
  if (auto sent = flush(); !sent) {
    // What it said before it closed tells more.
    if (auto last = receive(take); !last) return last;
    return std::unexpected(sent.error());
  }
  if ((ready & (POLLIN | POLLERR | POLLHUP)) == 0) return true;
  auto is_open = receive(take);
  if (!is_open || !tls_) return is_open;
  // What TLS has to say of it.
  tls_->take_output(out_);
  if (auto sent = flush(); !sent) return std::unexpected(sent.error());
  return is_open;
}

Result<void> RedisSocket::flush() {
  while (sent_ < out_.size()) {
    const ssize_t sent = send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN || errno == EINTR) return {};
      return failed(errno);
    }
    sent_ += static_cast<std::size_t>(sent);
  }
  out_.clear();
  sent_ = 0;
  return {};
}

Result<bool> RedisSocket::receive(const std::function<void(std::string_view)>& take) {
  char bytes[16 * 1024];
  for (int i = 0; i < kMostReadsATurn; ++i) {
    const ssize_t got = recv(fd_.get(), bytes, sizeof bytes, 0);
    if (got == 0 && tls_ && is_in_handshake()) return std::unexpected(tls_->cut_off());
    if (got == 0) return false;
    if (got < 0) {
      if (errno == EAGAIN || errno == EINTR) return true;
      return failed(errno);
    }
    const std::string_view came(bytes, static_cast<std::size_t>(got));
    if (!tls_) {
      take(came);
    } else if (auto is_open = tls_->feed(came, take); !is_open || !*is_open) {
      tls_->take_output(out_);
      [[maybe_unused]] const auto told = flush();  // the alert that says why
      return is_open;
    }
    if (came.size() < sizeof bytes) return true;
  }
  return true;
}

}  // namespace ringgate
