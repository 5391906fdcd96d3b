// The slab of a shard's connections. Slots below `max_clients` are indexes of the ring's direct
// table (the kernel chooses them); those above are links, chosen here.
//
// Its memory comes from the kernel as zeros, which is what a free slot looks like, and is not there
// until a slot is used: a shard with places for 20,000 that has nobody takes none of their 2.2 MB.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "dataplane/connection.h"

namespace ringgate {

class ConnectionTable {
 public:
  // Throws std::bad_alloc.
  ConnectionTable(std::uint32_t max_clients, std::uint32_t max_links);

  // A slot in use, in any phase; null otherwise.
  [[nodiscard]] Connection* at(std::uint32_t slot) noexcept {
    if (slot >= size_ || slots_[slot].phase == Phase::kFree) return nullptr;
    return &slots_[slot];
  }
  [[nodiscard]] Connection* find(ConnectionHandle handle) noexcept {
    Connection* const connection = at(handle.slot);
    const bool same = connection != nullptr && connection->generation == handle.generation;
    return same ? connection : nullptr;
  }

  [[nodiscard]] bool is_client_slot(std::uint32_t slot) const noexcept {
    return slot < max_clients_;
  }

  // The slot of a direct descriptor the kernel has just given.
  [[nodiscard]] Connection& open_client(std::uint32_t slot);
  // Null when all are in use.
  [[nodiscard]] Connection* open_link();
  void release(Connection& connection);

  [[nodiscard]] std::uint32_t clients() const noexcept { return clients_; }
  [[nodiscard]] std::uint32_t links() const noexcept { return links_; }
  [[nodiscard]] std::uint32_t max_clients() const noexcept { return max_clients_; }
  // Every slot ever used is below this, clients and links apart.
  [[nodiscard]] std::uint32_t client_high_water() const noexcept { return client_high_water_; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

  template <class Use>
  void for_each_client(Use&& use) {
    for (std::uint32_t slot = 0; slot < client_high_water_; ++slot) {
      if (slots_[slot].phase != Phase::kFree) use(slots_[slot]);
    }
  }
  template <class Use>
  void for_each_link(Use&& use) {
    for (std::uint32_t slot = max_clients_; slot < link_high_water_; ++slot) {
      if (slots_[slot].phase != Phase::kFree) use(slots_[slot]);
    }
  }

 private:
  struct Free {
    void operator()(Connection* slots) const noexcept { std::free(slots); }
  };

  Connection& begin(std::uint32_t slot, Role role);

  std::uint32_t max_clients_;
  std::uint32_t size_;
  std::unique_ptr<Connection[], Free> slots_;
  std::vector<std::uint32_t> free_links_;
  std::uint32_t clients_ = 0;
  std::uint32_t links_ = 0;
  std::uint32_t client_high_water_ = 0;
  std::uint32_t link_high_water_ = 0;  // the free link of the lowest slot is taken first, mostly
};

}  // namespace ringgate
