// RedisSessions: whether the store works. Keys of ours of every kind are written and read, by every
// command that is used; only answers to that say that it works, whatever a connection or other
// answers seem to.
#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "dataplane/clock.h"
#include "services/store/layout.h"
#include "services/store/redis/keys.h"
#include "services/store/redis/scripts.h"
#include "services/store/redis/sessions.h"

namespace ringgate {
namespace {

constexpr const char* kProbeTtlS = "10";
// Of each kind one, as permissions may be for some alone; what follows has too many commas for a
// channel, an account, a boot or a number.
constexpr const char* kProbeName = "ringgate,probe,";
constexpr std::array<std::string_view, 4> kKinds{kSessionPrefix, kLocationPrefix, kBootPrefix,
                                                 kNodePrefix};
constexpr std::size_t kNodeKind = 3;  // only where node numbers are leased

}  // namespace

// It may be another server.
void RedisSessions::on_connected() {
  rolls_.begin_epoch();
}

void RedisSessions::on_broken(const RedisNode& node, StoreTrouble trouble, std::string_view why) {
  if (asker_.servers()->has_all_keys_together()) lease_.on_broken();
  rolls_.forget_boots();
  health_.ill(trouble, what_of(node, why));
}

// Which server, where the store's name does not say it.
std::string RedisSessions::what_of(const RedisNode& node, std::string_view why) const {
  const RedisTarget& target = options_.target;
  if (target.kind == RedisTarget::Kind::kServers && target.addresses.size() == 1) {
    return std::string(why);
  }
  return fmt::format("{}: {}", format_redis_address(node.connection->address()), why);
}

void RedisSessions::probe_all(std::uint64_t now_ms) {
  for (const auto& node : asker_.servers()->nodes()) {
    if (now_ms >= node->probe_at_ms) probe(*node);
  }
}

void RedisSessions::probe(RedisNode& node) {
  node.probed_ms = Clock::monotonic_ms();
  node.probe_at_ms = RedisConnection::kNever;  // until its answer
  node.connection->ask_clock();
  // A new value each time: an answer is this one's or nobody's.
  const std::string value = fmt::format("{}-{}", owner_, ++probes_);
  probe_kind(node, 0, value);
}

// One after the other. Nodes are there as long as they have answers to give.
void RedisSessions::probe_kind(RedisNode& node, std::size_t kind, const std::string& value) {
  if (kind == (options_.leases_node ? kKinds.size() : kNodeKind)) return probe_data(node);
  const std::string_view prefix = kKinds[kind];
  RedisCommand command =
      redis_eval(kProbeScript, fmt::format("{}{}{}{}", prefix, kProbeName, node.tag, owner_),
                 {value, kProbeTtlS});
  if (kind == kNodeKind) command.words.emplace_back("renewed");
  const bool sent =
      node.connection->send(command, [this, &node, kind, prefix, value](const redisReply* reply) {
        if (reply == nullptr) return;  // on_broken tells, or a new connection is being dialled
        if (is_probed(node, *reply, prefix, value)) probe_kind(node, kind + 1, value);
      });
  static_cast<void>(sent);  // not without a connection: the next one begins with a probe
}

// Whether they are the data that they were is asked, too, before it counts as well.
void RedisSessions::probe_data(RedisNode& node) {
  rolls_.ask_same_data(node, [this, &node](const redisReply* reply) {
    if (reply != nullptr && !is_refused(node, *reply, kDataKey)) on_well(node);
  });
}

bool RedisSessions::is_probed(RedisNode& node, const redisReply& reply, std::string_view prefix,
                              std::string_view wrote) {
  node.probe_at_ms = node.probed_ms + options_.probe_ms;
  if (is_refused(node, reply, prefix)) return false;
  const bool is_held =
      reply.type == REDIS_REPLY_STRING && std::string_view(reply.str, reply.len) == wrote;
  if (!is_held) refused(node, StoreTrouble::kAnswer, "what was written is not what it holds");
  return is_held;
}

bool RedisSessions::is_refused(RedisNode& node, const redisReply& reply, std::string_view prefix) {
  if (reply.type != REDIS_REPLY_ERROR) return false;
  const std::string_view text(reply.str, reply.len);
  const bool is_elsewhere = text.starts_with("MOVED ") || text.starts_with("ASK ");
  if (is_elsewhere && !asker_.servers()->has_all_keys_together()) {
    asker_.servers()->tag_again(node);  // it says nothing of what it does for its own
    node.probe_at_ms = node.probed_ms + RedisAsker::kSoonestMs;
    return true;
  }
  const StoreTrouble trouble = trouble_of(text);
  // It does not say which of the keys that it was asked for.
  const bool is_of_keys = text.starts_with("NOPERM") && text.contains(" key");
  refused(node, trouble, is_of_keys ? fmt::format("{} (keys {}*)", text, prefix) : text);
  return true;
}

void RedisSessions::on_well(RedisNode& node) {
  node.connection->settle();
  node.is_heard = node.is_well = true;
  const bool are_well =
      asker_.servers()->is_whole() &&
      std::ranges::all_of(asker_.servers()->nodes(), [](const auto& one) { return one->is_well; });
  lease_.on_well(are_well);
  if (!are_well) return;
  health_.well();
  rolls_.on_well();
  removals_.pay();
  health_.set_ids_problem(lease_.problem());  // also while ours is not over yet, and not renewed
}

// Of all that may be wrong only a lack of memory is certain to be the same at a new connection:
// another server may have become the master, the password may be set, the data loaded.
void RedisSessions::refused(RedisNode& node, StoreTrouble trouble, std::string_view why) {
  node.is_heard = true;
  node.is_well = false;
  health_.ill(trouble, what_of(node, why));
  if (trouble == StoreTrouble::kFull) return;
  node.connection->redial_later();
  asker_.servers()->look_again();
}

}  // namespace ringgate
