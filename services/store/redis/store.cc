#include "services/store/redis/store.h"

#include <utility>

#include "services/store/redis/sessions.h"

namespace ringgate {
namespace {

// Redis has its own timeout; that of calls is for a thread that is stuck.
constexpr std::uint32_t kGraceMs = 1'000;

StoreThreadOptions thread_options(const RedisStoreOptions& options, std::uint32_t shards) {
  StoreThreadOptions thread;
  thread.store = "session";
  thread.address = "redis " + options.target.name();
  thread.calls = SessionCalls::kNames;
  thread.shards = shards;
  thread.client.endpoint = options.extra_endpoint;
  thread.client.timeout_ms = options.timeout_ms + kGraceMs;
  thread.client.max_in_flight = options.max_in_flight;
  return thread;
}

}  // namespace

RedisStore::RedisStore(const RedisStoreOptions& options, std::uint32_t shards)
    : thread_(thread_options(options, shards), [this, options](StoreThread& thread) {
        auto sessions = std::make_unique<RedisSessions>(thread, options, counts_);
        sessions_ = sessions.get();
        return sessions;
      }) {}

std::unique_ptr<SessionStore> RedisStore::of_shard(Shard& shard) {
  return std::make_unique<SessionStore>(thread_.client(shard));
}

MakeSessions RedisStore::sessions() {
  return [this](Shard& shard, MessageIds&) { return of_shard(shard); };
}

void RedisStore::use(RedisTarget target, std::shared_ptr<const RedisTlsContext> tls) {
  thread_.loop().post(
      [this, target = std::move(target), tls = std::move(tls)] { sessions_->use(target, tls); });
}

void RedisStore::collect(MetricsSnapshot& metrics, const std::string& service) const {
  thread_.collect(metrics, service);
  counts_.collect(metrics, service);
}

}  // namespace ringgate
