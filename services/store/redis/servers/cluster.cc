#include "services/store/redis/servers/cluster.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace ringgate {
namespace {

constexpr int kMostRedirects = 5;
constexpr std::uint64_t kQuietly = 10;  // times as seldom while all is well
constexpr std::size_t kMostTags = 1'000'000;

}  // namespace

// On its way: it may be sent again.
struct RedisCluster::Call {
  RedisCommand command;
  OnReply on_reply;
  int redirects = 0;
};

RedisCluster::RedisCluster(const RedisTarget& target, const Shared& shared, Events events)
    : RedisServers(shared, std::move(events)),
      seeds_(target.addresses),
      access_(target.access),
      scout_(shared, {{"CLUSTER", "SLOTS"}},
             {[this](const redisReply& reply) { return on_slots(reply); },
              [this](StoreTrouble trouble, std::string_view why) { scout_failed(trouble, why); },
              [this] { return pause_ms(); }}) {
  scout_.use(seeds_);
}

// --- Who has which slot -------------------------------------------------------------------------

std::uint64_t RedisCluster::pause_ms() const {
  const bool is_quiet =
      is_whole_ && std::ranges::all_of(nodes_, [](const auto& node) { return node->is_well; });
  return shared_.options.probe_ms * (is_quiet ? kQuietly : 1);
}

// It matters only where nobody is known.
void RedisCluster::scout_failed(StoreTrouble trouble, std::string_view why) {
  if (is_whole_ && std::ranges::any_of(nodes_, [](const auto& node) { return node->is_well; })) {
    return;
  }
  events_.lost(trouble, fmt::format("{}: {}", format_redis_address(scout_.address()), why));
}

std::optional<RedisGuide::Wrong> RedisCluster::on_slots(const redisReply& reply) {
  const auto ranges = read_redis_slots(reply, scout_.address().endpoint.host);
  if (!ranges) {
    return RedisGuide::Wrong{StoreTrouble::kAnswer, "it does not say who has which slots"};
  }
  use_slots(*ranges);
  return std::nullopt;
}

void RedisCluster::use_slots(const std::vector<RedisSlotRange>& ranges) {
  const Slots before = std::exchange(slots_, {});
  for (const RedisSlotRange& range : ranges) {
    RedisNode& node = node_at(range.server);
    for (std::size_t slot = range.first; slot <= range.last; ++slot) slots_[slot] = &node;
  }
  for (const auto& node : nodes_) {
    if (node->tag.empty() || slots_[redis_slot(node->tag)] != node.get()) {
      node->tag = tag_of(*node, 0);
    }
  }
  is_whole_ = std::ranges::find(slots_, nullptr) == slots_.end();
  if (!is_whole_) events_.lost(StoreTrouble::kLoading, "CLUSTERDOWN some slots have no server");
  has_new_slots_ = true;
  if (has_emptied(before)) events_.emptied();
}

// A server that is away has given nothing to the one that has its slots now, unless that is its
// replica: a server that was not there before.
bool RedisCluster::has_emptied(const Slots& before) const noexcept {
  for (std::size_t slot = 0; slot < kRedisSlots; ++slot) {
    const RedisNode* const now = slots_[slot];
    const RedisNode* const old = before[slot];
    if (now == nullptr || now == old || !now->is_heard) continue;
    if (old == nullptr || !old->is_heard) return true;
  }
  return false;
}

// Servers without a slot go, once they have answered; and where those that were written down have
// all gone, the others still say who has what.
void RedisCluster::after_turn() {
  if (!std::exchange(has_new_slots_, false)) return;
  std::vector<RedisAddress> guides = seeds_;
  std::erase_if(nodes_, [this, &guides](const auto& node) {
    if (is_used(*node)) {
      guides.push_back({node->endpoint, {}, access_});
      return false;
    }
    has_new_slots_ = has_new_slots_ || node->connection->in_flight() > 0;
    return node->connection->in_flight() == 0;
  });
  scout_.use(std::move(guides));
}

RedisNode& RedisCluster::node_at(const Endpoint& endpoint) {
  for (const auto& node : nodes_) {
    if (node->endpoint == endpoint) return *node;
  }
  RedisNode& node = add_node({{endpoint, {}, access_}});
  node.endpoint = endpoint;
  return node;
}

bool RedisCluster::is_used(const RedisNode& node) const noexcept {
  return std::ranges::find(slots_, &node) != slots_.end();
}

// "{7}": the lowest number from there on whose slot is there; nothing: it has none.
std::string RedisCluster::tag_of(const RedisNode& node, std::size_t from) const {
  if (!is_used(node)) return {};
  for (std::size_t number = from; number < kMostTags; ++number) {
    std::string tag = fmt::format("{{{}}}", number);
    if (slots_[redis_slot(tag)] == &node) return tag;
  }
  return {};
}

void RedisCluster::tag_again(RedisNode& node) {
  look_again();
  std::size_t number = 0;
  if (node.tag.empty()) return;
  std::from_chars(node.tag.data() + 1, node.tag.data() + node.tag.size(), number);
  node.tag = tag_of(node, number + 1);
}

// --- Commands -----------------------------------------------------------------------------------

bool RedisCluster::send(const RedisCommand& command, OnReply on_reply) {
  RedisNode* const node = node_of(command.words[command.key]);
  if (node == nullptr) return false;
  return send_to(*node, std::make_shared<Call>(Call{command, std::move(on_reply)}));
}

bool RedisCluster::send_to(RedisNode& node, const std::shared_ptr<Call>& call) {
  if (!node.is_heard) return false;
  const std::string host = node.endpoint.host;
  return node.connection->send(
      call->command, [this, host, call](const redisReply* reply) { on_reply(host, call, reply); });
}

void RedisCluster::on_reply(const std::string& host, const std::shared_ptr<Call>& call,
                            const redisReply* reply) {
  if (reply != nullptr && reply->type == REDIS_REPLY_ERROR) {
    const auto redirect = read_redis_redirect({reply->str, reply->len}, host);
    if (redirect && follow(*redirect, call)) return;
  }
  if (call->on_reply) call->on_reply(reply);
}

// A server that was not known before is asked when it has been heard: this call fails.
bool RedisCluster::follow(const RedisRedirect& redirect, const std::shared_ptr<Call>& call) {
  look_again();
  if (shared_.traffic != nullptr) shared_.traffic->redirected();
  if (++call->redirects > kMostRedirects) return false;
  RedisNode& node = node_at(redirect.server);
  if (redirect.is_moved) {
    slots_[redirect.slot] = &node;
    has_new_slots_ = true;
    return send_to(node, call);
  }
  return node.is_heard && node.connection->send({{"ASKING"}}, {}) && send_to(node, call);
}

}  // namespace ringgate
