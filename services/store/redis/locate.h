// Where accounts are. Many are asked for at once: each has an answer of its own, as in a cluster
// one server may be away, and the others say where theirs are.
//
// Owned by RedisSessions, on its thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/store/redis/roll_call.h"

namespace ringgate {

class RedisLocator {
 public:
  // Both outlive it.
  RedisLocator(RedisAsker& asker, RedisRolls& rolls) : asker_(asker), rolls_(rolls) {}

  void ask(StoreJobOf<LocateAccount>& job);
  void ask(StoreJobOf<LocateAccounts>& job);

 private:
  using Place = StoreResult<std::optional<Location>>;
  using Places = std::vector<Place>;
  using Values = std::vector<StoreResult<RedisAsker::Value>>;
  struct Found;

  void find(const std::vector<std::string>& places, std::function<void(Places)> use);
  void get_many(const std::vector<std::string>& keys, std::function<void(Values)> use);
  [[nodiscard]] static Place location_of(const StoreResult<RedisAsker::Value>& value);
  [[nodiscard]] Place nobody() const;
  void check_boots(const std::shared_ptr<Found>& found);
  void note_boot(const std::string& boot, const StoreResult<RedisAsker::Value>& value);

  RedisAsker& asker_;
  RedisRolls& rolls_;
};

}  // namespace ringgate
