#include "benchmarks/floors/connect_shard.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "control/base/unique_fd.h"

namespace ringgate::bench {
namespace {

constexpr std::size_t kBatch = 256;  // well below the limit of open files, and a listener's backlog
constexpr timeval kPatience{.tv_sec = 10, .tv_usec = 0};  // of a connect; a stop waits as long

// 0 or an errno.
int connect_in_time(int fd, const Address& target) noexcept {
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  if (connect(fd, target.get(), target.bytes) == 0) return 0;
  return errno == EINPROGRESS ? ETIMEDOUT : errno;
}

}  // namespace

ConnectShard::ConnectShard(const Address& target, std::size_t connections,
                           std::size_t slots_of_a_ring)
    : target_(target), connections_(connections), slots_of_a_ring_(slots_of_a_ring) {}

Result<void> ConnectShard::open() {
  for (std::size_t left = connections_; left > 0;) {
    const std::size_t slots = std::min(left, slots_of_a_ring_);
    rings_.push_back(std::make_unique<BenchRing>());
    auto opened = rings_.back()->open_without_buffers(static_cast<unsigned>(slots));
    if (!opened) return opened;
    left -= slots;
  }
  return {};
}

Result<void> ConnectShard::run(const std::atomic<bool>& stop) {
  std::size_t held = 0;
  while (held < connections_ && !stop.load(std::memory_order_relaxed)) {
    const std::size_t slot = held % slots_of_a_ring_;
    const std::size_t count = std::min({kBatch, slots_of_a_ring_ - slot, connections_ - held});
    if (auto done = connect_batch(*rings_[held / slots_of_a_ring_], held, count); !done) {
      return done;
    }
    held += count;
    held_.store(held, std::memory_order_relaxed);
  }
  while (!stop.load(std::memory_order_relaxed)) {
    std::this_thread::sleep_for(std::chrono::milliseconds{kTickMs});
  }
  return {};
}

Result<void> ConnectShard::connect_batch(BenchRing& ring, std::size_t first, std::size_t count) {
  std::vector<UniqueFd> sockets;
  std::vector<int> numbers;
  for (std::size_t index = first; index < first + count; ++index) {
    sockets.emplace_back(open_client_socket(target_, {}, static_cast<unsigned>(index)));
    const int fd = sockets.back().get();
    if (const int error = fd < 0 ? errno : connect_in_time(fd, target_); error != 0) {
      return fail(fmt::format(
          "connection {} to {} failed: {}; is a server there, and does it hold so many?", index,
          format_address(target_), std::strerror(error)));
    }
    numbers.push_back(fd);
  }
  const auto slot = static_cast<unsigned>(first % slots_of_a_ring_);
  if (const int error = ring.set_direct(slot, numbers); error != 0) {
    return fail(fmt::format("cannot keep sockets in the ring: {}", std::strerror(-error)));
  }
  return {};
}

}  // namespace ringgate::bench
