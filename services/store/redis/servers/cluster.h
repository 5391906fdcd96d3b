// A store of several servers that share the keys by slots. Who has which slot is asked of one of
// them, the scout, again when anything hints at a change. A command that its server sends on to
// another one is sent there, a few times at most.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/store/redis/servers/slots.h"
#include "services/store/redis/servers/topology.h"

namespace ringgate {

class RedisCluster final : public RedisServers {
 public:
  RedisCluster(const RedisTarget& target, const Shared& shared, Events events);

  bool send(const RedisCommand& command, OnReply on_reply) override;
  RedisNode* node_of(std::string_view key) noexcept override { return slots_[redis_slot(key)]; }
  bool has_all_keys_together() const noexcept override { return false; }
  bool is_whole() const noexcept override { return is_whole_; }
  void tag_again(RedisNode& node) override;

 private:
  struct Call;

  RedisGuide* guide() noexcept override { return &scout_; }
  void after_turn() override;
  [[nodiscard]] std::uint64_t pause_ms() const;
  std::optional<RedisGuide::Wrong> on_slots(const redisReply& reply);
  void use_slots(const std::vector<RedisSlotRange>& ranges);
  using Slots = std::array<RedisNode*, kRedisSlots>;  // null: nobody has it
  [[nodiscard]] bool has_emptied(const Slots& before) const noexcept;
  void scout_failed(StoreTrouble trouble, std::string_view why);
  [[nodiscard]] bool is_used(const RedisNode& node) const noexcept;
  [[nodiscard]] std::string tag_of(const RedisNode& node, std::size_t from) const;
  RedisNode& node_at(const Endpoint& endpoint);

  [[nodiscard]] bool send_to(RedisNode& node, const std::shared_ptr<Call>& call);
  // From a server at that host.
  void on_reply(const std::string& host, const std::shared_ptr<Call>& call,
                const redisReply* reply);
  // False: it is not taken there.
  [[nodiscard]] bool follow(const RedisRedirect& redirect, const std::shared_ptr<Call>& call);

  const std::vector<RedisAddress> seeds_;
  const RedisAccess access_;
  Slots slots_{};
  bool is_whole_ = false;
  bool has_new_slots_ = false;
  RedisGuide scout_;
};

}  // namespace ringgate
