// A store of one server: the first of a list that does what it is asked, or the primary that
// sentinels name. These are asked all the time, so that one that is the primary no more, and does
// not know it yet, is left at once.
#pragma once

#include <optional>

#include "services/store/redis/servers/topology.h"

namespace ringgate {

// Where a sentinel says that the primary is; nothing: it does not say so.
[[nodiscard]] std::optional<Endpoint> read_redis_primary(const redisReply& reply);

class SingleRedis final : public RedisServers {
 public:
  SingleRedis(const RedisTarget& target, const Shared& shared, Events events);

  bool send(const RedisCommand& command, OnReply on_reply) override;
  RedisNode* node_of(std::string_view) noexcept override { return &node_; }

 private:
  RedisGuide* guide() noexcept override { return sentinel_.get(); }
  void after_turn() override;
  std::optional<RedisGuide::Wrong> on_named(const redisReply& reply);
  // Of sentinels: it matters only where nothing works.
  void sentinel_failed(StoreTrouble trouble, std::string_view why);

  const std::string master_;
  const RedisAccess access_;
  RedisNode& node_;
  std::optional<RedisAddress> wanted_;  // to be dialled after the turn
  std::unique_ptr<RedisGuide> sentinel_;
};

}  // namespace ringgate
