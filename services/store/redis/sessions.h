// What is done in Redis for the calls of shards (services/store/sessions.h): a backend of the
// store's thread.
//
// Writes a key of its own about every second, to know whether the store works (StoreHealth): only
// what it answers to that decides. What else fails is counted, and makes it look at once.
//
// What is answered with an error does not happen later: a write whose time is over when the server
// comes to it is refused by its script, by the server's clock. One whose outcome stays unknown is
// undone (owed.cc), and gateways are asked to say again which channels are there (the epoch of a
// roll call, roll_call.cc).
//
// Also holds this instance's lease of a node number for message ids, and tells the shards. It is
// given back at the end, which comes after that of the shards.
#pragma once

#include <poll.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "services/store/calls/thread.h"
#include "services/store/message_ids.h"
#include "services/store/redis/counts.h"
#include "services/store/redis/net/files.h"
#include "services/store/redis/options.h"
#include "services/store/redis/servers/topology.h"
#include "services/store/sessions.h"

namespace ringgate {

class RedisSessions final : public StoreBackend {
 public:
  RedisSessions(StoreThread& thread, const RedisStoreOptions& options, RedisCounts& counts);
  ~RedisSessions() override;

  void take(StoreJob& job) override;
  void on_missed(StoreJob& job) override;
  void undo(StoreJob& job) override;
  void on_turn_end() override;

  // From now on that store, if it is another one than it was, or other means to be let in.
  void use(const RedisTarget& target, const std::shared_ptr<const RedisTlsContext>& tls);

 private:
  static constexpr std::uint64_t kNever = RedisConnection::kNever;
  using Value = std::optional<std::string>;  // of a key; nothing: there is none

  // sessions.cc: the thread's turns
  void dial();
  void poll_servers(int wait_ms);
  void catch_up(std::uint64_t then_ms);
  void wake_in_time();

  // requests.cc: a command, and what its answer has to be; anything else is no answer
  void send(const RedisCommand& command, const RedisConnection::OnReply& on_reply);
  [[nodiscard]] StoreResult<void> done_of(const redisReply* reply);
  [[nodiscard]] StoreResult<Value> value_of(const redisReply* reply);
  [[nodiscard]] StoreResult<std::vector<Value>> values_of(const redisReply* reply,
                                                          std::size_t count);
  [[nodiscard]] std::unexpected<StoreError> no_answer(const redisReply* reply);
  template <class Request>
  void finish(StoreJobOf<Request>& job, StoreResult<typename Request::Answer> answer) {
    job.answer = std::move(answer);
    thread_.answer(job);
  }
  void renew(const std::string& key);
  [[nodiscard]] std::string place_of(std::string_view account, std::string_view app) const;
  // The last ms of CLOCK_MONOTONIC at which what is asked now may happen.
  [[nodiscard]] std::uint64_t deadline_ms() const;
  void ask(StoreJobOf<GetSession>& job);
  void on_no_session(StoreJobOf<GetSession>& job);
  void ask(StoreJobOf<AddSession>& job);
  void move_location(StoreJobOf<AddSession>& job, std::uint64_t deadline_ms);
  void end_older(StoreJobOf<AddSession>& job, const Location& older);

  // locate.cc: where accounts are
  struct Found;
  void ask(StoreJobOf<LocateAccount>& job);
  void ask(StoreJobOf<LocateAccounts>& job);
  void find(const std::vector<std::string>& places,
            std::function<void(std::vector<StoreResult<std::optional<Location>>>)> use);
  void get_many(const std::vector<std::string>& keys,
                std::function<void(std::vector<StoreResult<Value>>)> use);
  [[nodiscard]] StoreResult<std::optional<Location>> nobody() const;
  void check_boots(const std::shared_ptr<Found>& found);
  void note_boot(const std::string& boot, const StoreResult<Value>& value);

  // roll_call.cc: which channels are there, and whose gateway is alive
  struct Roll;
  struct Present;
  void ask(StoreJobOf<CallRoll>& job);
  void say_present(const std::shared_ptr<Present>& present);
  void look_at_other(const std::shared_ptr<Present>& present, const std::string& at);
  void end_older(const std::shared_ptr<Present>& present);
  void keep_session(const std::shared_ptr<Present>& present);
  void lose(const Present& present);
  [[nodiscard]] bool is_only_away(const std::string& key) const;
  void end_roll_part(Roll& roll, bool good);
  void ask_same_data(RedisNode& node, const RedisConnection::OnReply& then);
  void on_same_data(const std::string& key, const redisReply* reply);
  void on_data_lost();
  void expect_roll_for(std::uint64_t ms);
  [[nodiscard]] bool is_roll_expected() const;

