// The floor that a connection's memory is measured against: sockets accepted into the tables of
// direct descriptors and held, with nothing armed on them. Neither recv nor poll, so what a peer
// sends is not read and a peer that leaves is not noticed.
//
// One thread owns an AcceptServer, from open() on; held() is for any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "benchmarks/common/bench_ring.h"
#include "benchmarks/floors/direct_acceptor.h"
#include "benchmarks/floors/floor.h"

namespace ringgate::bench {

class AcceptServer final : public FloorShard {
 public:
  // Several may accept from one listening socket, which outlives them: what finds one's table full
  // goes to another.
  AcceptServer(int listener, std::size_t slots);

  [[nodiscard]] Result<void> open() override;
  [[nodiscard]] Result<void> run(const std::atomic<bool>& stop) override;
  [[nodiscard]] std::uint64_t held() const noexcept {
    return held_.load(std::memory_order_relaxed);
  }

 private:
  BenchRing ring_;
  std::size_t slots_;
  DirectAcceptor acceptor_;
  std::atomic<std::uint64_t> held_{0};
};

}  // namespace ringgate::bench
