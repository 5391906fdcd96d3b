// RedisStoreThread: removals. One that cannot be made at the moment is owed, and made when the
// store works again; so is that of a sign-in whose outcome is not known. Each is safe at any time:
// it touches nothing but what is still its channel's.
#include <hiredis/hiredis.h>

#include <utility>

#include "services/store/layout.h"
#include "services/store/redis/scripts.h"
#include "services/store/redis/thread.h"

namespace ringgate {

void RedisStoreThread::remove(const StoreRequest& request, Asker asker) {
  const std::string& channel = request.location.channel_id;
  const Owed what{request.accounts.empty() ? std::string() : request.accounts.front(), request.app};
  send_removal(channel, what, [this, asker, channel, what](bool done) {
    if (!done) owe(channel, what.account, what.app);
    answer(asker, done ? StoreAnswer{} : StoreAnswer{StoreError::kUnavailable, {}});
  });
}

void RedisStoreThread::send_removal(const std::string& channel_id, const Owed& what,
                                    const std::function<void(bool done)>& done) {
  const std::string session = session_key(channel_id);
  if (!what.account.empty()) {
    const std::string place = place_of(what.account, what.app);
    // The session last: while it is there, it says whose location is to be looked at.
    const auto on_left = [this, session, done](const redisReply* reply) {
      if (answer_of(reply, {Expected::Kind::kDone}).error) return done(false);
      const auto on_gone = [this, done](const redisReply* gone) {
        done(!answer_of(gone, {Expected::Kind::kDone}).error);
      };
      send({{"DEL", session}}, on_gone);
    };
    const RedisCommand leave = redis_eval(kLeaveScript, place, {location_start(channel_id)});
    send(leave, on_left);
    return;
  }
  const auto on_reply = [this, channel_id, done](const redisReply* reply) {
    const StoreAnswer found = answer_of(reply, {});
    if (found.error) return done(false);
    pkt::Session kept;
    const bool known =
        found.values[0] && kept.ParseFromString(*found.values[0]) && has_names_for_keys(kept);
    if (!known) return done(true);  // it is gone, or nobody's
    send_removal(channel_id, {kept.account(), kept.app()}, done);
  };
  send({{"GET", session}}, on_reply);
}

void RedisStoreThread::owe(const std::string& channel_id, const std::string& account,
                           const std::string& app) {
  if (owed_.size() >= options_.max_owed && !owed_.contains(channel_id)) {
    owed_dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  owed_[channel_id] = {account, app, false};
  owed_now_ = owed_.size();
}

// The store works. As many at once as a second's probe leaves room for.
void RedisStoreThread::pay_owed() {
  std::vector<std::pair<std::string, Owed>> now;
  for (auto& [channel, owed] : owed_) {
    if (owed.sent) continue;
    if (servers_->in_flight() + 2 * now.size() >= options_.max_in_flight) break;
    owed.sent = true;
    now.emplace_back(channel, owed);
  }
  for (const auto& [owed_channel, owed] : now) {
    send_removal(owed_channel, owed, [this, channel = owed_channel](bool done) {
      const auto found = owed_.find(channel);
      if (found == owed_.end()) return;
      found->second.sent = false;
      if (done) owed_.erase(found);
      owed_now_ = owed_.size();
    });
  }
}

}  // namespace ringgate
