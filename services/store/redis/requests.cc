// RedisSessions: what is asked of Redis for each call, in the layout of store/layout.h, and what is
// believed of its answers.
#include <hiredis/hiredis.h>

#include <utility>

#include "dataplane/clock.h"
#include "services/store/layout.h"
#include "services/store/redis/scripts.h"
#include "services/store/redis/sessions.h"

namespace ringgate {
namespace {

// False: of a type that is neither a value nor none.
bool take_value(const redisReply& reply, std::optional<std::string>& value) {
  if (reply.type == REDIS_REPLY_STRING) {
    value.emplace(reply.str, reply.len);
    return true;
  }
  return reply.type == REDIS_REPLY_NIL;
}

}  // namespace

void RedisSessions::take(StoreJob& job) {
  // What is removed is not forgotten: it waits where it has room of its own.
  const bool removes = job.call == SessionCalls::index_of<RemoveSession>();
  if (!removes && servers_->in_flight() >= options_.max_in_flight) {
    thread_.fail(job, StoreError::kFull);
    return;
  }
  SessionCalls::visit(job, [this](auto& typed) { ask(typed); });
}

std::uint64_t RedisSessions::deadline_ms() const {
  return Clock::monotonic_ms() + options_.timeout_ms;
}

std::string RedisSessions::place_of(std::string_view account, std::string_view app) const {
  return location_key(account, app, options_.default_app);
}

// --- Commands and answers -----------------------------------------------------------------------

// Where it cannot be sent, `on_reply` is told at once that there is no answer; so it is where the
// servers are going away.
void RedisSessions::send(const RedisCommand& command, const RedisConnection::OnReply& on_reply) {
  if (servers_ == nullptr || !servers_->send(command, on_reply)) on_reply(nullptr);
}

// Nothing is believed of an answer's type: what is at that address need not be a Redis.
std::unexpected<StoreError> RedisSessions::no_answer(const redisReply* reply) {
  if (reply != nullptr) {
    health_.count(reply->type == REDIS_REPLY_ERROR ? trouble_of({reply->str, reply->len})
                                                   : StoreTrouble::kAnswer);
    probe_soon();
  }
  return std::unexpected(StoreError::kUnavailable);
}

StoreResult<void> RedisSessions::done_of(const redisReply* reply) {
  if (reply == nullptr || reply->type != REDIS_REPLY_INTEGER) return no_answer(reply);
  return {};
}

StoreResult<RedisSessions::Value> RedisSessions::value_of(const redisReply* reply) {
  Value value;
  if (reply == nullptr || !take_value(*reply, value)) return no_answer(reply);
  return value;
}

StoreResult<std::vector<RedisSessions::Value>> RedisSessions::values_of(const redisReply* reply,
                                                                        std::size_t count) {
  std::vector<Value> values(count);
  bool good = reply != nullptr && reply->type == REDIS_REPLY_ARRAY && reply->elements == count;
  for (std::size_t i = 0; good && i < count; ++i) {
    good = take_value(*reply->element[i], values[i]);
  }
  if (!good) return no_answer(reply);
  return values;
}

// A key that is in use lives on. Its answer is nobody's concern.
void RedisSessions::renew(const std::string& key) {
  send({{"EXPIRE", key, std::to_string(options_.session_ttl_s)}}, [](const redisReply*) {});
}

// --- Whose channel it is ------------------------------------------------------------------------

// Whose location is renewed with it, only the session says.
void RedisSessions::ask(StoreJobOf<GetSession>& job) {
  const std::string key = session_key(job.request.channel_id);
  send({{"GET", key}}, [this, &job, key](const redisReply* reply) {
    const StoreResult<Value> found = value_of(reply);
    if (!found) return finish(job, std::unexpected(found.error()));
    if (!*found) return on_no_session(job);
    pkt::Session session;
    // What is not a Session cannot be anybody's.
    if (!session.ParseFromString(**found)) return finish(job, std::nullopt);
    renew(key);
    if (has_names_for_keys(session)) renew(place_of(session.account(), session.app()));
    finish(job, std::move(session));
  });
}

// Its client logs in again, so it is looked first whether data were lost: then that of a gateway
// that calls the roll is about to be there again. A probe would see the loss a moment too late.
void RedisSessions::on_no_session(StoreJobOf<GetSession>& job) {
  const auto decide = [this, &job](const redisReply* reply) {
    if (reply == nullptr || is_roll_expected()) {
      return finish(job, std::unexpected(StoreError::kUnavailable));
    }
    finish(job, std::nullopt);
  };
  if (!calls_roll(job.request.channel_id)) return finish(job, std::nullopt);
  RedisNode* const node = servers_->node_of(session_key(job.request.channel_id));
  if (node == nullptr || is_roll_expected()) return decide(nullptr);
  ask_same_data(*node, decide);
}

// --- Signing in ---------------------------------------------------------------------------------

// The session is kept first; then the location moves, in one step, and from then on it is true;
// then the session goes that was there before. Nothing but the session has happened before the
// account is on the new channel, and what remains of a sign-in that fails is removed.
void RedisSessions::ask(StoreJobOf<AddSession>& job) {
  const pkt::Session& session = job.request.session;
  forget_owed(session.channelid());
  const std::uint64_t by_ms = deadline_ms();
  const RedisCommand put =
      redis_eval_by(by_ms, kPutScript, session_key(session.channelid()),
                    {session.SerializeAsString(), std::to_string(options_.session_ttl_s)});
  const bool sent = servers_->send(put, [this, &job, by_ms](const redisReply* reply) {
    const StoreResult<void> put_there = done_of(reply);
    if (put_there) return move_location(job, by_ms);
    const pkt::Session& failed = job.request.session;
    if (reply == nullptr) owe(failed.channelid(), failed.account(), failed.app());
    finish(job, std::unexpected(put_there.error()));
  });
  if (!sent) finish(job, std::unexpected(StoreError::kUnavailable));
}

void RedisSessions::move_location(StoreJobOf<AddSession>& job, std::uint64_t deadline_ms) {
  const pkt::Session& session = job.request.session;
  const RedisCommand move =
      redis_eval_by(deadline_ms, kMoveScript, place_of(session.account(), session.app()),
                    {encode_location(job.request.location()),
                     std::to_string(options_.session_ttl_s), location_start(session.channelid())});
  send(move, [this, &job](const redisReply* reply) {
    const StoreResult<Value> before = value_of(reply);
    if (!before) {
      const pkt::Session& failed = job.request.session;
      owe(failed.channelid(), failed.account(), failed.app());
      return finish(job, std::unexpected(before.error()));
    }
    const auto older = *before ? decode_location(**before) : std::nullopt;
    if (!older) return finish(job, std::nullopt);
    end_older(job, *older);
  });
}

void RedisSessions::end_older(StoreJobOf<AddSession>& job, const Location& older) {
  send({{"DEL", session_key(older.channel_id)}}, [this, &job, older](const redisReply* reply) {
    const pkt::Session& session = job.request.session;
    if (done_of(reply)) {
      remember_made(older.channel_id, session.account(), session.app());
    } else {
      owe(older.channel_id, session.account(), session.app());
    }
    finish(job, older);
  });
}

}  // namespace ringgate
