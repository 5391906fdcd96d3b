// RedisStoreThread: what is asked of Redis for each request, in the layout of store_layout.h.
#include <hiredis/hiredis.h>

#include <utility>

#include "services/logic_mail.h"
#include "services/store_layout.h"
#include "services/store_mail.h"
#include "services/store_redis_scripts.h"
#include "services/store_redis_thread.h"

namespace ringgate {
namespace {

void take_value(const redisReply& reply, StoreAnswer& answer) {
  if (reply.type == REDIS_REPLY_STRING) {
    answer.values.emplace_back(std::string(reply.str, reply.len));
  } else {
    answer.values.emplace_back(std::nullopt);  // also what is of another type: nobody's session
  }
}

StoreAnswer answer_of(const redisReply* reply) {
  StoreAnswer answer;
  if (reply == nullptr || reply->type == REDIS_REPLY_ERROR) {
    answer.error = StoreError::kUnavailable;
  } else if (reply->type == REDIS_REPLY_ARRAY) {
    for (std::size_t i = 0; i < reply->elements; ++i) take_value(*reply->element[i], answer);
  } else {
    take_value(*reply, answer);
  }
  return answer;
}

// The start of a location's value that names this channel.
std::string location_start(const std::string& channel_id) {
  std::string bytes = encode_location({channel_id, {}});
  bytes.resize(bytes.size() - sizeof(std::uint16_t));
  return bytes;
}

}  // namespace

void RedisStoreThread::take(std::uint32_t from, ByteView mail) {
  std::uint64_t id = 0;
  const StoreRequest request = read_request_mail(mail, id);
  const Asker asker{from, id};
  if (connection_->in_flight() >= options_.max_in_flight) {
    answer(asker, StoreAnswer{StoreError::kFull, {}});
  } else {
    ask(request, asker);
  }
}

void RedisStoreThread::answer(Asker asker, const StoreAnswer& answer) {
  post(asker.shard, kMailStoreAnswer, answer_mail(asker.id, answer));
}

void RedisStoreThread::send(std::vector<std::string> words, Asker asker,
                            std::function<void(StoreAnswer&)> use) {
  const bool sent =
      connection_->send(words, [this, asker, use = std::move(use)](const redisReply* reply) {
        StoreAnswer answer = answer_of(reply);
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
      send({"EVAL", kSignInScript, "2", session, place_of(request.accounts.front(), request),
            request.session, encode_location(request.location),
            std::to_string(options_.session_ttl_s), std::string(kSessionPrefix)},
           asker);
      return;
    case StoreOp::kRemove:
      send({"EVAL", kSignOutScript, "2", session, place_of(request.accounts.front(), request),
            location_start(request.location.channel_id)},
           asker);
      return;
    case StoreOp::kGet:
      // Whose location is renewed with it, only the session says.
      send({"GET", session}, asker, [this, session](StoreAnswer& found) {
        pkt::Session value;
        if (!found.values[0] || !value.ParseFromString(*found.values[0])) return;
        renew(session);
        renew(location_key(value.account(), value.app(), options_.default_app));
      });
      return;
    case StoreOp::kLocate: {
      std::vector<std::string> words = {"MGET"};
      for (const std::string& account : request.accounts) {
        words.push_back(place_of(account, request));
      }
      if (words.size() == 1) {
        answer(asker, StoreAnswer{});
        return;
      }
      // Many are looked up for a group: their own requests renew them.
      const std::string only = words.size() == 2 ? words[1] : std::string();
      send(std::move(words), asker, [this, only](StoreAnswer& found) {
        if (!only.empty() && found.values[0]) renew(only);
      });
      return;
    }
  }
}

}  // namespace ringgate
