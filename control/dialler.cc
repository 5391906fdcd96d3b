#include "control/dialler.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace ringgate {
namespace {

// A black hole sends no reset: unacknowledged bytes and silence end the link.
constexpr int kUserTimeoutMs = 5000;
constexpr int kKeepIdleS = 10;
constexpr int kKeepIntervalS = 5;

void set_option(int fd, int level, int name, int value) {
  setsockopt(fd, level, name, &value, sizeof value);
}

int link_socket(const SocketAddress& address) {
  const int fd = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMs);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepIdleS);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, kKeepIntervalS);
  return fd;
}

}  // namespace

struct Dialler::Attempt {
  Endpoint endpoint;
  std::string greeting;
  Done done;
  ControlLoop::TimerId timer = 0;
  std::vector<SocketAddress> addresses;
  std::size_t next_address = 0;
  UniqueFd fd;
  std::string last_error;
};

Dialler::Dialler(ControlLoop& loop, std::chrono::milliseconds timeout)
    : loop_(loop),
      timeout_(timeout),
      resolver_([&loop](std::function<void()> callback) { loop.post(std::move(callback)); }) {}

Dialler::~Dialler() {
  *alive_ = false;
  while (!attempts_.empty()) abandon(attempts_.begin()->first);
}

Dialler::DialId Dialler::dial(const Endpoint& endpoint, std::string greeting, Done done) {
  const DialId id = next_++;
  auto attempt = std::make_unique<Attempt>();
  attempt->endpoint = endpoint;
  attempt->greeting = std::move(greeting);
  attempt->done = std::move(done);
  attempt->timer = loop_.after(timeout_, [this, id] {
    const auto found = attempts_.find(id);
    if (found == attempts_.end()) return;
    found->second->timer = 0;
    give_up(id, Error{"no answer within the dial timeout"});
  });
  attempts_.emplace(id, std::move(attempt));
  resolver_.resolve(endpoint, [this, id, alive = alive_](Resolver::Answer answer) {
    if (!*alive) return;  // it was on its way in the loop when this ended
    // Never from within dial(): the caller has not got its id yet.
    loop_.post([this, id, alive, answer = std::move(answer)] {
      if (*alive) resolved(id, answer);
    });
  });
  return id;
}

void Dialler::abandon(DialId id) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end()) return;
  Attempt& attempt = *found->second;
  if (attempt.timer != 0) loop_.cancel(attempt.timer);
  if (attempt.fd) loop_.unwatch(attempt.fd.get());
  attempts_.erase(found);
}

void Dialler::resolved(DialId id, Resolver::Answer answer) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end()) return;
  if (!answer) {
    give_up(id, answer.error());
    return;
  }
  found->second->addresses = std::move(*answer);
  connect_next(id);
}

void Dialler::connect_next(DialId id) {
  Attempt& attempt = *attempts_.at(id);
  while (attempt.next_address < attempt.addresses.size()) {
    const SocketAddress& address = attempt.addresses[attempt.next_address++];
    attempt.fd = UniqueFd(link_socket(address));
    if (attempt.fd &&
        (connect(attempt.fd.get(), address.get(), address.length) == 0 || errno == EINPROGRESS)) {
      loop_.watch(attempt.fd.get(), ControlLoop::Until::kWritable, [this, id] { connected(id); });
      return;
    }
    attempt.last_error = std::strerror(errno);
  }
  give_up(id, Error{attempt.last_error.empty() ? "the name has no address" : attempt.last_error});
}

void Dialler::connected(DialId id) {
  Attempt& attempt = *attempts_.at(id);
  const int fd = attempt.fd.get();
  loop_.unwatch(fd);
  int error = 0;
  socklen_t bytes = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
  // The socket's buffer is empty: a few dozen bytes go out whole or not at all.
  if (error == 0 && send(fd, attempt.greeting.data(), attempt.greeting.size(), MSG_NOSIGNAL) !=
                        static_cast<ssize_t>(attempt.greeting.size())) {
    error = errno;
  }
  if (error != 0) {
    attempt.last_error = std::strerror(error);
    attempt.fd.reset();
    connect_next(id);
    return;
  }
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  DialedSocket socket{std::move(attempt.fd), attempt.addresses[attempt.next_address - 1]};
  const Done done = std::move(attempt.done);
  abandon(id);
  done(std::move(socket));
}

void Dialler::give_up(DialId id, Error error) {
  const Done done = std::move(attempts_.at(id)->done);
  abandon(id);
  done(std::unexpected(std::move(error)));
}

}  // namespace ringgate
