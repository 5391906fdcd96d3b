#include "services/store/redis/servers/single.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <utility>

#include "control/base/text.h"

namespace ringgate {
namespace {

bool is_text(const redisReply& reply) {
  return reply.type == REDIS_REPLY_STRING;
}

std::string_view text_of(const redisReply& reply) {
  return {reply.str, reply.len};
}

}  // namespace

std::optional<Endpoint> read_redis_primary(const redisReply& reply) {
  const bool is_pair = reply.type == REDIS_REPLY_ARRAY && reply.elements == 2 &&
                       is_text(*reply.element[0]) && is_text(*reply.element[1]);
  const auto port = is_pair ? parse_number(text_of(*reply.element[1])) : std::nullopt;
  if (!port || *port == 0 || *port > 65'535) return std::nullopt;
  return Endpoint{std::string(text_of(*reply.element[0])), static_cast<std::uint16_t>(*port)};
}

SingleRedis::SingleRedis(const RedisTarget& target, const Shared& shared, Events events)
    : RedisServers(shared, std::move(events)),
      master_(target.master),
      access_(target.access),
      node_(add_node(target.kind == RedisTarget::Kind::kServers ? target.addresses
                                                                : std::vector<RedisAddress>{})) {
  if (target.kind == RedisTarget::Kind::kServers) return;
  sentinel_ = std::make_unique<RedisGuide>(
      shared, RedisCommand{{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", master_}},
      RedisGuide::Events{
          [this](const redisReply& reply) { return on_named(reply); },
          [this](StoreTrouble trouble, std::string_view why) { sentinel_failed(trouble, why); },
          [this] { return std::uint64_t{shared_.options.probe_ms}; }});
  sentinel_->use(target.addresses);
}

bool SingleRedis::send(const RedisCommand& command, OnReply on_reply) {
  return node_.is_heard && node_.connection->send(command, std::move(on_reply));
}

void SingleRedis::after_turn() {
  if (auto wanted = std::exchange(wanted_, {})) node_.connection->use({std::move(*wanted)});
}

void SingleRedis::sentinel_failed(StoreTrouble trouble, std::string_view why) {
  if (node_.is_heard) return;
  const std::string who = format_redis_address(sentinel_->address());
  events_.lost(trouble, fmt::format("sentinel {}: {}", who, why));
}

std::optional<RedisGuide::Wrong> SingleRedis::on_named(const redisReply& reply) {
  if (auto primary = read_redis_primary(reply)) {
    wanted_ = RedisAddress{std::move(*primary), {}, access_};
    return std::nullopt;
  }
  if (reply.type == REDIS_REPLY_NIL) {
    return RedisGuide::Wrong{StoreTrouble::kOther,
                             fmt::format("it knows no primary \"{}\"", master_)};
  }
  return RedisGuide::Wrong{StoreTrouble::kAnswer, "it does not say where the primary is"};
}

}  // namespace ringgate
