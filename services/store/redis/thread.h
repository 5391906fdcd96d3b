// The thread that talks to Redis for the shards of a service: an extra endpoint of their
// switchboard. Requests come by mail; answers go back by mail to the shard that asked, and are
// never dropped.
//
// Writes a key of its own about every second, to know whether the store works (StoreHealth): only
// what it answers to that decides. What else fails is counted, and makes it look at once.
//
// Also holds this instance's lease of a node number for message ids, and tells the shards.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "codec/error.h"
#include "dataplane/mail.h"
#include "dataplane/mail_sender.h"
#include "dataplane/switchboard.h"
#include "services/store/health.h"
#include "services/store/message_ids.h"
#include "services/store/redis/connection.h"
#include "services/store/redis/store.h"

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
  [[nodiscard]] const StoreHealth& health() const noexcept { return health_; }
  // Memory of answers that wait for room in a shard's mailbox. Any thread.
  [[nodiscard]] std::uint64_t waiting_mail_bytes() const noexcept {
    return sender_.waiting_bytes();
  }
  [[nodiscard]] const UnknownMail& unknown_mail() const noexcept { return unknown_mail_; }

 private:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
  struct Asker {
    std::uint32_t shard;
    std::uint64_t id;
  };

  // The loop
  void run();
  void wait(bool sleep);
  void catch_up(std::uint64_t then_ms);
  void read_mail();

  // Requests
  void take(std::uint32_t from, ByteView mail);
  // What the answer to a command has to be; anything else is no answer.
  struct Expected {
    // A value or none; `count` of them; that it is done.
    enum class Kind : std::uint8_t { kValue, kValues, kDone } kind = Kind::kValue;
    std::size_t count = 0;  // of kValues
  };
  void ask(const StoreRequest& request, Asker asker);
  [[nodiscard]] StoreAnswer answer_of(const redisReply* reply, const Expected& expected);
  void answer(Asker asker, const StoreAnswer& answer);
  void renew(std::string key);
  [[nodiscard]] std::string place_of(const std::string& account, const StoreRequest& request) const;
  void send(std::vector<std::string> words, Asker asker, Expected expected,
            std::function<void(StoreAnswer&)> use = {});

  // probe.cc: whether it works
  void on_connected();
  void on_broken(StoreTrouble trouble, std::string_view why);
  void probe();
  void on_probed(const redisReply* reply, const std::string& wrote);
  void probe_soon();
  void refused(StoreTrouble trouble, std::string_view why);

  // lease.cc: the node number
  void lease_or_renew();
  void on_leased(const redisReply* reply, std::int64_t until_ms);
  void on_renewed(const redisReply* reply, std::int64_t until_ms);
  void tell_shards();

  RedisStoreOptions options_;
  Switchboard& switchboard_;
  std::uint32_t self_;
  MailSender sender_;
  UnknownMail unknown_mail_;
  std::string owner_;  // tells our leases from others'
  std::atomic<bool> stopping_{false};
  StoreHealth health_;
  std::thread thread_;

  std::optional<NodeLease> lease_;
  bool lease_valid_ = false;             // the shards may give out ids
  std::uint64_t renew_at_ms_ = kNever;   // the first good probe is followed by the lease
  std::optional<std::string> no_lease_;  // why not
  std::uint64_t probe_at_ms_ = 0;
  std::uint64_t probed_ms_ = 0;  // the last one was sent
  std::uint64_t probes_ = 0;
  bool hangs_ = false;  // it did not answer in time, and has said nothing since
  std::unique_ptr<RedisConnection> connection_;  // first to go: its callbacks use the rest
};

}  // namespace ringgate
