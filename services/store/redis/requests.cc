// RedisSessions: what is asked of Redis for each call, in the layout of store/layout.h, and what is
// believed of its answers.
#include <hiredis/hiredis.h>

#include <utility>

#include "dataplane/clock.h"
#include "services/store/layout.h"
#include "services/store/redis/scripts.h"
#include "services/store/redis/sessions.h"

namespace ringgate {
void RedisSessions::take(StoreJob& job) {
  // What is removed is not forgotten: it waits where it has room of its own.
  const bool removes = job.call == SessionCalls::index_of<RemoveSession>();
  if (!removes && asker_.servers()->in_flight() >= options_.max_in_flight) {
    thread_.fail(job, StoreError::kFull);
    return;
  }
  SessionCalls::visit(job, [this](auto& typed) { ask(typed); });
}

// A sign-out is not lost because the thread came to it too late.
void RedisSessions::on_missed(StoreJob& job) {
  if (job.call != SessionCalls::index_of<RemoveSession>()) return;
  const auto& asked = static_cast<StoreJobOf<RemoveSession>&>(job).request;
  removals_.owe(asked.channel_id, asked.account, asked.app);
}

// A sign-in whose caller was told that it failed must not have happened.
void RedisSessions::undo(StoreJob& job) {
  if (job.call == SessionCalls::index_of<AddSession>()) {
    const pkt::Session& session = static_cast<StoreJobOf<AddSession>&>(job).request.session;
    removals_.remove_or_owe(session.channelid(), session.account(), session.app(), [](bool) {});
  }
  thread_.answer(job);
}

// --- Whose channel it is ------------------------------------------------------------------------

// Whose location is renewed with it, only the session says.
void RedisSessions::ask(StoreJobOf<GetSession>& job) {
  const std::string key = session_key(job.request.channel_id);
  asker_.send({{"GET", key}}, [this, &job, key](const redisReply* reply) {
    const StoreResult<RedisAsker::Value> found = asker_.value_of(reply);
    if (!found) return asker_.finish(job, std::unexpected(found.error()));
    if (!*found) return on_no_session(job);
    pkt::Session session;
    // What is not a Session cannot be anybody's.
    if (!session.ParseFromString(**found)) return asker_.finish(job, std::nullopt);
    asker_.renew(key);
    if (has_names_for_keys(session))
      asker_.renew(asker_.place_of(session.account(), session.app()));
    asker_.finish(job, std::move(session));
  });
}

// Its client logs in again, so it is looked first whether data were lost: then that of a gateway
// that calls the roll is about to be there again. A probe would see the loss a moment too late.
void RedisSessions::on_no_session(StoreJobOf<GetSession>& job) {
  const auto decide = [this, &job](const redisReply* reply) {
    if (reply == nullptr || rolls_.is_expected()) {
      return asker_.finish(job, std::unexpected(StoreError::kUnavailable));
    }
    asker_.finish(job, std::nullopt);
  };
  if (!calls_roll(job.request.channel_id)) return asker_.finish(job, std::nullopt);
  RedisNode* const node = asker_.servers()->node_of(session_key(job.request.channel_id));
  if (node == nullptr || rolls_.is_expected()) return decide(nullptr);
  rolls_.ask_same_data(*node, decide);
}

// --- Signing in ---------------------------------------------------------------------------------

// The session is kept first; then the location moves, in one step, and from then on it is true;
// then the session goes that was there before. Nothing but the session has happened before the
// account is on the new channel, and what remains of a sign-in that fails is removed.
void RedisSessions::ask(StoreJobOf<AddSession>& job) {
  const pkt::Session& session = job.request.session;
  removals_.forget(session.channelid());
  const std::uint64_t by_ms = asker_.deadline_ms();
  const RedisCommand put =
      redis_eval_by(by_ms, kPutScript, session_key(session.channelid()),
                    {session.SerializeAsString(), std::to_string(options_.session_ttl_s)});
  const bool sent = asker_.servers()->send(put, [this, &job, by_ms](const redisReply* reply) {
    const StoreResult<void> put_there = asker_.done_of(reply);
    if (put_there) return move_location(job, by_ms);
    const pkt::Session& failed = job.request.session;
    if (reply == nullptr) removals_.owe(failed.channelid(), failed.account(), failed.app());
    asker_.finish(job, std::unexpected(put_there.error()));
  });
  if (!sent) asker_.finish(job, std::unexpected(StoreError::kUnavailable));
}

void RedisSessions::move_location(StoreJobOf<AddSession>& job, std::uint64_t deadline_ms) {
  const pkt::Session& session = job.request.session;
  const RedisCommand move =
      redis_eval_by(deadline_ms, kMoveScript, asker_.place_of(session.account(), session.app()),
                    {encode_location(job.request.location()),
                     std::to_string(options_.session_ttl_s), location_start(session.channelid())});
  asker_.send(move, [this, &job](const redisReply* reply) {
    const StoreResult<RedisAsker::Value> before = asker_.value_of(reply);
    if (!before) {
      const pkt::Session& failed = job.request.session;
      removals_.owe(failed.channelid(), failed.account(), failed.app());
      return asker_.finish(job, std::unexpected(before.error()));
    }
    const auto older = *before ? decode_location(**before) : std::nullopt;
    if (!older) return asker_.finish(job, std::nullopt);
    end_older(job, *older);
  });
}

void RedisSessions::end_older(StoreJobOf<AddSession>& job, const Location& older) {
  asker_.send({{"DEL", session_key(older.channel_id)}},
              [this, &job, older](const redisReply* reply) {
                const pkt::Session& session = job.request.session;
                if (asker_.done_of(reply)) {
                  removals_.remember(older.channel_id, session.account(), session.app());
                } else {
                  removals_.owe(older.channel_id, session.account(), session.app());
                }
                asker_.finish(job, older);
              });
}

// --- Signing out --------------------------------------------------------------------------------

void RedisSessions::ask(StoreJobOf<RemoveSession>& job) {
  const RemoveSession& asked = job.request;
  removals_.remove_or_owe(asked.channel_id, asked.account, asked.app, [this, &job](bool done) {
    if (!done) return asker_.finish(job, std::unexpected(StoreError::kUnavailable));
    asker_.finish(job, {});
  });
}

}  // namespace ringgate
