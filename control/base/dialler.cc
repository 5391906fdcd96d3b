#include "control/base/dialler.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "control/base/dial_order.h"
#include "dataplane/shortage.h"

namespace ringgate {
namespace {

std::string why_not(int error) {
  if (error == 0) return "the name has no address";
  if (error == EADDRNOTAVAIL) {
    return "no local address or port is left to dial from (net.ipv4.ip_local_port_range)";
  }
  return why_no_descriptor(error);
}

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
  // One of the addresses, on its way.
  struct Try {
    UniqueFd fd;
    SocketAddress address;
  };
  Endpoint endpoint;
  std::string greeting;
  Done done;
  std::chrono::steady_clock::time_point deadline;
  ControlLoop::TimerId timer = 0;       // of the deadline
  ControlLoop::TimerId next_timer = 0;  // of the next address
  std::vector<SocketAddress> addresses;
  std::size_t next_address = 0;
  std::chrono::milliseconds share{0};  // what an address has before the next one is begun
  std::vector<Try> tries;
  int last_error = 0;

  // A refusal says more than "no such network", which the other family of a name may give.
  void note(int error) {
    if (last_error != ECONNREFUSED) last_error = error;
  }
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
  attempt->deadline = std::chrono::steady_clock::now() + timeout_;
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
  loop_.cancel(attempt.timer);
  loop_.cancel(attempt.next_timer);
  for (const Attempt::Try& one : attempt.tries) loop_.unwatch(one.fd.get());
  attempts_.erase(found);
}

void Dialler::resolved(DialId id, Resolver::Answer answer) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end()) return;
  if (!answer) {
    give_up(id, answer.error());
    return;
  }
  Attempt& attempt = *found->second;
  attempt.addresses = dial_order(std::move(*answer));
  const auto left = std::chrono::floor<std::chrono::milliseconds>(attempt.deadline -
                                                                  std::chrono::steady_clock::now());
  attempt.share = dial_share(left, attempt.addresses.size());
  connect_next(id);
}

// Begins the next address that a connect can be begun to. Gives up when there is none left and none
// is under way.
void Dialler::connect_next(DialId id) {
  Attempt& attempt = *attempts_.at(id);
  loop_.cancel(std::exchange(attempt.next_timer, 0));
  while (attempt.next_address < attempt.addresses.size()) {
    const SocketAddress& address = attempt.addresses[attempt.next_address++];
    UniqueFd fd(link_socket(address));
    if (!fd || (connect(fd.get(), address.get(), address.length) != 0 && errno != EINPROGRESS)) {
      attempt.note(errno);
      continue;
    }
    loop_.watch(fd.get(), ControlLoop::Until::kWritable,
                [this, id, number = fd.get()] { connected(id, number); });
    attempt.tries.push_back({std::move(fd), address});
    if (attempt.next_address < attempt.addresses.size()) {
      attempt.next_timer = loop_.after(attempt.share, [this, id] { connect_next(id); });
    }
    return;
  }
  if (!attempt.tries.empty()) return;
  give_up(id, Error{why_not(attempt.last_error)});
}

// It is, or it has failed.
void Dialler::connected(DialId id, int fd) {
  Attempt& attempt = *attempts_.at(id);
  loop_.unwatch(fd);
  const auto at =
      std::ranges::find(attempt.tries, fd, [](const auto& one) { return one.fd.get(); });
  Attempt::Try one = std::move(*at);
  attempt.tries.erase(at);
  int error = 0;
  socklen_t bytes = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
  // The socket's buffer is empty: a few dozen bytes go out whole or not at all.
  if (error == 0 && send(fd, attempt.greeting.data(), attempt.greeting.size(), MSG_NOSIGNAL) !=
                        static_cast<ssize_t>(attempt.greeting.size())) {
    error = errno;
  }
  if (error == 0) {
    won(id, std::move(one.fd), one.address);
    return;
  }
  attempt.note(error);
  one.fd.reset();
  connect_next(id);
}

void Dialler::won(DialId id, UniqueFd fd, const SocketAddress& address) {
  fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) & ~O_NONBLOCK);
  DialedSocket socket{std::move(fd), address};
  const Done done = std::move(attempts_.at(id)->done);
  abandon(id);
  done(std::move(socket));
}

void Dialler::give_up(DialId id, Error error) {
  const Done done = std::move(attempts_.at(id)->done);
  abandon(id);
  done(std::unexpected(std::move(error)));
}

}  // namespace ringgate
