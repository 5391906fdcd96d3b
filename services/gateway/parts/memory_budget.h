// MaxMemory: what clients take in blocks of the shard's pool, of which each shard has an equal
// share. Above four fifths of it those go first that have not logged in and take some, the oldest
// first; then those with whom most waits. Above all of it nobody new is let in.
//
// One per shard, on its thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "services/gateway/parts/admission.h"
#include "services/gateway/parts/context.h"

namespace ringgate {

class MemoryBudget {
 public:
  MemoryBudget(GatewayContext& context, Admission& admission)
      : context_(context), admission_(admission) {}

  // A client was accepted: whether it may stay. Else it was closed.
  [[nodiscard]] bool accepted(Connection& connection);
  void on_tick();

 private:
  // Of those that are looked at in one tick; so many go at most.
  static constexpr std::uint32_t kLooks = 16'384;
  static constexpr std::size_t kMostClosed = 64;

  [[nodiscard]] std::size_t share() const noexcept;
  [[nodiscard]] std::size_t used() const noexcept { return context_.shard.pool().used_bytes(); }
  void close_fattest(std::size_t bytes);
  void close(Connection& connection);

  GatewayContext& context_;
  Admission& admission_;
  std::uint32_t cursor_ = 0;
};

// In blocks of the pool, beside its channel.
[[nodiscard]] inline std::size_t waiting_bytes(const Connection& connection) noexcept {
  return std::size_t{connection.carry.capacity} + connection.output.queued_bytes();
}

}  // namespace ringgate
