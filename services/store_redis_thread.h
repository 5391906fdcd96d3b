// The thread that talks to Redis for the shards of a service: an extra endpoint of their
// switchboard. Requests come by mail; answers go back by mail to the shard that asked, and are
// never dropped.
//
// Also holds this instance's lease of a node number for message ids, and tells the shards.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "codec/error.h"
#include "dataplane/switchboard.h"
#include "services/message_id.h"
#include "services/store_redis.h"
#include "services/store_redis_connection.h"

namespace ringgate {

class RedisStoreThread {
 public:
  // `switchboard` outlives this. Whether Redis is there shows later: requests fail until it is.
  RedisStoreThread(const RedisStoreOptions& options, Switchboard& switchboard);
  // Stops.
  ~RedisStoreThread();
  RedisStoreThread(const RedisStoreThread&) = delete;
  RedisStoreThread& operator=(const RedisStoreThread&) = delete;

  void start();
  void stop();
  // Any thread.
  [[nodiscard]] bool connected() const noexcept {
    return connected_.load(std::memory_order_relaxed);
  }

 private:
  struct Asker {
    std::uint32_t shard;
    std::uint64_t id;
  };
  struct WaitingMail {
    std::uint32_t to;
    MailKind kind;
    std::vector<std::uint8_t> bytes;
  };

  // The loop
  void run();
  void wait(bool sleep);
  void read_mail();
  void post(std::uint32_t to, MailKind kind, ByteView message);
  [[nodiscard]] bool try_post(std::uint32_t to, MailKind kind, ByteView message);
  void flush();

  // Requests
  void take(std::uint32_t from, ByteView mail);
  void ask(const StoreRequest& request, Asker asker);
  void answer(Asker asker, const StoreAnswer& answer);
  void renew(std::string key);
  [[nodiscard]] std::string place_of(const std::string& account, const StoreRequest& request) const;
  void send(std::vector<std::string> words, Asker asker,
            std::function<void(StoreAnswer&)> use = {});

  // The node number
  void on_connected();
  void on_broken(std::string_view why);
  void lease_or_renew();
  void on_leased(const redisReply* reply, std::int64_t until_ms);
  void on_renewed(const redisReply* reply, std::int64_t until_ms);
  void tell_shards();

  RedisStoreOptions options_;
  Switchboard& switchboard_;
  std::uint32_t self_;
  std::string owner_;  // tells our leases from others'
  std::atomic<bool> stopping_{false};
  std::atomic<bool> connected_{false};
  std::thread thread_;

  std::deque<WaitingMail> waiting_;
  std::optional<NodeLease> lease_;
  bool lease_valid_ = false;  // the shards may give out ids
  std::uint64_t renew_at_ms_ = 0;
  bool outage_told_ = false;
  std::unique_ptr<RedisConnection> connection_;  // first to go: its callbacks use the rest
};

}  // namespace ringgate
