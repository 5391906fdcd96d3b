#include "services/store/redis/asker.h"

#include <algorithm>

#include "dataplane/clock.h"
#include "services/store/layout.h"

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

void RedisAsker::send(const RedisCommand& command, const RedisConnection::OnReply& on_reply) {
  if (servers_ == nullptr || !servers_->send(command, on_reply)) on_reply(nullptr);
}

void RedisAsker::renew(const std::string& key) {
  send({{"EXPIRE", key, std::to_string(options_.session_ttl_s)}}, [](const redisReply*) {});
}

// Nothing is believed of an answer's type: what is at that address need not be a Redis.
std::unexpected<StoreError> RedisAsker::no_answer(const redisReply* reply) {
  if (reply != nullptr) {
    thread_.health().count(reply->type == REDIS_REPLY_ERROR ? trouble_of({reply->str, reply->len})
                                                            : StoreTrouble::kAnswer);
    probe_soon();
  }
  return std::unexpected(StoreError::kUnavailable);
}

StoreResult<void> RedisAsker::done_of(const redisReply* reply) {
  if (reply == nullptr || reply->type != REDIS_REPLY_INTEGER) return no_answer(reply);
  return {};
}

StoreResult<RedisAsker::Value> RedisAsker::value_of(const redisReply* reply) {
  Value value;
  if (reply == nullptr || !take_value(*reply, value)) return no_answer(reply);
  return value;
}

StoreResult<std::vector<RedisAsker::Value>> RedisAsker::values_of(const redisReply* reply,
                                                                  std::size_t count) {
  std::vector<Value> values(count);
  bool good = reply != nullptr && reply->type == REDIS_REPLY_ARRAY && reply->elements == count;
  for (std::size_t i = 0; good && i < count; ++i) {
    good = take_value(*reply->element[i], values[i]);
  }
  if (!good) return no_answer(reply);
  return values;
}

void RedisAsker::probe_soon() {
  if (servers_ == nullptr) return;
  for (const auto& node : servers_->nodes()) {
    if (node->probe_at_ms != RedisConnection::kNever) {
      node->probe_at_ms = std::min(node->probe_at_ms, node->probed_ms + kSoonestMs);
    }
  }
}

std::string RedisAsker::place_of(std::string_view account, std::string_view app) const {
  return location_key(account, app, options_.default_app);
}

std::uint64_t RedisAsker::deadline_ms() const {
  return Clock::monotonic_ms() + options_.timeout_ms;
}

}  // namespace ringgate
