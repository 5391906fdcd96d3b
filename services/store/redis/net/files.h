// Descriptors that change with every turn of a loop, as one that it watches: readable while any of
// them is ready. Of the store's thread.
#pragma once

#include <poll.h>

#include <span>

#include "control/base/unique_fd.h"

namespace ringgate {

class RedisFiles {
 public:
  RedisFiles();

  [[nodiscard]] int fd() const noexcept { return epoll_.get(); }
  // Those, each for its events. One that is no more among them has been closed.
  void watch(std::span<const pollfd> files) noexcept;

 private:
  UniqueFd epoll_;
};

}  // namespace ringgate
