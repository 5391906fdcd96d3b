// The node number of message ids, leased from Redis and renewed. A lease is a key that ends by
// itself; beside it stands, for good, until when ids of that node may have been given out. Steps
// touch one key each: first the lease, then its end, and only then are ids given out.
//
// Owned by RedisSessions, on its thread; the shards are told by mail.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "services/store/message_ids.h"
#include "services/store/redis/asker.h"

namespace ringgate {

class RedisNodeLease {
 public:
  // All outlive it. `owner` tells our leases from others'.
  RedisNodeLease(StoreThread& thread, const RedisStoreOptions& options, RedisAsker& asker,
                 const std::string& owner)
      : thread_(thread), options_(options), asker_(asker), owner_(owner) {}

  // A server has answered its probe; `are_well`: all have. The first time is followed by the lease.
  // To be called before the store's health knows.
  void on_well(bool are_well);
  // A connection is gone: without it nobody knows whether it is still ours.
  void on_broken();
  void turn(std::uint64_t now_ms);
  [[nodiscard]] std::uint64_t next_turn_ms() const noexcept { return renew_at_ms_; }
  // Why there is none, for people.
  [[nodiscard]] const std::optional<std::string>& problem() const noexcept { return problem_; }
  // At the end. `poll` waits that many ms for what servers send, and takes it.
  void give_back(const std::function<void(int wait_ms)>& poll);

 private:
  struct Leasing;
  using Use = std::function<void(long long number)>;

  [[nodiscard]] bool is_wanted(bool are_well) const;
  void lease_or_renew();
  void step(const RedisCommand& command, Use use);
  void failed();
  [[nodiscard]] bool reaches_keys_of(std::uint32_t node) const;
  void skip_unreached(Leasing& leasing) const;
  void lease_node(const std::shared_ptr<Leasing>& leasing);
  void say_that_all_are_taken(const Leasing& leasing);
  void look_at_end(const std::shared_ptr<Leasing>& leasing);
  void set_end(const std::shared_ptr<Leasing>& leasing);
  void renew(const NodeLease& lease);
  void lose();
  void tell_shards();

  StoreThread& thread_;
  const RedisStoreOptions& options_;
  RedisAsker& asker_;
  const std::string& owner_;

  std::optional<NodeLease> lease_;
  bool is_valid_ = false;  // the shards may give out ids
  std::uint64_t renew_at_ms_ = RedisConnection::kNever;
  std::optional<std::string> problem_;
};

}  // namespace ringgate
