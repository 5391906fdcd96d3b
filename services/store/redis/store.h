// Sessions in Redis: the thread that keeps them, and what it is asked by other threads. What is
// done for a call is in sessions.h.
//
// Made before the group of shards whose calls it answers, stopped after their threads have ended
// and before the group is destroyed: see StoreThread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "services/store/calls/thread.h"
#include "services/store/redis/counts.h"
#include "services/store/redis/options.h"

namespace ringgate {

class RedisSessions;

class RedisStore {
 public:
  RedisStore(const RedisStoreOptions& options, std::uint32_t shards);
  ~RedisStore() = default;
  RedisStore(const RedisStore&) = delete;
  RedisStore& operator=(const RedisStore&) = delete;

  // Whether Redis is there shows later: calls fail until it is.
  [[nodiscard]] Result<void> start(Switchboard& switchboard) { return thread_.start(switchboard); }
  void stop() { thread_.stop(); }

  // The session store of a shard, on its thread. Its message ids' leases come by mail.
  [[nodiscard]] std::unique_ptr<SessionStore> of_shard(Shard& shard);
  // What makes it; this outlives the shards.
  [[nodiscard]] MakeSessions sessions();

  // --- Any thread ----------------------------------------------------------------------------
  // From now on that store, if it is another one than it was, or other means to be let in. Not
  // before start().
  void use(RedisTarget target, std::shared_ptr<const RedisTlsContext> tls);
  [[nodiscard]] const StoreThread& thread() const noexcept { return thread_; }
  [[nodiscard]] StoreThread& thread() noexcept { return thread_; }
  [[nodiscard]] const StoreHealth& health() const noexcept { return thread().health(); }
  [[nodiscard]] const RedisCounts& counts() const noexcept { return counts_; }
  void collect(MetricsSnapshot& metrics, const std::string& service) const;

 private:
  RedisCounts counts_;
  RedisSessions* sessions_ = nullptr;  // of the store's thread, while it runs
  StoreThread thread_;
};

}  // namespace ringgate