  // owed.cc: removals that are made when the store can
  struct Owed {
    std::string account;  // empty: the session says whose it is
    std::string app;
    bool sent = false;
  };
  using Done = std::function<void(bool done)>;  // it was made, or there was nothing to remove
  void ask(StoreJobOf<RemoveSession>& job);
  void send_removal(const std::string& channel_id, const Owed& what, const Done& done);
  void remove_or_owe(const std::string& channel_id, const Owed& what, const Done& then);
  void owe(const std::string& channel_id, const std::string& account, const std::string& app);
  void forget_owed(const std::string& channel_id);
  void pay_owed();
  // What a failover may lose, and bring back who has gone.
  struct Made {
    std::string channel_id;
    std::string account;
    std::string app;
    std::uint64_t at_ms;
  };
  void remember_made(const std::string& channel_id, const std::string& account,
                     const std::string& app);
  void owe_made();

  // probe.cc: whether it works
  void on_connected();
  void on_broken(const RedisNode& node, StoreTrouble trouble, std::string_view why);
  void probe_all(std::uint64_t now_ms);
  void probe(RedisNode& node);
  void probe_kind(RedisNode& node, std::size_t kind, const std::string& value);
  void probe_data(RedisNode& node);
  [[nodiscard]] bool is_probed(RedisNode& node, const redisReply& reply, std::string_view prefix,
                               std::string_view wrote);
  [[nodiscard]] bool is_refused(RedisNode& node, const redisReply& reply, std::string_view prefix);
  void on_well(RedisNode& node);
  void probe_soon();
  void refused(RedisNode& node, StoreTrouble trouble, std::string_view why);
  [[nodiscard]] std::string what_of(const RedisNode& node, std::string_view why) const;
  void next_epoch();

  // lease.cc: the node number
  [[nodiscard]] bool wants_lease(bool are_well) const;
  void lease_or_renew();
  struct Leasing;
  void lease_step(const RedisCommand& command, std::function<void(long long number)> use);
  void lease_failed();
  [[nodiscard]] bool reaches_keys_of(std::uint32_t node) const;
  void skip_unreached(Leasing& leasing) const;
  void lease_node(const std::shared_ptr<Leasing>& leasing);
  void look_at_end(const std::shared_ptr<Leasing>& leasing);
  void set_end(const std::shared_ptr<Leasing>& leasing);
  void renew_lease(const NodeLease& lease);
  void lose_lease();
  void give_back_node();
  void tell_shards();

  StoreThread& thread_;
  RedisStoreOptions options_;
  RedisCounts& counts_;
  StoreHealth& health_;
  const std::string owner_;  // tells our leases from others'

  std::optional<NodeLease> lease_;
  bool lease_valid_ = false;             // the shards may give out ids
  std::uint64_t renew_at_ms_ = kNever;   // the first good probe is followed by the lease
  std::optional<std::string> no_lease_;  // why not
  std::uint64_t probes_ = 0;

  std::uint64_t epoch_ = 0;                   // of roll calls: what was said may be forgotten
  std::uint64_t roll_expected_until_ms_ = 0;  // after a loss of data
  std::uint64_t loss_told_until_ms_ = 0;
  bool is_older_there_ = false;  // a channel whose account a newer one has got: it is to be said
  std::unordered_map<std::string, std::string> same_data_;  // by key: what its server said last
  std::unordered_map<std::string, std::uint64_t> alive_until_ms_;  // by boot key
  std::unordered_map<std::string, Owed> owed_;                     // by channel
  std::deque<Made> made_;                                          // removals, oldest first

  RedisFiles watched_;
  std::vector<pollfd> files_;  // that are being polled
  std::uint64_t turned_ms_ = 0;
  std::uint64_t wake_at_ms_ = kNever;
  ControlLoop::TimerId wake_ = 0;
  std::unique_ptr<RedisNames> names_;
  std::unique_ptr<RedisServers> servers_;  // first to go: its callbacks use the rest
};

}  // namespace ringgate
