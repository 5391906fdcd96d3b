#include "benchmarks/floors/accept_server.h"

#include <fmt/format.h>

#include <cstring>

#include "benchmarks/floors/tag.h"

namespace ringgate::bench {

AcceptServer::AcceptServer(int listener, std::size_t slots)
    : slots_(slots), acceptor_(ring_, listener, slots) {}

Result<void> AcceptServer::open() {
  return ring_.open_without_buffers(static_cast<unsigned>(slots_));
}

Result<void> AcceptServer::run(const std::atomic<bool>& stop) {
  while (!stop.load(std::memory_order_relaxed)) {
    acceptor_.arm();
    if (const int error = ring_.submit_and_wait(kTickMs); error != 0) {
      return fail(fmt::format("waiting on the ring failed: {}", std::strerror(-error)));
    }
    std::uint64_t accepted = 0;
    ring_.for_each_completion([&](const io_uring_cqe& cqe) {
      acceptor_.completed(number_of(cqe.user_data), cqe.res);
      if (cqe.res >= 0) ++accepted;
    });
    held_.store(held() + accepted, std::memory_order_relaxed);
  }
  return {};
}

}  // namespace ringgate::bench
