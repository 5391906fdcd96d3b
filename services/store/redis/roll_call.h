// What gateways of ours say about themselves, and when they are asked to say it again. A boot of a
// gateway is a key that ends by itself; locations of a boot without a key are void. Whether a
// server still has the data that it had, a key of ours with a value of its own tells.
//
// Owned by RedisSessions, on its thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "services/store/redis/owed.h"
#include "services/store/sessions.h"

namespace ringgate {

class RedisRolls {
 public:
  // All outlive it. `owner` is nobody else's.
  RedisRolls(const RedisStoreOptions& options, RedisAsker& asker, RedisRemovals& removals,
             RedisCounts& counts, const std::string& owner);

  void call(StoreJobOf<CallRoll>& job);

  // What was said before may have been lost, with a server or with its answer: it is to be said
  // again.
  void begin_epoch();
  // The store works: who is to be sent away is said again, if there is anybody.
  void on_well();
  void on_data_lost();
  // Other servers may have been given.
  void forget_data() { same_data_.clear(); }
  // Asks the server whether it has the data that it had; `then` comes after what follows of it.
  void ask_same_data(RedisNode& node, const RedisConnection::OnReply& then);
  // What is not there may have been lost, and its gateway is about to say it again.
  [[nodiscard]] bool is_expected() const;

  // What is known of boots, by their keys.
  [[nodiscard]] bool is_alive(const std::string& boot, std::uint64_t now_ms) const;
  void note_boot(const std::string& boot, bool is_there);
  void forget_boots() { alive_until_ms_.clear(); }

 private:
  struct Roll;
  struct Present;
  void say_present(const std::shared_ptr<Present>& present);
  void look_at_other(const std::shared_ptr<Present>& present, const std::string& at);
  void end_older(const std::shared_ptr<Present>& present);
  void keep_session(const std::shared_ptr<Present>& present);
  void lose(const Present& present);
  [[nodiscard]] bool is_only_away(const std::string& key) const;
  void end_part(Roll& roll, bool good);
  void on_same_data(const std::string& key, const redisReply* reply);
  void expect_for(std::uint64_t ms);

  const RedisStoreOptions& options_;
  RedisAsker& asker_;
  RedisRemovals& removals_;
  RedisCounts& counts_;
  const std::string& owner_;
  std::uint64_t epoch_;                  // what was said in an earlier one may be forgotten
  std::uint64_t asked_ = 0;              // so often for the same data
  std::uint64_t expected_until_ms_ = 0;  // after a loss of data
  std::uint64_t loss_told_until_ms_ = 0;
  bool is_older_there_ = false;  // a channel whose account a newer one has got: it is to be said
  std::unordered_map<std::string, std::string> same_data_;  // by key: what its server said last
  std::unordered_map<std::string, std::uint64_t> alive_until_ms_;  // by boot key
};

}  // namespace ringgate
