// RedisSessions: removals. One that cannot be made at the moment is owed, and made when the store
// works again; so is that of a sign-in whose outcome is not known. One that was made is made again
// on a store that may not know of it. Each is safe at any time: it touches nothing but what is
// still its channel's.
#include <string_view>
#include <utility>

#include "dataplane/clock.h"
#include "services/store/layout.h"
#include "services/store/redis/scripts.h"
#include "services/store/redis/sessions.h"

namespace ringgate {

void RedisSessions::ask(StoreJobOf<RemoveSession>& job) {
  const RemoveSession& asked = job.request;
  remove_or_owe(asked.channel_id, {asked.account, asked.app}, [this, &job](bool done) {
    if (!done) return finish(job, std::unexpected(StoreError::kUnavailable));
    finish(job, {});
  });
}

// A sign-out is not lost because the thread came to it too late.
void RedisSessions::on_missed(StoreJob& job) {
  if (job.call != SessionCalls::index_of<RemoveSession>()) return;
  const auto& asked = static_cast<StoreJobOf<RemoveSession>&>(job).request;
  owe(asked.channel_id, asked.account, asked.app);
}

// A sign-in whose caller was told that it failed must not have happened.
void RedisSessions::undo(StoreJob& job) {
  if (job.call == SessionCalls::index_of<AddSession>()) {
    const pkt::Session& session = static_cast<StoreJobOf<AddSession>&>(job).request.session;
    remove_or_owe(session.channelid(), {session.account(), session.app()}, [](bool) {});
  }
  thread_.answer(job);
}

void RedisSessions::remove_or_owe(const std::string& channel_id, const Owed& what,
                                  const Done& then) {
  send_removal(channel_id, what, [this, channel_id, what, then](bool done) {
    if (!done) owe(channel_id, what.account, what.app);
    then(done);
  });
}

void RedisSessions::send_removal(const std::string& channel_id, const Owed& what,
                                 const Done& done) {
  const std::string session = session_key(channel_id);
  if (!what.account.empty()) {
    const std::string place = place_of(what.account, what.app);
    // The session last: while it is there, it says whose location is to be looked at.
    const auto on_left = [this, channel_id, what, session, done](const redisReply* reply) {
      if (!done_of(reply)) return done(false);
      send({{"DEL", session}}, [this, channel_id, what, done](const redisReply* gone) {
        const bool removed = done_of(gone).has_value();
        if (removed) remember_made(channel_id, what.account, what.app);
        done(removed);
      });
    };
    send(redis_eval(kLeaveScript, place, {location_start(channel_id)}), on_left);
    return;
  }
  send({{"GET", session}}, [this, channel_id, done](const redisReply* reply) {
    const StoreResult<Value> found = value_of(reply);
    if (!found) return done(false);
    pkt::Session kept;
    const bool known = *found && kept.ParseFromString(**found) && has_names_for_keys(kept);
    if (!known) return done(true);  // it is gone, or nobody's
    send_removal(channel_id, {kept.account(), kept.app()}, done);
  });
}

void RedisSessions::owe(const std::string& channel_id, const std::string& account,
                        const std::string& app) {
  if (owed_.size() >= options_.max_owed && !owed_.contains(channel_id)) {
    counts_.owed_dropped.add(1);
    return;
  }
  owed_[channel_id] = {account, app, false};
  counts_.owed.set(owed_.size());
}

// It signs in again.
void RedisSessions::forget_owed(const std::string& channel_id) {
  owed_.erase(channel_id);
  counts_.owed.set(owed_.size());
}

// The store works. As many at once as a second's probe leaves room for.
void RedisSessions::pay_owed() {
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
      if (done) forget_owed(channel);
    });
  }
}

// --- Those that were made -----------------------------------------------------------------------

void RedisSessions::remember_made(const std::string& channel_id, const std::string& account,
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

// Another server answers, or this one has lost something: it may be as it was before them.
void RedisSessions::owe_made() {
  const std::uint64_t now_ms = Clock::monotonic_ms();
  for (const Made& made : std::exchange(made_, {})) {
    if (now_ms - made.at_ms > options_.remember_ms) continue;
    owe(made.channel_id, made.account, made.app);
  }
}

}  // namespace ringgate
