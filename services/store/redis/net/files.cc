#include "services/store/redis/net/files.h"

#include <sys/epoll.h>

#include <cerrno>
#include <cstdint>

namespace ringgate {

static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT);

RedisFiles::RedisFiles() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

// What was closed the kernel has forgotten, also where its number has been given out again.
void RedisFiles::watch(std::span<const pollfd> files) noexcept {
  for (const pollfd& file : files) {
    if (file.fd < 0) continue;
    epoll_event event{};
    event.events = static_cast<std::uint32_t>(file.events);
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, file.fd, &event) == 0 || errno != ENOENT) continue;
    static_cast<void>(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, file.fd, &event));
  }
}

}  // namespace ringgate
