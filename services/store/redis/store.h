// Sessions in Redis, as a shard sees them: requests go by mail to the store's thread
// (thread.h), answers come back by mail. Never blocks; a full mailbox is an error at
// once, and a request that stays without an answer is one after a while.
//
// One RedisStore per shard, on its thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "dataplane/shard.h"
#include "services/store/factory.h"
#include "services/store/redis/net/tls.h"
#include "services/store/redis/url.h"

namespace ringgate {

struct RedisStoreOptions {
  RedisTarget target = redis_at({"127.0.0.1", 6379});
  std::shared_ptr<const RedisTlsContext> tls;  // null: no server of it has TLS
  std::uint32_t timeout_ms = 2'000;            // until an answer, or a connection, is given up
  std::uint32_t reconnect_min_ms = 50;
  std::uint32_t reconnect_max_ms = 2'000;
  std::uint32_t probe_ms = 1'000;  // how often keys of ours are written, to see that it works
  std::size_t max_in_flight = 64 * 1024;  // commands; beyond: StoreError::kFull
  std::uint32_t session_ttl_s = 48 * 3600;
  bool leases_node = true;          // without, there are no message ids
  std::uint32_t lease_ms = 30'000;  // of a node number, renewed every third of it
  std::string default_app = "kim";
  std::uint32_t boot_ms = kBootLeaseMs;  // how long a gateway that says nothing is taken for alive
  std::uint32_t boot_check_ms = 2'000;   // how long it is believed that one is alive
  std::size_t max_owed = 64 * 1024;      // removals that wait until the store can do them
  std::uint32_t extra_endpoint = 0;      // which of the group's extra endpoints the thread is
};

[[nodiscard]] MakeStore redis_store(const RedisStoreOptions& options);

class RedisStore final : public SessionStore {
 public:
  RedisStore(const RedisStoreOptions& options, Shard& shard, MessageIds& ids) noexcept;

  bool submit(SessionCallBase& call) override;
  void forget(SessionCallBase& call) override;
  bool on_mail(MailKind kind, ByteView message) override;
  void on_tick() override;

 private:
  struct Deadline {
    std::uint32_t at_ms;
    std::uint64_t id;
  };

  void complete(std::uint64_t id, StoreAnswer&& answer);
  void undo(std::uint64_t id);

  Shard& shard_;
  MessageIds& ids_;
  std::uint32_t to_;
  std::uint32_t timeout_ms_;
  std::unordered_map<std::uint64_t, SessionCallBase*> calls_;
  std::deque<Deadline> deadlines_;  // in the order of time, also of calls that are done
  std::uint64_t next_id_ = 0;
};

}  // namespace ringgate
