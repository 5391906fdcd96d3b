// Which servers the store is made of, and which of them has a key: one (of a list, or the one that
// sentinels name: single.h), or those of a cluster (cluster.h).
//
// Of the store's thread. Outlived by what its events use.
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "services/store/redis/connection.h"
#include "services/store/redis/servers/guide.h"

namespace ringgate {

// A server that has keys of ours, and what the thread knows of it.
struct RedisNode {
  std::unique_ptr<RedisConnection> connection;
  Endpoint endpoint;  // of a cluster's
  // What keys have in their names that are to be on this server; empty: all are.
  std::string tag;
  bool is_heard = false;  // it has answered a probe on this connection
  bool is_well = false;   // and did what it was asked
  std::uint64_t probe_at_ms = RedisConnection::kNever;
  std::uint64_t probed_ms = 0;  // the last one was sent
};

class RedisServers {
 public:
  using OnReply = RedisConnection::OnReply;
  using Shared = RedisConnection::Shared;
  struct Events {
    std::function<void(RedisNode&)> connected;
    std::function<void(RedisNode&, StoreTrouble, std::string_view why)> broken;
    // Nobody is found who has the keys.
    std::function<void(StoreTrouble, std::string_view why)> lost;
    // Another server has keys of one that is away: what was in them is gone.
    std::function<void()> emptied;
  };

  [[nodiscard]] static std::unique_ptr<RedisServers> create(const RedisTarget& target,
                                                            const Shared& shared, Events events);
  virtual ~RedisServers() = default;
  RedisServers(const RedisServers&) = delete;
  RedisServers& operator=(const RedisServers&) = delete;

  // To the server that has the command's key. False: it is not there, or has not been heard yet,
  // and `on_reply` is not called. What is answered with an error now must not happen when it goes
  // on.
  [[nodiscard]] virtual bool send(const RedisCommand& command, OnReply on_reply) = 0;
  // Who has that key. Null: nobody.
  [[nodiscard]] virtual RedisNode* node_of(std::string_view key) noexcept = 0;
  // All keys may be asked for at once.
  [[nodiscard]] virtual bool has_all_keys_together() const noexcept { return true; }
  // Every key has a server.
  [[nodiscard]] virtual bool is_whole() const noexcept { return true; }
  // Something that a server said shows that it may not be the one.
  void look_again();
  // A key that this server must have is elsewhere.
  virtual void tag_again(RedisNode&) {}

  [[nodiscard]] const std::vector<std::unique_ptr<RedisNode>>& nodes() const noexcept {
    return nodes_;
  }
  [[nodiscard]] std::size_t in_flight() const noexcept;
  // Connections of nodes: whatever is in flight fails.
  void drop_all(std::string_view why);

  // What is to be polled, appended; turn() takes the same files in the same order.
  void add_files(std::vector<pollfd>& files);
  void turn(const pollfd* files, std::uint64_t now_ms);
  [[nodiscard]] std::uint64_t next_turn_ms() noexcept;

 protected:
  RedisServers(const Shared& shared, Events events);

  RedisNode& add_node(std::vector<RedisAddress> addresses);
  // Who says which nodes there are. May be null.
  [[nodiscard]] virtual RedisGuide* guide() noexcept { return nullptr; }
  // After each turn of all connections: no callback of theirs is running.
  virtual void after_turn() {}

  const Shared shared_;
  const Events events_;
  std::vector<std::unique_ptr<RedisNode>> nodes_;

 private:
  std::vector<RedisConnection*> polled_;
};

}  // namespace ringgate
