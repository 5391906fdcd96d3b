#include "services/store/redis/owed.h"

#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/clock.h"
#include "services/store/layout.h"
#include "services/store/redis/scripts.h"

namespace ringgate {

void RedisRemovals::remove_or_owe(const std::string& channel_id, const std::string& account,
                                  const std::string& app, const Done& then) {
  send(channel_id, {account, app}, [this, channel_id, account, app, then](bool done) {
    if (!done) owe(channel_id, account, app);
    then(done);
  });
}

void RedisRemovals::send(const std::string& channel_id, const Owed& what, const Done& done) {
  if (!what.account.empty()) return send_leave(channel_id, what, done);
  asker_.send(
      {{"GET", session_key(channel_id)}}, [this, channel_id, done](const redisReply* reply) {
        const StoreResult<RedisAsker::Value> found = asker_.value_of(reply);
        if (!found) return done(false);
        pkt::Session kept;
        const bool known = *found && kept.ParseFromString(**found) && has_names_for_keys(kept);
        if (!known) return done(true);  // it is gone, or nobody's
        send_leave(channel_id, {kept.account(), kept.app()}, done);
      });
}

// The session last: while it is there, it says whose location is to be looked at.
void RedisRemovals::send_leave(const std::string& channel_id, const Owed& what, const Done& done) {
  const auto on_left = [this, channel_id, what, done](const redisReply* reply) {
    if (!asker_.done_of(reply)) return done(false);
    asker_.send({{"DEL", session_key(channel_id)}},
                [this, channel_id, what, done](const redisReply* gone) {
                  const bool removed = asker_.done_of(gone).has_value();
                  if (removed) remember(channel_id, what.account, what.app);
                  done(removed);
                });
  };
  asker_.send(redis_eval(kLeaveScript, asker_.place_of(what.account, what.app),
                         {location_start(channel_id)}),
              on_left);
}

void RedisRemovals::owe(const std::string& channel_id, const std::string& account,
                        const std::string& app) {
  if (owed_.size() >= options_.max_owed && !owed_.contains(channel_id)) {
    counts_.owed_dropped.add(1);
    return;
  }
  owed_[channel_id] = {account, app, false};
  counts_.owed.set(owed_.size());
}

void RedisRemovals::forget(const std::string& channel_id) {
  owed_.erase(channel_id);
  counts_.owed.set(owed_.size());
}

void RedisRemovals::pay() {
  std::vector<std::pair<std::string, Owed>> now;
  for (auto& [channel, owed] : owed_) {
    if (owed.sent) continue;
    if (asker_.servers()->in_flight() + 2 * now.size() >= options_.max_in_flight) break;
    owed.sent = true;
    now.emplace_back(channel, owed);
  }
  for (const auto& [owed_channel, owed] : now) {
    send(owed_channel, owed, [this, channel = owed_channel](bool done) {
      const auto found = owed_.find(channel);
      if (found == owed_.end()) return;
      found->second.sent = false;
      if (done) forget(channel);
    });
  }
}

// --- Those that were made -----------------------------------------------------------------------

void RedisRemovals::remember(const std::string& channel_id, const std::string& account,
                             const std::string& app) {
  // What removed an older channel must not remove a newer one of its id.
  if (!calls_roll(channel_id)) return;
  const std::uint64_t now_ms = Clock::monotonic_ms();
  while (!made_.empty() && now_ms - made_.front().at_ms > options_.remember_ms) made_.pop_front();
  if (made_.size() >= options_.max_owed) {
    counts_.made_forgotten.add(1);
    made_.pop_front();
  }
  made_.push_back({channel_id, account, app, now_ms});
}

void RedisRemovals::owe_those_made() {
  const std::uint64_t now_ms = Clock::monotonic_ms();
  for (const Made& made : std::exchange(made_, {})) {
    if (now_ms - made.at_ms > options_.remember_ms) continue;
    owe(made.channel_id, made.account, made.app);
  }
}

}  // namespace ringgate
