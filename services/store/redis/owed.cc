// RedisStoreThread: removals. One that cannot be made at the moment is owed, and made when the
// store works again; so is that of a sign-in whose outcome is not known. Each is safe at any time:
// it touches nothing but what is still its channel's.
#include <hiredis/hiredis.h>

#include <utility>

#include "codec/names.h"
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
                                    std::function<void(bool done)> done) {
  if (!what.account.empty()) {
    const std::vector<std::string> words = {
        "EVAL",
        kSignOutScript,
        "2",
        session_key(channel_id),
        location_key(what.account, what.app, options_.default_app),
        location_start(channel_id)};
    const auto on_reply = [this, done](const redisReply* reply) {
      done(!answer_of(reply, {Expected::Kind::kDone}).error);
    };
    if (!connection_->send(words, on_reply)) done(false);
    return;
  }
  const std::vector<std::string> words = {"GET", session_key(channel_id)};
  const auto on_reply = [this, channel_id, done](const redisReply* reply) {
    const StoreAnswer found = answer_of(reply, {});
    if (found.error) return done(false);
    pkt::Session session;
    const bool known = found.values[0] && session.ParseFromString(*found.values[0]) &&
                       is_valid_account(session.account()) &&
                       (session.app().empty() || is_valid_app(session.app()));
    if (!known) return done(true);  // it is gone, or nobody's
    send_removal(channel_id, {session.account(), session.app()}, done);
  };
  if (!connection_->send(words, on_reply)) done(false);
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
  for (auto& [owed_channel, owed] : owed_) {
    if (owed.sent) continue;
    if (connection_->in_flight() >= options_.max_in_flight) return;
    owed.sent = true;
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
