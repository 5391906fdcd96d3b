// The slab of a shard's connections. Slots below `max_clients` are indexes of the ring's direct
// table (the kernel chooses them); those above are links, chosen here.
//
// Its memory comes from the kernel as zeros, which is what a free slot looks like, and is not there
// until a slot is used: a shard with places for 20,000 that has nobody takes none of their 2.2 MB.
// Nor does it keep them when they have gone: the kernel deals out its slots in turn, so that a few
// thousand clients who come again and again have had them all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <numeric>
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

  // Gives the kernel the pages of places that nobody has had in the last kIdleTrims trims: of at
  // most kMostTrimmed chunks.
  void trim() noexcept;
  static constexpr std::uint32_t kPageBytes = 4096;
  static constexpr std::uint32_t kSlotBytes = sizeof(Connection);
  // As many places as are whole pages.
  static constexpr std::uint32_t kChunkSlots = std::lcm(kSlotBytes, kPageBytes) / kSlotBytes;
  static constexpr std::uint32_t kIdleTrims = 10;
  static constexpr std::uint32_t kMostTrimmed = 64;

  [[nodiscard]] std::uint32_t clients() const noexcept { return clients_; }
  [[nodiscard]] std::uint32_t links() const noexcept { return links_; }
  [[nodiscard]] std::uint32_t max_clients() const noexcept { return max_clients_; }
  // Every slot used is below this, clients and links apart, and those that trim() has not found
  // unused for long.
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
    void operator()(void* memory) const noexcept { std::free(memory); }
  };
  struct Chunk {
    std::uint32_t used = 0;
    std::uint32_t left_at = 0;  // of trims_
    bool has_pages = false;
  };

  Connection& begin(std::uint32_t slot, Role role);
  void give_back(std::uint32_t chunk) noexcept;
  void lower_high_water() noexcept;

  std::uint32_t max_clients_;
  std::uint32_t size_;
  std::unique_ptr<void, Free> memory_;
  Connection* slots_ = nullptr;  // from the first page in it
  std::vector<Chunk> chunks_;
  std::uint32_t trims_ = 0;
  std::uint32_t newest_generation_ = 0;  // of those that have been given back
  // Of places that are zeros: what a place there had before is not known any more, and a handle of
  // then must not be one of now.
  std::uint32_t first_generation_ = 0;
  std::vector<std::uint32_t> free_links_;
  std::uint32_t clients_ = 0;
  std::uint32_t links_ = 0;
  std::uint32_t client_high_water_ = 0;
  std::uint32_t link_high_water_ = 0;  // the free link of the lowest slot is taken first, mostly
};

}  // namespace ringgate
