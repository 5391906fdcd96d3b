// Removals of sessions. One that cannot be made at the moment is owed, and made when the store
// works again; so is that of a sign-in whose outcome is not known. One that was made is made again
// on a store that may not know of it. Each is safe at any time: it touches nothing but what is
// still its channel's.
//
// Owned by RedisSessions, on its thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>

#include "services/store/redis/asker.h"
#include "services/store/redis/counts.h"

namespace ringgate {

class RedisRemovals {
 public:
  using Done = std::function<void(bool done)>;  // it was made, or there was nothing to remove

  // All outlive it.
  RedisRemovals(const RedisStoreOptions& options, RedisAsker& asker, RedisCounts& counts)
      : options_(options), asker_(asker), counts_(counts) {}

  // Of that channel. An account that is empty: the session says whose it is.
  void remove_or_owe(const std::string& channel_id, const std::string& account,
                     const std::string& app, const Done& then);
  void owe(const std::string& channel_id, const std::string& account, const std::string& app);
  // It signs in again.
  void forget(const std::string& channel_id);
  // The store works. As many at once as a second's probe leaves room for.
  void pay();

  // It was made: what a failover may lose, and bring back who has gone.
  void remember(const std::string& channel_id, const std::string& account, const std::string& app);
  // Another server answers, or this one has lost something: it may be as it was before them.
  void owe_those_made();

 private:
  struct Owed {
    std::string account;
    std::string app;
    bool sent = false;
  };
  struct Made {
    std::string channel_id;
    std::string account;
    std::string app;
    std::uint64_t at_ms;
  };
  void send(const std::string& channel_id, const Owed& what, const Done& done);
  void send_leave(const std::string& channel_id, const Owed& what, const Done& done);

  const RedisStoreOptions& options_;
  RedisAsker& asker_;
  RedisCounts& counts_;
  std::unordered_map<std::string, Owed> owed_;  // by channel
  std::deque<Made> made_;                       // oldest first
};

}  // namespace ringgate
