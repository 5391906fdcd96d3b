// The other end of bare_accept: connected sockets in tables of direct descriptors, with nothing
// armed on them. A ring's table is bounded by RLIMIT_NOFILE, so the shard opens as many rings as it
// takes; its ordinary descriptors are only those of the batch that is being connected.
//
// One thread owns a ConnectShard, from open() on; held() is for any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "benchmarks/common/address.h"
#include "benchmarks/common/bench_ring.h"
#include "benchmarks/floors/floor.h"

namespace ringgate::bench {

class ConnectShard final : public FloorShard {
 public:
  ConnectShard(const Address& target, std::size_t connections, std::size_t slots_of_a_ring);

  [[nodiscard]] Result<void> open() override;
  [[nodiscard]] Result<void> run(const std::atomic<bool>& stop) override;
  [[nodiscard]] std::uint64_t held() const noexcept {
    return held_.load(std::memory_order_relaxed);
  }

 private:
  [[nodiscard]] Result<void> connect_batch(BenchRing& ring, std::size_t first, std::size_t count);

  Address target_;
  std::size_t connections_;
  std::size_t slots_of_a_ring_;
  std::vector<std::unique_ptr<BenchRing>> rings_;
  std::atomic<std::uint64_t> held_{0};
};

}  // namespace ringgate::bench
