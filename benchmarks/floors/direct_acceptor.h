// Accepts into a ring's table of direct descriptors, as the gateway does: several single accepts
// armed at once, each with room for the peer's address.
//
// Part of a shard, on its thread. Does not move while accepts are armed: the kernel writes into it.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "benchmarks/common/bench_ring.h"

namespace ringgate::bench {

inline constexpr unsigned kAcceptsArmed = 16;

// How many direct descriptors a ring's table can have here: RLIMIT_NOFILE bounds it.
[[nodiscard]] std::size_t most_direct_descriptors() noexcept;

class DirectAcceptor {
 public:
  // `ring` outlives this; it has been opened with `slots` direct descriptors.
  DirectAcceptor(BenchRing& ring, int listener, std::size_t slots);

  // Arms what is idle; at start and at the end of each batch. Its tags have Kind::kAccept.
  void arm();
  // The accept of that number has completed; with `result` >= 0 that slot is in use now.
  void completed(std::uint32_t which, int result);
  // A slot's close has completed.
  void released() noexcept { --used_slots_; }

 private:
  struct PendingAccept {
    sockaddr_storage peer{};
    socklen_t peer_bytes = 0;
  };
  void arm_one(std::uint32_t which);

  BenchRing& ring_;
  int listener_;
  std::size_t slots_;
  std::size_t used_slots_ = 0;  // open connections and armed accepts
  std::array<PendingAccept, kAcceptsArmed> accepts_;
  std::vector<std::uint32_t> idle_;  // not armed: the table could not take another
};

}  // namespace ringgate::bench
