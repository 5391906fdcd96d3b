// RedisStoreThread: what is asked of Redis for each request, in the layout of store/layout.h.
#include <hiredis/hiredis.h>

#include <utility>

#include "codec/names.h"
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
  if (unheard_) {
    // Not even sent: what is answered with 300 now must not happen when it goes on.
    if (request.op == StoreOp::kRemove) {
      owe(request.location.channel_id, request.accounts.empty() ? "" : request.accounts.front(),
          request.app);
    }
    answer(asker, StoreAnswer{StoreError::kUnavailable, {}});
  } else if (connection_->in_flight() >= options_.max_in_flight) {
    answer(asker, StoreAnswer{StoreError::kFull, {}});
  } else {
    ask(request, asker);
  }
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

void RedisStoreThread::send(std::vector<std::string> words, Asker asker, Expected expected,
                            std::function<void(StoreAnswer&)> use) {
  const bool sent = connection_->send(
      words, [this, asker, expected, use = std::move(use)](const redisReply* reply) {
        StoreAnswer answer = answer_of(reply, expected);
        if (use && !answer.error) use(answer);
        this->answer(asker, answer);
      });
  if (!sent) answer(asker, StoreAnswer{StoreError::kUnavailable, {}});
}

// A key that is in use lives on. Its answer is nobody's concern.
void RedisStoreThread::renew(std::string key) {
  const std::vector<std::string> words = {"EXPIRE", std::move(key),
                                          std::to_string(options_.session_ttl_s)};
  static_cast<void>(connection_->send(words, {}));
}

std::string RedisStoreThread::place_of(const std::string& account,
                                       const StoreRequest& request) const {
  return location_key(account, request.app, options_.default_app);
}

void RedisStoreThread::ask(const StoreRequest& request, Asker asker) {
  const std::string session = session_key(request.location.channel_id);
  switch (request.op) {
    case StoreOp::kAdd:
      return add(request, asker);
    case StoreOp::kRemove:
      return remove(request, asker);
    case StoreOp::kGet:
      // Whose location is renewed with it, only the session says.
      send({"GET", session}, asker, {}, [this, session](StoreAnswer& found) {
        pkt::Session value;
        if (!found.values[0] || !value.ParseFromString(*found.values[0])) return;
        renew(session);
        if (!is_valid_account(value.account())) return;
        if (!value.app().empty() && !is_valid_app(value.app())) return;
        renew(location_key(value.account(), value.app(), options_.default_app));
      });
      return;
    case StoreOp::kLocate:
      return locate(request, asker);
    case StoreOp::kRollCall:
      return call_roll(request, asker);
  }
}

// One whose outcome is not known is undone: its client is told that it failed.
void RedisStoreThread::add(const StoreRequest& request, Asker asker) {
  const std::string& channel = request.location.channel_id;
  const std::string& account = request.accounts.front();
  owed_.erase(channel);
  owed_now_ = owed_.size();
  const std::vector<std::string> words = {"EVAL",
                                          kSignInScript,
                                          "2",
                                          session_key(channel),
                                          place_of(account, request),
                                          last_ms(),
                                          request.session,
                                          encode_location(request.location),
                                          std::to_string(options_.session_ttl_s),
                                          std::string(kSessionPrefix)};
  const bool sent = connection_->send(
      words, [this, asker, channel, account, app = request.app](const redisReply* reply) {
        if (reply == nullptr) owe(channel, account, app);
        answer(asker, answer_of(reply, {}));
      });
  if (!sent) answer(asker, StoreAnswer{StoreError::kUnavailable, {}});
}

}  // namespace ringgate
