#include "control/base/dial_order.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <utility>

namespace ringgate {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kAttemptDelay{250};

// The addresses that are being connected to, by a thread that waits for them.
class Race {
 public:
  Race(std::vector<SocketAddress> addresses, milliseconds limit)
      : addresses_(std::move(addresses)),
        end_(SteadyClock::now() + limit),
        share_(dial_share(limit, addresses_.size())) {}

  FirstConnected run() {
    while (!result_.fd && begin_next()) wait();
    if (!result_.fd && !tries_.empty()) note(ETIMEDOUT);
    return std::move(result_);
  }

 private:
  struct Try {
    UniqueFd fd;
    SocketAddress address;
  };

  // Begins one more, if its time has come. False: it is over.
  bool begin_next() {
    const SteadyClock::time_point now = SteadyClock::now();
    if (now >= end_) return false;
    while (next_ < addresses_.size() && (tries_.empty() || now >= next_at_)) {
      const SocketAddress& address = addresses_[next_++];
      UniqueFd fd(socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      if (!fd || (connect(fd.get(), address.get(), address.length) != 0 && errno != EINPROGRESS)) {
        note(errno);
        continue;
      }
      tries_.push_back({std::move(fd), address});
      next_at_ = now + share_;
    }
    return !tries_.empty();
  }

  void wait() {
    std::vector<pollfd> files;
    files.reserve(tries_.size());
    for (const Try& one : tries_) files.push_back({one.fd.get(), POLLOUT, 0});
    const SteadyClock::time_point until =
        next_ < addresses_.size() ? std::min(next_at_, end_) : end_;
    const auto left = std::chrono::ceil<milliseconds>(until - SteadyClock::now());
    if (poll(files.data(), files.size(),
             static_cast<int>(std::max<std::int64_t>(left.count(), 0))) <= 0) {
      return;
    }
    for (std::size_t i = files.size(); i-- > 0;) {
      if (files[i].revents != 0) settle(i);
    }
  }

  void settle(std::size_t index) {
    Try one = std::move(tries_[index]);
    tries_.erase(tries_.begin() + static_cast<std::ptrdiff_t>(index));
    int error = 0;
    socklen_t bytes = sizeof error;
    if (getsockopt(one.fd.get(), SOL_SOCKET, SO_ERROR, &error, &bytes) != 0) error = errno;
    if (error == 0) {
      result_.fd = std::move(one.fd);
      result_.peer = one.address;
      return;
    }
    note(error);
    next_at_ = SteadyClock::now();
  }

  // A refusal says more than "no such network", which the other family of a name may give.
  void note(int error) {
    if (result_.error != ECONNREFUSED) result_.error = error;
  }

  const std::vector<SocketAddress> addresses_;
  const SteadyClock::time_point end_;
  const milliseconds share_;
  std::size_t next_ = 0;
  SteadyClock::time_point next_at_;
  std::vector<Try> tries_;
  FirstConnected result_;
};

}  // namespace

std::vector<SocketAddress> dial_order(std::vector<SocketAddress> addresses) {
  if (addresses.empty()) return addresses;
  const int first_family = addresses.front().family();
  std::vector<SocketAddress> same;
  std::vector<SocketAddress> others;
  std::ranges::partition_copy(
      addresses, std::back_inserter(same), std::back_inserter(others),
      [&](const SocketAddress& address) { return address.family() == first_family; });
  std::vector<SocketAddress> order;
  for (std::size_t i = 0; i < std::max(same.size(), others.size()); ++i) {
    if (i < same.size()) order.push_back(same[i]);
    if (i < others.size()) order.push_back(others[i]);
  }
  if (order.size() > kMostDialled) order.resize(kMostDialled);
  return order;
}

milliseconds dial_share(milliseconds left, std::size_t addresses) {
  const auto count = static_cast<std::int64_t>(std::max<std::size_t>(addresses, 1));
  return std::clamp(left / count, milliseconds(1), kAttemptDelay);
}

FirstConnected connect_first(std::vector<SocketAddress> addresses, milliseconds limit) {
  return Race(dial_order(std::move(addresses)), limit).run();
}

}  // namespace ringgate
