#include "dataplane/connection_table.h"

#include <algorithm>

#include "dataplane/check.h"

namespace ringgate {

ConnectionTable::ConnectionTable(std::uint32_t max_clients, std::uint32_t max_links)
    : max_clients_(max_clients),
      size_(max_clients + max_links),
      slots_(std::make_unique<Connection[]>(size_)) {
  free_links_.reserve(max_links);
  for (std::uint32_t slot = size_; slot > max_clients_; --slot) free_links_.push_back(slot - 1);
}

Connection& ConnectionTable::open_client(std::uint32_t slot) {
  RINGGATE_CHECK(slot < max_clients_);
  Connection& connection = slots_[slot];
  RINGGATE_CHECK(connection.phase == Phase::kFree);
  connection.slot = slot;
  connection.pings = 0;
  connection.role = Role::kClient;
  connection.phase = Phase::kOpen;
  ++clients_;
  client_high_water_ = std::max(client_high_water_, slot + 1);
  return connection;
}

Connection* ConnectionTable::open_link() {
  if (free_links_.empty()) return nullptr;
  const std::uint32_t slot = free_links_.back();
  free_links_.pop_back();
  Connection& connection = slots_[slot];
  connection.slot = slot;
  connection.role = Role::kLink;
  connection.phase = Phase::kOpen;
  ++links_;
  link_high_water_ = std::max(link_high_water_, slot + 1);
  return &connection;
}

void ConnectionTable::release(Connection& connection) {
  const std::uint32_t slot = connection.slot;
  const std::uint32_t generation = connection.generation + 1;
  if (connection.role == Role::kClient) {
    --clients_;
  } else {
    --links_;
    free_links_.push_back(slot);
  }
  connection = Connection{};
  connection.slot = slot;
  connection.generation = generation;
}

}  // namespace ringgate
