// RedisStoreThread: what is asked of Redis for each request, in the layout of store/layout.h.
#include <hiredis/hiredis.h>

#include <memory>
#include <utility>

#include "dataplane/clock.h"
#include "services/store/layout.h"
#include "services/store/mail.h"
#include "services/store/mail_kinds.h"
#include "services/store/redis/scripts.h"
#include "services/store/redis/thread.h"

namespace ringgate {
namespace {

// False: of a type that is neither a value nor none.
bool take_value(const redisReply& reply, StoreAnswer& answer) {
  if (reply.type == REDIS_REPLY_STRING) {
    answer.values.emplace_back(std::string(reply.str, reply.len));
  } else if (reply.type == REDIS_REPLY_NIL) {
    answer.values.emplace_back(std::nullopt);
  } else {
    return false;
  }
  return true;
}

}  // namespace

void RedisStoreThread::take(std::uint32_t from, ByteView mail) {
  std::uint64_t id = 0;
  const StoreRequest request = read_request_mail(mail, id);
  const Asker asker{from, id};
  // What is removed is not forgotten: it waits where it has room of its own.
  if (request.op != StoreOp::kRemove && servers_->in_flight() >= options_.max_in_flight) {
    answer(asker, StoreAnswer{StoreError::kFull, {}});
  } else {
    ask(request, asker);
  }
}

std::uint64_t RedisStoreThread::deadline_ms() const {
  return Clock::monotonic_ms() + options_.timeout_ms;
}

void RedisStoreThread::answer(Asker asker, const StoreAnswer& answer) {
  sender_.send(asker.shard, kMailStoreAnswer, answer_mail(asker.id, answer));
}

// Nothing is believed of an answer's type: what is at that address need not be a Redis.
StoreAnswer RedisStoreThread::answer_of(const redisReply* reply, const Expected& expected) {
  if (reply == nullptr) return {StoreError::kUnavailable, {}};
  StoreAnswer answer;
  bool good = false;
  switch (expected.kind) {
    case Expected::Kind::kDone:
      good = reply->type == REDIS_REPLY_INTEGER;
      break;
    case Expected::Kind::kValue:
      good = take_value(*reply, answer);
      break;
    case Expected::Kind::kValues:
      good = reply->type == REDIS_REPLY_ARRAY && reply->elements == expected.count;
      for (std::size_t i = 0; good && i < expected.count; ++i) {
        good = take_value(*reply->element[i], answer);
      }
      break;
  }
  if (good) return answer;
  health_.count(reply->type == REDIS_REPLY_ERROR ? trouble_of({reply->str, reply->len})
                                                 : StoreTrouble::kAnswer);
  probe_soon();
  return {StoreError::kUnavailable, {}};
}

// A key that is in use lives on. Its answer is nobody's concern.
void RedisStoreThread::renew(std::string key) {
  static_cast<void>(
      servers_->send({{"EXPIRE", std::move(key), std::to_string(options_.session_ttl_s)}}, {}));
}

void RedisStoreThread::send(const RedisCommand& command, const RedisConnection::OnReply& on_reply) {
  if (!servers_->send(command, on_reply)) on_reply(nullptr);
}

std::string RedisStoreThread::place_of(std::string_view account, std::string_view app) const {
  return location_key(account, app, options_.default_app);
}

void RedisStoreThread::ask(const StoreRequest& request, Asker asker) {
  switch (request.op) {
    case StoreOp::kAdd:
      return add(request, asker);
    case StoreOp::kRemove:
      return remove(request, asker);
    case StoreOp::kGet:
      return get(request, asker);
    case StoreOp::kLocate:
      return locate(request, asker);
    case StoreOp::kRollCall:
      return call_roll(request, asker);
  }
}

// Whose location is renewed with it, only the session says.
void RedisStoreThread::get(const StoreRequest& request, Asker asker) {
  const std::string session = session_key(request.location.channel_id);
  send({{"GET", session}}, [this, asker, session](const redisReply* reply) {
    const StoreAnswer found = answer_of(reply, {});
    answer(asker, found);
    pkt::Session value;
    if (found.error || !found.values[0] || !value.ParseFromString(*found.values[0])) return;
    renew(session);
    if (has_names_for_keys(value)) renew(place_of(value.account(), value.app()));
  });
}

// --- Signing in ---------------------------------------------------------------------------------

struct RedisStoreThread::SignIn {
  Asker asker;
  std::string channel;
  std::string account;
  std::string app;
  std::string location;
  std::uint64_t deadline_ms;
};

// The session is kept first; then the location moves, in one step, and from then on it is true;
// then the session goes that was there before. Nothing but the session has happened before the
// account is on the new channel, and what remains of a sign-in that fails is removed.
void RedisStoreThread::add(const StoreRequest& request, Asker asker) {
  const std::string& channel = request.location.channel_id;
  owed_.erase(channel);
  owed_now_ = owed_.size();
  const auto sign_in =
      std::make_shared<SignIn>(SignIn{asker, channel, request.accounts.front(), request.app,
                                      encode_location(request.location), deadline_ms()});
  const RedisCommand put = redis_eval_by(sign_in->deadline_ms, kPutScript, session_key(channel),
                                         {request.session, std::to_string(options_.session_ttl_s)});
  const bool sent = servers_->send(put, [this, sign_in](const redisReply* reply) {
    const StoreAnswer put_there = answer_of(reply, {Expected::Kind::kDone});
    if (!put_there.error) return move_location(sign_in);
    if (reply == nullptr) owe(sign_in->channel, sign_in->account, sign_in->app);
    answer(sign_in->asker, put_there);
  });
  if (!sent) answer(asker, StoreAnswer{StoreError::kUnavailable, {}});
}

void RedisStoreThread::move_location(const std::shared_ptr<SignIn>& sign_in) {
  const RedisCommand move =
      redis_eval_by(sign_in->deadline_ms, kMoveScript, place_of(sign_in->account, sign_in->app),
                    {sign_in->location, std::to_string(options_.session_ttl_s),
                     location_start(sign_in->channel)});
  const auto on_reply = [this, sign_in](const redisReply* reply) {
    const StoreAnswer before = answer_of(reply, {});
    if (!before.error) return end_older(sign_in, before);
    owe(sign_in->channel, sign_in->account, sign_in->app);
    answer(sign_in->asker, before);
  };
  send(move, on_reply);
}

void RedisStoreThread::end_older(const std::shared_ptr<SignIn>& sign_in,
                                 const StoreAnswer& before) {
  const std::optional<std::string>& place = before.values[0];
  const auto older = place ? decode_location(*place) : std::nullopt;
  if (!older) return answer(sign_in->asker, before);
  const auto on_reply = [this, sign_in, before,
                         channel = older->channel_id](const redisReply* reply) {
    if (answer_of(reply, {Expected::Kind::kDone}).error) {
      owe(channel, sign_in->account, sign_in->app);
    }
    answer(sign_in->asker, before);
  };
  send({{"DEL", session_key(older->channel_id)}}, on_reply);
}

}  // namespace ringgate
