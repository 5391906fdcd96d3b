// What is done in Redis for the calls of shards (services/store/sessions.h): a backend of the
// store's thread.
//
// Writes a key of its own about every second, to know whether the store works (StoreHealth): only
// what it answers to that decides. What else fails is counted, and makes it look at once.
//
// What is answered with an error does not happen later: a write whose time is over when the server
// comes to it is refused by its script, by the server's clock. One whose outcome stays unknown is
// undone (owed.h), and gateways are asked to say again which channels are there (the epoch of a
// roll call, roll_call.h).
//
// Here are the thread's turns, sign-ins, and whether the store works (probe.cc); the rest is parts
// with state of their own: asker.h, lease.h, owed.h, roll_call.h, locate.h.
#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "services/store/calls/thread.h"
#include "services/store/redis/counts.h"
#include "services/store/redis/lease.h"
#include "services/store/redis/locate.h"
#include "services/store/redis/net/files.h"
#include "services/store/redis/options.h"
#include "services/store/redis/owed.h"
#include "services/store/redis/roll_call.h"
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

  // sessions.cc: the thread's turns
  void dial();
  void poll_servers(int wait_ms);
  void catch_up(std::uint64_t then_ms);
  void wake_in_time();

  // requests.cc: what is asked of Redis for each call
  void ask(StoreJobOf<GetSession>& job);
  void on_no_session(StoreJobOf<GetSession>& job);
  void ask(StoreJobOf<AddSession>& job);
  void move_location(StoreJobOf<AddSession>& job, std::uint64_t deadline_ms);
  void end_older(StoreJobOf<AddSession>& job, const Location& older);
  void ask(StoreJobOf<RemoveSession>& job);
  void ask(StoreJobOf<LocateAccount>& job) { locator_.ask(job); }
  void ask(StoreJobOf<LocateAccounts>& job) { locator_.ask(job); }
  void ask(StoreJobOf<CallRoll>& job) { rolls_.call(job); }

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
  void refused(RedisNode& node, StoreTrouble trouble, std::string_view why);
  [[nodiscard]] std::string what_of(const RedisNode& node, std::string_view why) const;

  StoreThread& thread_;
  RedisStoreOptions options_;
  RedisCounts& counts_;
  StoreHealth& health_;
  const std::string owner_;  // tells our keys from others'
  std::uint64_t probes_ = 0;

  RedisFiles watched_;
  std::vector<pollfd> files_;  // that are being polled
  std::uint64_t turned_ms_ = 0;
  std::uint64_t wake_at_ms_ = kNever;
  ControlLoop::TimerId wake_ = 0;
  std::unique_ptr<RedisNames> names_;

  // The servers go before all of these: what they tell at their end uses them.
  RedisAsker asker_{thread_, options_};
  RedisNodeLease lease_{thread_, options_, asker_, owner_};
  RedisRemovals removals_{options_, asker_, counts_};
  RedisRolls rolls_{options_, asker_, removals_, counts_, owner_};
  RedisLocator locator_{asker_, rolls_};
};

}  // namespace ringgate
