#include "dataplane/connection_table.h"

#include <algorithm>
#include <memory>
#include <new>
#include <type_traits>

#include "dataplane/check.h"

namespace ringgate {

// So calloc() makes the objects (C++20, [intro.object]), and nothing has to be done at the end.
static_assert(std::is_trivially_copyable_v<Connection>);
static_assert(static_cast<int>(Phase::kFree) == 0);

ConnectionTable::ConnectionTable(std::uint32_t max_clients, std::uint32_t max_links)
    : max_clients_(max_clients),
      size_(max_clients + max_links),
      slots_(static_cast<Connection*>(std::calloc(size_, sizeof(Connection)))) {
  if (slots_ == nullptr) throw std::bad_alloc();
  free_links_.reserve(max_links);
  for (std::uint32_t slot = size_; slot > max_clients_; --slot) free_links_.push_back(slot - 1);
}

// A slot that was never used is all zeros, and no Connection as one begins.
Connection& ConnectionTable::begin(std::uint32_t slot, Role role) {
  Connection& connection = slots_[slot];
  RINGGATE_CHECK(connection.phase == Phase::kFree);
  const std::uint32_t generation = connection.generation;
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
  const std::uint32_t generation = connection.generation + 1;
  connection = Connection{};
  connection.slot = slot;
  connection.generation = generation;
}

}  // namespace ringgate
