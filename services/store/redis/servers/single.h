// A store of one server: the first of a list that does what it is asked, or the primary that
// sentinels name. These are asked all the time, so that one that is the primary no more, and does
// not know it yet, is left at once.
#pragma once

#include <optional>

#include "services/store/redis/servers/topology.h"

namespace ringgate {

class SingleRedis final : public RedisServers {
 public:
  SingleRedis(const RedisTarget& target, const Shared& shared, Events events);

  bool send(const RedisCommand& command, OnReply on_reply) override;
  RedisNode* node_of(std::string_view) noexcept override { return &node_; }
  void look_again() override { ask_at_ms_ = 0; }

 private:
  RedisConnection* guide() noexcept override { return sentinel_.get(); }
  std::uint64_t guide_at_ms() const noexcept override;
  void after_turn(std::uint64_t now_ms) override;
  void ask();
  void on_named(const redisReply* reply);
  // Of sentinels: it matters only where nothing works.
  void sentinel_failed(StoreTrouble trouble, std::string_view why);

  const std::string master_;
  const RedisAccess access_;
  RedisNode& node_;
  std::uint64_t ask_at_ms_ = 0;
  std::uint64_t now_ms_ = 0;
  bool is_asked_ = false;
  std::optional<RedisAddress> wanted_;  // to be dialled after the turn
  std::unique_ptr<RedisConnection> sentinel_;
};

}  // namespace ringgate
