#include "benchmarks/floors/direct_acceptor.h"

#include <sys/resource.h>

#include <algorithm>

#include "benchmarks/floors/tag.h"

namespace ringgate::bench {

std::size_t most_direct_descriptors() noexcept {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  return std::min<std::size_t>(files.rlim_cur, 1U << 20);
}

DirectAcceptor::DirectAcceptor(BenchRing& ring, int listener, std::size_t slots)
    : ring_(ring), listener_(listener), slots_(slots) {
  for (std::uint32_t which = 0; which < kAcceptsArmed; ++which) idle_.push_back(which);
}

void DirectAcceptor::arm_one(std::uint32_t which) {
  PendingAccept& accept = accepts_[which];
  accept.peer_bytes = sizeof accept.peer;
  io_uring_sqe* sqe = ring_.sqe();
  io_uring_prep_accept(sqe, listener_, reinterpret_cast<sockaddr*>(&accept.peer),
                       &accept.peer_bytes, 0);
  // Set by hand: io_uring_prep_accept_direct of liburing 2.3 adds one, which turns ALLOC into 0.
  sqe->file_index = IORING_FILE_INDEX_ALLOC;
  io_uring_sqe_set_data64(sqe, tag(Kind::kAccept, which));
  ++used_slots_;
}

// A full table loses the accepted socket, so no more accepts are armed than it has room for.
void DirectAcceptor::arm() {
  while (!idle_.empty() && used_slots_ < slots_) {
    arm_one(idle_.back());
    idle_.pop_back();
  }
}

void DirectAcceptor::completed(std::uint32_t which, int result) {
  idle_.push_back(which);
  if (result < 0) --used_slots_;
}

}  // namespace ringgate::bench
