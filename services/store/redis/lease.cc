#include "services/store/redis/lease.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <random>
#include <utility>

#include "dataplane/clock.h"
#include "services/store/mail_kinds.h"
#include "services/store/redis/keys.h"
#include "services/store/redis/scripts.h"

namespace ringgate {
namespace {

constexpr std::uint64_t kGiveBackMs = 300;
constexpr int kGiveBackPollMs = 5;
constexpr std::string_view kLateError = "LATE ";  // of scripts.h

std::int64_t wall_ms() {
  return wall_clock_ns() / 1'000'000;
}

std::string node_key(std::uint32_t node) {
  return fmt::format("{}{}", kNodePrefix, node);
}

std::string until_key(std::uint32_t node) {
  return node_key(node) + ":until";
}

}  // namespace

// One node after the other, from a random one on: first of those whose last lease is over for
// certain, and if there is none, of those whose ids have to begin ahead of the clock.
struct RedisNodeLease::Leasing {
  std::uint32_t first;
  std::uint32_t tried = 0;
  bool takes_any = false;
  std::uint32_t reached = 0;  // of those that were tried
  std::int64_t until_ms = 0;
  std::int64_t ended_ms = 0;  // of the lease before
  [[nodiscard]] std::uint32_t node() const {
    return MessageIds::kFirstNode + (first + tried) % MessageIds::kNodes;
  }
};

// A number is to be had of any server of a cluster that is well. When all of them are again, ours
// may have been lost.
bool RedisNodeLease::is_wanted(bool are_well) const {
  const bool together = asker_.servers()->has_all_keys_together();
  if (!are_well && together) return false;
  const bool is_back = are_well && !thread_.health().is_well();
  return renew_at_ms_ == RedisConnection::kNever || (is_back && (together || lease_));
}

void RedisNodeLease::on_well(bool are_well) {
  if (options_.leases_node && is_wanted(are_well)) renew_at_ms_ = 0;
}

void RedisNodeLease::on_broken() {
  renew_at_ms_ = RedisConnection::kNever;
  if (std::exchange(is_valid_, false)) tell_shards();
}

void RedisNodeLease::turn(std::uint64_t now_ms) {
  if (now_ms >= renew_at_ms_) lease_or_renew();
}

// In a cluster the server of this number may be away: another one is taken then, before the lease
// is over.
void RedisNodeLease::lease_or_renew() {
  renew_at_ms_ = Clock::monotonic_ms() + options_.lease_ms / 3;
  if (lease_ && reaches_keys_of(lease_->node)) return renew(*lease_);
  const std::uint32_t first = std::random_device{}() % MessageIds::kNodes;
  lease_node(std::make_shared<Leasing>(Leasing{first}));
}

bool RedisNodeLease::reaches_keys_of(std::uint32_t node) const {
  return std::ranges::all_of(std::array{node_key(node), until_key(node)}, [this](const auto& key) {
    const RedisNode* const server = asker_.servers()->node_of(key);
    return server != nullptr && server->is_heard;
  });
}

void RedisNodeLease::skip_unreached(Leasing& leasing) const {
  while (leasing.tried < MessageIds::kNodes && !reaches_keys_of(leasing.node())) ++leasing.tried;
}

// Goes on with `use` when the answer is a number. Without an answer in time the next probe begins
// again; what is refused is asked again soon, as rights may be given back.
void RedisNodeLease::step(const RedisCommand& command, Use use) {
  asker_.send(command, [this, use = std::move(use)](const redisReply* reply) {
    if (reply == nullptr) return failed();
    if (reply->type == REDIS_REPLY_INTEGER) return use(reply->integer);
    const std::string_view why = reply->type == REDIS_REPLY_ERROR
                                     ? std::string_view(reply->str, reply->len)
                                     : std::string_view("its answer is no number");
    if (why.starts_with(kLateError)) return failed();
    problem_ = fmt::format("gives no node number for message ids: {}", why);
    renew_at_ms_ = std::min(renew_at_ms_, Clock::monotonic_ms() + options_.probe_ms);
    asker_.probe_soon();  // it tells whether nothing works, or only this
  });
}

void RedisNodeLease::failed() {
  renew_at_ms_ = RedisConnection::kNever;
}

void RedisNodeLease::lease_node(const std::shared_ptr<Leasing>& leasing) {
  skip_unreached(*leasing);
  if (leasing->tried == MessageIds::kNodes && !std::exchange(leasing->takes_any, true)) {
    leasing->tried = leasing->reached = 0;
    skip_unreached(*leasing);
  }
  if (leasing->tried == MessageIds::kNodes) {
    if (leasing->reached == 0) return failed();
    return say_that_all_are_taken(*leasing);
  }
  ++leasing->reached;
  leasing->until_ms = wall_ms() + options_.lease_ms;
  step(redis_eval_by(asker_.deadline_ms(), kLeaseScript, node_key(leasing->node()),
                     {owner_, std::to_string(options_.lease_ms)}),
       [this, leasing](long long is_ours) {
         if (is_ours == 1) return look_at_end(leasing);
         ++leasing->tried;
         lease_node(leasing);
       });
}

void RedisNodeLease::say_that_all_are_taken(const Leasing& leasing) {
  problem_ = fmt::format(
      "gives no node number for message ids: all {} ({} to {}) are taken by others{}; stop one of "
      "them, this one goes on when there is one",
      MessageIds::kNodes, MessageIds::kFirstNode, MessageIds::kFirstNode + MessageIds::kNodes - 1,
      leasing.reached == MessageIds::kNodes ? "" : ", or on a server that is away");
}

// Ids begin after those of the lease before, however far ahead a clock was then; but not after this
// lease.
void RedisNodeLease::look_at_end(const std::shared_ptr<Leasing>& leasing) {
  const RedisCommand command{{"GET", until_key(leasing->node())}};
  asker_.send(command, [this, leasing](const redisReply* reply) {
    const StoreResult<RedisAsker::Value> ended = asker_.value_of(reply);
    if (!ended) return failed();
    const std::string text = ended->value_or("0");
    std::from_chars(text.data(), text.data() + text.size(), leasing->ended_ms);
    const std::int64_t most_ms = leasing->takes_any ? leasing->until_ms : wall_ms();
    if (leasing->ended_ms <= most_ms) return set_end(leasing);
    const RedisCommand give_back = redis_eval(kGiveBackScript, node_key(leasing->node()), {owner_});
    ++leasing->tried;
    step(give_back, [this, leasing](long long) { lease_node(leasing); });
  });
}

void RedisNodeLease::set_end(const std::shared_ptr<Leasing>& leasing) {
  step(redis_eval_by(asker_.deadline_ms(), kUntilScript, until_key(leasing->node()),
                     {std::to_string(leasing->until_ms)}),
       [this, leasing](long long) {
         lease_ = NodeLease{leasing->node(), leasing->ended_ms + 1, leasing->until_ms};
         is_valid_ = true;
         problem_.reset();
         tell_shards();
       });
}

// It is ours until its time is over, whatever goes wrong here.
void RedisNodeLease::renew(const NodeLease& lease) {
  const std::int64_t until_ms = std::max(wall_ms() + options_.lease_ms, lease.until_ms);
  const std::uint32_t node = lease.node;
  step(redis_eval_by(asker_.deadline_ms(), kRenewScript, node_key(node),
                     {owner_, std::to_string(options_.lease_ms)}),
       [this, node, until_ms](long long is_ours) {
         if (!lease_ || lease_->node != node) return;
         if (is_ours != 1) return lose();
         step(redis_eval_by(asker_.deadline_ms(), kUntilScript, until_key(node),
                            {std::to_string(until_ms)}),
              [this, node, until_ms](long long) {
                if (!lease_ || lease_->node != node) return;
                lease_->until_ms = until_ms;
                is_valid_ = true;
                problem_.reset();
                tell_shards();
              });
       });
}

// It ran out, or Redis has forgotten it.
void RedisNodeLease::lose() {
  lease_.reset();
  is_valid_ = false;
  renew_at_ms_ = 0;
  tell_shards();
}

// At the end: who starts next need not wait until its time is over. Nobody gives out ids of it any
// more, as the shards have ended. A server that does not answer at once is not waited for.
void RedisNodeLease::give_back(const std::function<void(int wait_ms)>& poll) {
  if (!lease_) return;
  bool is_waiting = true;
  const RedisCommand give_back = redis_eval(kGiveBackScript, node_key(lease_->node), {owner_});
  asker_.send(give_back, [&is_waiting](const redisReply*) { is_waiting = false; });
  const std::uint64_t until_ms = Clock::monotonic_ms() + kGiveBackMs;
  while (is_waiting && Clock::monotonic_ms() < until_ms) poll(kGiveBackPollMs);
  if (is_waiting) asker_.servers()->drop_all("it is the end");  // so that nobody is told later
}

void RedisNodeLease::tell_shards() {
  thread_.tell_shards(kMailNodeLease, {is_valid_ ? 1U : 0U, lease_ ? *lease_ : NodeLease{}});
}

}  // namespace ringgate
