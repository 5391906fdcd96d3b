#include "dataplane/connection_table.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

#include "dataplane/check.h"

namespace ringgate {

// So calloc() makes the objects (C++20, [intro.object]), and nothing has to be done at the end.
static_assert(std::is_trivially_copyable_v<Connection>);
static_assert(static_cast<int>(Phase::kFree) == 0);

namespace {

// Of chunks that are whole, and of what is before the first page.
std::size_t bytes_for(std::uint32_t chunks) noexcept {
  return (std::size_t{chunks} * ConnectionTable::kChunkSlots * ConnectionTable::kSlotBytes) +
         ConnectionTable::kPageBytes;
}

Connection* first_slot(void* memory, std::uint32_t chunks) noexcept {
  constexpr std::size_t kPage = ConnectionTable::kPageBytes;
  std::size_t room = bytes_for(chunks);
  return static_cast<Connection*>(std::align(kPage, room - kPage, memory, room));
}

}  // namespace

ConnectionTable::ConnectionTable(std::uint32_t max_clients, std::uint32_t max_links)
    : max_clients_(max_clients),
      size_(max_clients + max_links),
      chunks_((size_ + kChunkSlots - 1) / kChunkSlots) {
  const auto chunks = static_cast<std::uint32_t>(chunks_.size());
  memory_.reset(std::calloc(1, bytes_for(chunks)));
  if (memory_ == nullptr) throw std::bad_alloc();
  slots_ = first_slot(memory_.get(), chunks);
  free_links_.reserve(max_links);
  for (std::uint32_t slot = size_; slot > max_clients_; --slot) free_links_.push_back(slot - 1);
}

// A slot that was never used is all zeros, and no Connection as one begins.
Connection& ConnectionTable::begin(std::uint32_t slot, Role role) {
  Connection& connection = slots_[slot];
  RINGGATE_CHECK(connection.phase == Phase::kFree);
  const std::uint32_t generation =
      connection.generation != 0 ? connection.generation : first_generation_;
  Chunk& chunk = chunks_[slot / kChunkSlots];
  ++chunk.used;
  chunk.has_pages = true;
  std::construct_at(&connection);
  connection.slot = slot;
  connection.generation = generation;
  connection.role = role;
  connection.phase = Phase::kOpen;
  return connection;
}

Connection& ConnectionTable::open_client(std::uint32_t slot) {
  RINGGATE_CHECK(slot < max_clients_);
  Connection& connection = begin(slot, Role::kClient);
  connection.pings = 0;
  ++clients_;
  client_high_water_ = std::max(client_high_water_, slot + 1);
  return connection;
}

Connection* ConnectionTable::open_link() {
  if (free_links_.empty()) return nullptr;
  const std::uint32_t slot = free_links_.back();
  free_links_.pop_back();
  Connection& connection = begin(slot, Role::kLink);
  ++links_;
  link_high_water_ = std::max(link_high_water_, slot + 1);
  return &connection;
}

void ConnectionTable::release(Connection& connection) {
  if (connection.role == Role::kClient) {
    --clients_;
  } else {
    --links_;
    free_links_.push_back(connection.slot);
  }
  const std::uint32_t slot = connection.slot;
  const std::uint32_t generation = std::max(connection.generation + 1, 1U);  // 0: see begin()
  connection = Connection{};
  connection.slot = slot;
  connection.generation = generation;
  newest_generation_ = std::max(newest_generation_, generation);
  Chunk& chunk = chunks_[slot / kChunkSlots];
  --chunk.used;
  chunk.left_at = trims_;
}

void ConnectionTable::trim() noexcept {
  ++trims_;
  std::uint32_t left = kMostTrimmed;
  for (std::uint32_t i = 0; i < chunks_.size() && left > 0; ++i) {
    const Chunk& chunk = chunks_[i];
    if (!chunk.has_pages || chunk.used > 0 || trims_ - chunk.left_at <= kIdleTrims) continue;
    give_back(i);
    --left;
  }
  if (left < kMostTrimmed) lower_high_water();
}

// Where the kernel refuses, the pages stay, and are as good as zeros.
void ConnectionTable::give_back(std::uint32_t chunk) noexcept {
  first_generation_ = newest_generation_;
  chunks_[chunk].has_pages = false;
  madvise(slots_ + std::size_t{chunk} * kChunkSlots, kChunkSlots * kSlotBytes, MADV_DONTNEED);
}

// A sweep need not look where nobody is.
void ConnectionTable::lower_high_water() noexcept {
  while (client_high_water_ > 0) {
    const std::uint32_t last = (client_high_water_ - 1) / kChunkSlots;
    if (chunks_[last].has_pages) return;
    client_high_water_ = last * kChunkSlots;
  }
}

}  // namespace ringgate
