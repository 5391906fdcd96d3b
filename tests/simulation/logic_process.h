// A logic service of the world with the product's handlers: login, chat and echo, on shards of its
// own, with stores that are played. What its component does beside that, this does.
#pragma once

#include <cstdint>
#include <memory>

#include "services/store/calls/metrics.h"
#include "tests/simulation/shards.h"
#include "tests/simulation/store.h"

namespace ringgate::sim {

struct LogicPlan {
  std::uint32_t shards = 1;
  std::size_t mailbox_bytes = 1 << 20;
  std::uint32_t store_timeout_ms = 500;
  StoreHabits sessions;
  StoreHabits messages;
};

class LogicProcess {
 public:
  // `index`: which of the world's. Its ends of stores have numbers by that, its shards from
  // `first_shard` on.
  LogicProcess(Kernel& kernel, const LogicPlan& plan, std::uint32_t index,
               std::uint32_t first_shard, Stored& stored);
  LogicProcess(const LogicProcess&) = delete;
  LogicProcess& operator=(const LogicProcess&) = delete;

  [[nodiscard]] Shards& shards() noexcept { return *shards_; }
  [[nodiscard]] StoreEnd& end(StoreEnd::Kind kind) noexcept {
    return kind == StoreEnd::Kind::kSessions ? *sessions_ : *messages_;
  }
  // A gateway has dialled: its listener hands the connection out.
  void accepted(int fd);
  void control_turn();

 private:
  Kernel& kernel_;
  StoreCallMetrics session_metrics_;
  StoreCallMetrics message_metrics_;
  std::uint32_t next_ = 0;  // shard for a connection
  std::unique_ptr<Shards> shards_;
  // They work on what shards own, so they go before.
  std::unique_ptr<StoreEnd> sessions_;
  std::unique_ptr<StoreEnd> messages_;
};

}  // namespace ringgate::sim
