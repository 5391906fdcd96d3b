// MaxMemory: what clients take in blocks of the shard's pool, of which each shard has an equal
// share. Above four fifths of it those go first that have not logged in and take some, the oldest
// first; then those with whom most waits: at the next tick, and above all of it when the turn ends.
// Above all of it nobody new is let in.
//
// One per shard, on its thread.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <algorithm>
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
  void on_batch_end() {
    if (context_.options.max_memory_bytes != 0 && used() > share()) [[unlikely]]
      close_what_is_beyond();
  }

 private:
  // Of those that are looked at in one turn; so many go at most.
  static constexpr std::uint32_t kLooks = 16'384;
  static constexpr std::size_t kMostClosed = 1'024;

  [[nodiscard]] std::size_t share() const noexcept;
  [[nodiscard]] std::size_t aim() const noexcept { return share() / 5 * 4; }
  [[nodiscard]] std::size_t used() const noexcept { return context_.shard.pool().used_bytes(); }
  // Without those who go.
  [[nodiscard]] std::size_t staying() const noexcept {
    return used() - std::min(used(), going_bytes_);
  }
  [[nodiscard]] bool may_close(const Connection& connection) const;
  void close_what_is_beyond();
  void close_some(std::size_t bytes);
  void close_fattest(std::size_t bytes);
  // What it took of the pool.
  std::size_t close(Connection& connection);
  void forget_gone();

  GatewayContext& context_;
  Admission& admission_;
  // Closed, but what is queued for them comes back only turns later; in a dry run those who would
  // be.
  absl::flat_hash_set<std::uint64_t> going_;
  std::size_t going_bytes_ = 0;  // as of the last look
  bool counted_dry_ = false;     // those of going_
  std::uint32_t cursor_ = 0;
  std::uint32_t looked_in_vain_ = 0;  // places, since the last tick
};

// What has come from it and waits for it, beside its channel.
[[nodiscard]] inline std::size_t waiting_bytes(const Connection& connection) noexcept {
  return std::size_t{connection.carry.capacity} + connection.output.queued_bytes();
}
// The blocks of the pool that this takes: up to twice as much.
[[nodiscard]] inline std::size_t pool_bytes(const Connection& connection) noexcept {
  return std::size_t{connection.carry.capacity} + connection.output.pool_bytes();
}

}  // namespace ringgate
