#include "services/store/redis/servers/guide.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <utility>

namespace ringgate {
namespace {

constexpr std::uint64_t kSoonestMs = 100;  // between two questions, however much hints at a change

}  // namespace

RedisGuide::RedisGuide(const RedisConnection::Shared& shared, RedisCommand question, Events events)
    : question_(std::move(question)),
      events_(std::move(events)),
      connection_({shared.options, shared.names, nullptr},
                  {[this] { ask_soon(); },
                   [this](StoreTrouble trouble, std::string_view why) {
                     is_asked_ = false;
                     events_.failed(trouble, why);
                   }}) {}

std::uint64_t RedisGuide::ask_at_ms() const noexcept {
  return std::max(ask_at_ms_, asked_ms_ + kSoonestMs);
}

std::uint64_t RedisGuide::next_turn_ms() const noexcept {
  return std::min(connection_.next_turn_ms(), may_ask() ? ask_at_ms() : RedisConnection::kNever);
}

void RedisGuide::turn(std::uint64_t now_ms) {
  if (!may_ask() || now_ms < ask_at_ms()) return;
  asked_ms_ = now_ms;
  ask_at_ms_ = now_ms + events_.pause_ms();
  is_asked_ = connection_.send(question_, [this](const redisReply* reply) {
    is_asked_ = false;
    if (reply != nullptr) on_reply(*reply);
  });
}

void RedisGuide::on_reply(const redisReply& reply) {
  std::optional<Wrong> wrong;
  if (reply.type == REDIS_REPLY_ERROR) {
    const std::string_view error(reply.str, reply.len);
    wrong = Wrong{trouble_of(error), std::string(error)};
  } else {
    wrong = events_.answered(reply);
  }
  if (!wrong) return connection_.settle();
  events_.failed(wrong->trouble, wrong->why);
  connection_.redial_later();
}

}  // namespace ringgate
