#include "services/store/redis/servers/topology.h"

#include <algorithm>
#include <utility>

#include "services/store/redis/servers/cluster.h"
#include "services/store/redis/servers/single.h"

namespace ringgate {

std::unique_ptr<RedisServers> RedisServers::create(const RedisTarget& target, const Shared& shared,
                                                   Events events) {
  if (target.kind == RedisTarget::Kind::kCluster) {
    return std::make_unique<RedisCluster>(target, shared, std::move(events));
  }
  return std::make_unique<SingleRedis>(target, shared, std::move(events));
}

RedisServers::RedisServers(const Shared& shared, Events events)
    : shared_(shared), events_(std::move(events)) {}

RedisNode& RedisServers::add_node(std::vector<RedisAddress> addresses) {
  nodes_.push_back(std::make_unique<RedisNode>());
  RedisNode* const node = nodes_.back().get();
  node->connection = std::make_unique<RedisConnection>(
      shared_, RedisConnection::Events{[this, node] {
                                         node->is_heard = node->is_well = false;
                                         node->probe_at_ms = 0;
                                         events_.connected(*node);
                                       },
                                       [this, node](StoreTrouble trouble, std::string_view why) {
                                         node->is_heard = node->is_well = false;
                                         node->probe_at_ms = RedisConnection::kNever;
                                         events_.broken(*node, trouble, why);
                                         look_again();
                                       }});
  node->connection->use(std::move(addresses));
  return *node;
}

void RedisServers::look_again() {
  if (RedisGuide* const asked = guide()) asked->ask_soon();
}

std::size_t RedisServers::in_flight() const noexcept {
  std::size_t commands = 0;
  for (const auto& node : nodes_) commands += node->connection->in_flight();
  return commands;
}

void RedisServers::drop_all(std::string_view why) {
  for (const auto& node : nodes_) {
    node->connection->drop(StoreTrouble::kConnection, std::string(why));
  }
}

void RedisServers::add_files(std::vector<pollfd>& files) {
  polled_.clear();
  if (RedisGuide* const first = guide()) polled_.push_back(&first->connection());
  for (const auto& node : nodes_) polled_.push_back(node->connection.get());
  for (const RedisConnection* const connection : polled_) {
    files.push_back({connection->fd(), connection->events(), 0});
  }
}

// Nodes come while these turn, and go in after_turn() only.
void RedisServers::turn(const pollfd* files, std::uint64_t now_ms) {
  for (std::size_t i = 0; i < polled_.size(); ++i) {
    const bool is_its = polled_[i]->fd() == files[i].fd;
    polled_[i]->turn(is_its ? files[i].revents : static_cast<short>(0), now_ms);
  }
  after_turn();
  if (RedisGuide* const first = guide()) first->turn(now_ms);
}

std::uint64_t RedisServers::next_turn_ms() noexcept {
  RedisGuide* const first = guide();
  std::uint64_t next_ms = first != nullptr ? first->next_turn_ms() : RedisConnection::kNever;
  for (const auto& node : nodes_) next_ms = std::min(next_ms, node->connection->next_turn_ms());
  return next_ms;
}

}  // namespace ringgate
