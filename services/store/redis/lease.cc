// RedisStoreThread: the node number of message ids, leased from Redis and renewed.
#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "dataplane/clock.h"
#include "services/store/mail_kinds.h"
#include "services/store/redis/scripts.h"
#include "services/store/redis/thread.h"

namespace ringgate {
namespace {

std::int64_t wall_ms() {
  return wall_clock_ns() / 1'000'000;
}

}  // namespace

void RedisStoreThread::lease_or_renew() {
  renew_at_ms_ = Clock::monotonic_ms() + options_.lease_ms / 3;
  const std::int64_t now_ms = wall_ms();
  std::int64_t until_ms = now_ms + options_.lease_ms;
  const std::string lease_ms = std::to_string(options_.lease_ms);
  std::vector<std::string> words;
  RedisConnection::OnReply use;
  if (lease_) {
    until_ms = std::max(until_ms, lease_->until_ms);
    const std::string name = fmt::format("ringgate:node:{}", lease_->node);
    words = {"EVAL",          kRenewScript, "2",      name,
             name + ":until", owner_,       lease_ms, std::to_string(until_ms)};
    use = [this, until_ms](const redisReply* reply) { on_renewed(reply, until_ms); };
  } else {
    const std::uint32_t first = std::random_device{}() % MessageIds::kNodes;
    words = {"EVAL",
             kLeaseScript,
             "0",
             owner_,
             lease_ms,
             std::to_string(until_ms),
             std::to_string(first),
             std::to_string(MessageIds::kNodes),
             std::to_string(until_ms),
             std::to_string(MessageIds::kFirstNode)};
    use = [this, until_ms](const redisReply* reply) { on_leased(reply, until_ms); };
  }
  if (!connection_->send(words, std::move(use))) renew_at_ms_ = kNever;  // on_probed goes on
}

void RedisStoreThread::on_leased(const redisReply* reply, std::int64_t until_ms) {
  if (reply == nullptr) return;
  if (reply->type == REDIS_REPLY_ERROR) {
    no_lease_ = fmt::format("gives no node number for message ids: {}",
                            std::string_view(reply->str, reply->len));
    probe_soon();  // it tells whether nothing works, or only this
    return;
  }
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
      reply->element[0]->type != REDIS_REPLY_INTEGER ||
      reply->element[1]->type != REDIS_REPLY_STRING) {
    no_lease_ = fmt::format(
        "gives no node number for message ids: all {} ({} to {}) are taken by others; stop one of "
        "them, this one goes on when there is one",
        MessageIds::kNodes, MessageIds::kFirstNode,
        MessageIds::kFirstNode + MessageIds::kNodes - 1);
    return;
  }
  std::int64_t ended_ms = 0;
  const redisReply& ended = *reply->element[1];
  std::from_chars(ended.str, ended.str + ended.len, ended_ms);
  lease_ =
      NodeLease{static_cast<std::uint32_t>(reply->element[0]->integer), ended_ms + 1, until_ms};
  lease_valid_ = true;
  no_lease_.reset();
  tell_shards();
}

void RedisStoreThread::on_renewed(const redisReply* reply, std::int64_t until_ms) {
  if (reply == nullptr) return;
  if (reply->type == REDIS_REPLY_ERROR) {
    probe_soon();  // it is ours until its time is over; on_probed renews it when the store works
    return;
  }
  if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 1) {
    lease_->until_ms = until_ms;
    lease_valid_ = true;
  } else {
    lease_.reset();  // it ran out, or Redis has forgotten it
    lease_valid_ = false;
    renew_at_ms_ = 0;
  }
  tell_shards();
}

void RedisStoreThread::tell_shards() {
  const NodeLeaseMail mail{lease_valid_ ? 1u : 0u, lease_ ? *lease_ : NodeLease{}};
  for (std::uint32_t to = 0; to < switchboard_.shards(); ++to) {
    sender_.send(to, kMailNodeLease, bytes_of(mail));
  }
}

}  // namespace ringgate
