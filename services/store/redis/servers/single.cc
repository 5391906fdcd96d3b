#include "services/store/redis/servers/single.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <algorithm>
#include <utility>

#include "control/base/text.h"

namespace ringgate {
namespace {

constexpr std::uint64_t kSoonestMs = 50;  // between two questions, however much breaks

bool is_text(const redisReply& reply) {
  return reply.type == REDIS_REPLY_STRING;
}

std::string_view text_of(const redisReply& reply) {
  return {reply.str, reply.len};
}

}  // namespace

SingleRedis::SingleRedis(const RedisTarget& target, const Shared& shared, Events events)
    : RedisServers(shared, std::move(events)),
      master_(target.master),
      access_(target.access),
      node_(add_node(target.kind == RedisTarget::Kind::kServers ? target.addresses
                                                                : std::vector<RedisAddress>{})) {
  if (target.kind == RedisTarget::Kind::kServers) return;
  sentinel_ = std::make_unique<RedisConnection>(
      RedisConnection::Shared{shared.options, shared.names, nullptr},
      RedisConnection::Events{[this] { ask_at_ms_ = 0; },
                              [this](StoreTrouble trouble, std::string_view why) {
                                is_asked_ = false;
                                sentinel_failed(trouble, why);
                              }});
  sentinel_->use(target.addresses);
}

bool SingleRedis::send(const RedisCommand& command, OnReply on_reply) {
  return node_.is_heard && node_.connection->send(command, std::move(on_reply));
}

std::uint64_t SingleRedis::guide_at_ms() const noexcept {
  if (!sentinel_) return RedisConnection::kNever;
  const bool may_ask = sentinel_->is_ready() && !is_asked_;
  return std::min(sentinel_->next_turn_ms(), may_ask ? ask_at_ms_ : RedisConnection::kNever);
}

void SingleRedis::after_turn(std::uint64_t now_ms) {
  now_ms_ = now_ms;
  if (auto wanted = std::exchange(wanted_, {})) node_.connection->use({std::move(*wanted)});
  if (sentinel_ && sentinel_->is_ready() && !is_asked_ && now_ms >= ask_at_ms_) ask();
}

void SingleRedis::ask() {
  ask_at_ms_ = now_ms_ + std::max<std::uint64_t>(shared_.options.probe_ms, kSoonestMs);
  is_asked_ = sentinel_->send({{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", master_}},
                              [this](const redisReply* reply) {
                                is_asked_ = false;
                                if (reply != nullptr) on_named(reply);
                              });
}

void SingleRedis::sentinel_failed(StoreTrouble trouble, std::string_view why) {
  if (node_.is_heard) return;
  const std::string who = format_redis_address(sentinel_->address());
  events_.lost(trouble, fmt::format("sentinel {}: {}", who, why));
}

void SingleRedis::on_named(const redisReply* reply) {
  const bool is_pair = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                       is_text(*reply->element[0]) && is_text(*reply->element[1]);
  const auto port = is_pair ? parse_number(text_of(*reply->element[1])) : std::nullopt;
  if (is_pair && port && *port > 0 && *port <= 65'535) {
    sentinel_->settle();
    wanted_ = RedisAddress{
        {std::string(text_of(*reply->element[0])), static_cast<std::uint16_t>(*port)}, {}, access_};
    return;
  }
  if (reply->type == REDIS_REPLY_NIL) {
    sentinel_failed(StoreTrouble::kOther, fmt::format("it knows no primary \"{}\"", master_));
  } else if (reply->type == REDIS_REPLY_ERROR) {
    sentinel_failed(trouble_of(text_of(*reply)), text_of(*reply));
  } else {
    sentinel_failed(StoreTrouble::kAnswer, "it does not say where the primary is");
  }
  sentinel_->redial_later();  // another one
}

}  // namespace ringgate
