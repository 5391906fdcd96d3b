// The thread that talks to Redis for the shards of a service: an extra endpoint of their
// switchboard. Requests come by mail; answers go back by mail to the shard that asked, and are
// never dropped.
//
// Writes a key of its own about every second, to know whether the store works (StoreHealth): only
// what it answers to that decides. What else fails is counted, and makes it look at once.
//
// What is answered with an error does not happen later: a write whose time is over when the server
// comes to it is refused by its script, by the server's clock. One whose outcome stays unknown is
// undone (owed.cc), and gateways are asked to say again which channels are there (the epoch of a
// roll call, roll_call.cc).
//
// Also holds this instance's lease of a node number for message ids, and tells the shards.
#pragma once

#include <poll.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "codec/error.h"
#include "control/base/mutex.h"
#include "dataplane/mail.h"
#include "dataplane/mail_sender.h"
#include "dataplane/switchboard.h"
#include "services/store/health.h"
#include "services/store/message_ids.h"
#include "services/store/redis/store.h"
#include "services/store/redis/topology.h"
#include "services/store/redis/traffic.h"

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
  // From now on that store, if it is another one than it was, or other means to be let in. Any
  // thread.
  void use(RedisTarget target, std::shared_ptr<const RedisTlsContext> tls);
  // Any thread.
  [[nodiscard]] const RedisTraffic& traffic() const noexcept { return traffic_; }
  [[nodiscard]] const StoreHealth& health() const noexcept { return health_; }
  // Memory of answers that wait for room in a shard's mailbox. Any thread.
  [[nodiscard]] std::uint64_t waiting_mail_bytes() const noexcept {
    return sender_.waiting_bytes();
  }
  // Removals that wait for the store, and those for which there was no place. Any thread.
  [[nodiscard]] std::uint64_t owed() const noexcept { return owed_now_.load(); }
  [[nodiscard]] std::uint64_t owed_dropped() const noexcept { return owed_dropped_.load(); }
  // Times that gateways were asked to call the roll again. Any thread.
  [[nodiscard]] std::uint64_t roll_calls_asked() const noexcept { return epochs_.load(); }
  [[nodiscard]] const UnknownMail& unknown_mail() const noexcept { return unknown_mail_; }

 private:
  static constexpr std::uint64_t kNever = RedisConnection::kNever;
  struct Wanted {
    RedisTarget target;
    std::shared_ptr<const RedisTlsContext> tls;
  };
  struct Asker {
    std::uint32_t shard;
    std::uint64_t id;
  };

  // The loop
  void run();
  void dial();
  void take_wanted();
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
  void get(const StoreRequest& request, Asker asker);
  struct SignIn;
  void add(const StoreRequest& request, Asker asker);
  void move_location(const std::shared_ptr<SignIn>& sign_in);
  void end_older(const std::shared_ptr<SignIn>& sign_in, const StoreAnswer& before);
  void locate(const StoreRequest& request, Asker asker);
  [[nodiscard]] StoreAnswer answer_of(const redisReply* reply, const Expected& expected);
  void answer(Asker asker, const StoreAnswer& answer);
  // Where the command cannot be sent, `on_reply` is told at once that there is no answer.
  void send(const RedisCommand& command, const RedisConnection::OnReply& on_reply);
  void renew(std::string key);
  [[nodiscard]] std::string place_of(std::string_view account, std::string_view app) const;
  // The last ms of CLOCK_MONOTONIC at which what is asked now may happen.
  [[nodiscard]] std::uint64_t deadline_ms() const;

  // roll_call.cc: which channels are there, and whose gateway is alive
  struct Roll;
  struct Found;
  void call_roll(const StoreRequest& request, Asker asker);
  struct Present;
  void say_present(const std::shared_ptr<Present>& present);
  void keep_session(const std::shared_ptr<Present>& present);
  void lose(const Present& present);
  void end_roll_part(Roll& roll, bool good);
  void get_many(const std::vector<std::string>& keys, std::function<void(StoreAnswer)> use);
  void check_boots(const std::shared_ptr<Found>& found);
  void note_boots(const std::vector<std::string>& keys, const StoreAnswer& boots);
  void answer_found(Found& found);
  void ask_same_data(RedisNode& node);
  void on_same_data(const std::string& key, const redisReply* reply);

  // owed.cc: removals that are made when the store can
  struct Owed {
    std::string account;  // empty: the session says whose it is
    std::string app;
    bool sent = false;
  };
  using Owes = std::unordered_map<std::string, Owed>;
  void remove(const StoreRequest& request, Asker asker);
  // `done`: whether it was made, or there was nothing to remove.
  void send_removal(const std::string& channel_id, const Owed& what,
                    const std::function<void(bool done)>& done);
  void owe(const std::string& channel_id, const std::string& account, const std::string& app);
  void pay_owed();

  // probe.cc: whether it works
  void on_connected();
  void on_broken(const RedisNode& node, StoreTrouble trouble, std::string_view why);
  void probe_all(std::uint64_t now_ms);
  void probe(RedisNode& node);
  void probe_key(RedisNode& node, std::string_view prefix, const std::string& value,
                 std::function<void()> then);
  [[nodiscard]] bool is_probed(RedisNode& node, const redisReply& reply, std::string_view wrote);
  void on_well(RedisNode& node);
  void probe_soon();
  void refused(RedisNode& node, StoreTrouble trouble, std::string_view why);
  [[nodiscard]] std::string what_of(const RedisNode& node, std::string_view why) const;
  void next_epoch();

  // lease.cc: the node number
  void lease_or_renew();
  struct Leasing;
  void lease_step(const RedisCommand& command, std::function<void(long long number)> use);
  void lease_failed();
  void lease_node(const std::shared_ptr<Leasing>& leasing);
  void look_at_end(const std::shared_ptr<Leasing>& leasing);
  void set_end(const std::shared_ptr<Leasing>& leasing);
  void renew_lease(const NodeLease& lease);
  void lose_lease();
  void tell_shards();

  RedisStoreOptions options_;
  Switchboard& switchboard_;
  std::uint32_t self_;
  MailSender sender_;
  UnknownMail unknown_mail_;
  std::string owner_;  // tells our leases from others'
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> owed_now_{0};
  std::atomic<std::uint64_t> owed_dropped_{0};
  std::atomic<std::uint64_t> epochs_{0};
  StoreHealth health_;
  RedisTraffic traffic_;
  std::thread thread_;

  std::optional<NodeLease> lease_;
  bool lease_valid_ = false;             // the shards may give out ids
  std::uint64_t renew_at_ms_ = kNever;   // the first good probe is followed by the lease
  std::optional<std::string> no_lease_;  // why not
  std::uint64_t probes_ = 0;

  std::uint64_t epoch_ = 0;  // of roll calls: what was said may be forgotten
  std::unordered_map<std::string, std::string> same_data_;  // by key: what its server said last
  std::unordered_map<std::string, std::uint64_t> alive_until_ms_;  // by boot key
  Owes owed_;                                                      // by channel

  Mutex wanted_mutex_;
  std::optional<Wanted> wanted_ ABSL_GUARDED_BY(wanted_mutex_);
  std::vector<pollfd> files_;  // that are being polled
  std::unique_ptr<RedisNames> names_;
  std::unique_ptr<RedisServers> servers_;  // first to go: its callbacks use the rest
};

}  // namespace ringgate
