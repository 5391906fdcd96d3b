#include "services/store/redis/roll_call.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "dataplane/clock.h"
#include "services/store/layout.h"
#include "services/store/redis/keys.h"
#include "services/store/redis/scripts.h"

namespace ringgate {
namespace {

constexpr std::string_view kNewDataKey = "ringgate:data:new";
constexpr std::size_t kMostBootsKept = 4096;  // beyond, those that are over are forgotten
constexpr int kMostRaces = 3;                 // with others who move the same location

// When a channel of ours logged in, by its gateway's clock: digits that sort as it does. Empty:
// gateways of before counted from 1.
std::string_view login_of(std::string_view channel_id) {
  constexpr std::size_t kDigits = 9;
  constexpr std::string_view kFirstTime = "001000000";
  if (channel_id.size() < kDigits) return {};
  const std::string_view login = channel_id.substr(channel_id.size() - kDigits);
  return login < kFirstTime ? std::string_view() : login;
}

bool is_newer_login(std::string_view channel_id, std::string_view than) {
  const std::string_view login = login_of(channel_id);
  const std::string_view other = login_of(than);
  return !login.empty() && !other.empty() && login > other;
}

}  // namespace

// Until every part has its answer.
struct RedisRolls::Roll {
  StoreJobOf<CallRoll>& job;
  std::size_t waits = 1;  // for the boot, and for each channel
  bool failed = false;
  std::vector<std::string> lost = {};
};

struct RedisRolls::Present {
  std::shared_ptr<Roll> roll;
  const pkt::Session& session;  // of the roll's job
  std::string place;
  std::uint64_t deadline_ms;
  std::string replaces = {};  // a location that nobody is at, or somebody older
  std::optional<Location> older = {};
  int tries = 0;
};

RedisRolls::RedisRolls(const RedisStoreOptions& options, RedisAsker& asker, RedisRemovals& removals,
                       RedisCounts& counts, const std::string& owner)
    : options_(options),
      asker_(asker),
      removals_(removals),
      counts_(counts),
      owner_(owner),
      epoch_(std::uint64_t{std::random_device{}()} << 32U) {}

void RedisRolls::begin_epoch() {
  ++epoch_;
  counts_.roll_calls.add(1);
  removals_.owe_those_made();
}

void RedisRolls::on_well() {
  if (std::exchange(is_older_there_, false)) begin_epoch();
}

void RedisRolls::call(StoreJobOf<CallRoll>& job) {
  const CallRoll& asked = job.request;
  const std::string boot = boot_key(asked.gateway_id, asked.boot);
  const std::uint64_t by_ms = asker_.deadline_ms();
  const auto roll = std::make_shared<Roll>(Roll{job});
  RedisCommand command{{"DEL", boot}};
  if (asked.roll.ends()) {
    alive_until_ms_.erase(boot);
  } else {
    command = redis_eval_by(by_ms, kBootScript, boot, {std::to_string(options_.boot_ms)});
  }
  roll->waits += static_cast<std::size_t>(asked.roll.present_size());
  for (const pkt::Session& session : asked.roll.present()) {
    say_present(std::make_shared<Present>(
        Present{roll, session, asker_.place_of(session.account(), session.app()), by_ms}));
  }
  // Where it cannot be kept, it is believed (locate.h).
  asker_.send(command, [this, roll, boot](const redisReply* reply) {
    end_part(*roll, asker_.done_of(reply).has_value() || is_only_away(boot));
  });
}

// The key's server is away, and others of the store are not.
bool RedisRolls::is_only_away(const std::string& key) const {
  if (asker_.servers() == nullptr) return false;  // they are going away
  const RedisNode* const server = asker_.servers()->node_of(key);
  if (server != nullptr && server->is_heard) return false;
  return std::ranges::any_of(asker_.servers()->nodes(),
                             [](const auto& one) { return one->is_well; });
}

// The channel is there, and its account is on it, unless the location names another one that is
// alive: one of another make, or of a boot that is alive, and that did not log in earlier. Else the
// location moves, unless somebody else has moved it meanwhile.
void RedisRolls::say_present(const std::shared_ptr<Present>& present) {
  const pkt::Session& session = present->session;
  const RedisCommand command =
      redis_eval_by(present->deadline_ms, kPresentScript, present->place,
                    {encode_location({session.channelid(), session.gateid()}),
                     std::to_string(options_.session_ttl_s), location_start(session.channelid()),
                     present->replaces});
  asker_.send(command, [this, present](const redisReply* reply) {
    const StoreResult<RedisAsker::Value> at = asker_.value_of(reply);
    if (!at) return end_part(*present->roll, false);
    if (!*at) return end_older(present);
    look_at_other(present, **at);
  });
}

void RedisRolls::look_at_other(const std::shared_ptr<Present>& present, const std::string& at) {
  const std::optional<Location> other = decode_location(at);
  // What is no location is nobody's.
  const std::string boot = other ? boot_key_of(*other).value_or("") : "";
  if (other && boot.empty()) return lose(*present);
  if (++present->tries > kMostRaces) return end_part(*present->roll, false);
  present->replaces = at;
  present->older.reset();
  if (!other) return say_present(present);
  asker_.send({{"GET", boot}}, [this, present, other](const redisReply* found) {
    const StoreResult<RedisAsker::Value> alive = asker_.value_of(found);
    if (!alive) return end_part(*present->roll, false);
    if (*alive) {
      if (!is_newer_login(present->session.channelid(), other->channel_id)) return lose(*present);
      present->older = other;
    }
    say_present(present);
  });
}

// Lost data have kept its sign-in from sending away who was there before. Its gateway does so, when
// it says that one again.
void RedisRolls::end_older(const std::shared_ptr<Present>& present) {
  if (!present->older) return keep_session(present);
  is_older_there_ = true;
  asker_.send({{"DEL", session_key(present->older->channel_id)}},
              [this, present](const redisReply* reply) {
                if (!asker_.done_of(reply)) return end_part(*present->roll, false);
                keep_session(present);
              });
}

void RedisRolls::keep_session(const std::shared_ptr<Present>& present) {
  const pkt::Session& session = present->session;
  const RedisCommand command =
      redis_eval_by(present->deadline_ms, kKeepScript, session_key(session.channelid()),
                    {session.SerializeAsString(), std::to_string(options_.session_ttl_s)});
  asker_.send(command, [this, present](const redisReply* reply) {
    end_part(*present->roll, asker_.done_of(reply).has_value());
  });
}

void RedisRolls::lose(const Present& present) {
  present.roll->lost.push_back(present.session.channelid());
  end_part(*present.roll, true);
}

void RedisRolls::end_part(Roll& roll, bool good) {
  roll.failed = roll.failed || !good;
  if (--roll.waits > 0) return;
  if (roll.failed) return asker_.finish(roll.job, std::unexpected(StoreError::kUnavailable));
  asker_.finish(roll.job, CallRoll::Answer{epoch_, std::move(roll.lost)});
}

// --- Whether they are the data that they were ---------------------------------------------------

// Of each server: one of a cluster may have lost its data.
void RedisRolls::ask_same_data(RedisNode& node, const RedisConnection::OnReply& then) {
  std::string key = std::string(kDataKey) + node.tag;
  RedisCommand command{{"EVAL", kSameDataScript, "2", key, std::string(kNewDataKey) + node.tag,
                        fmt::format("{}-{}", owner_, ++asked_), std::to_string(options_.boot_ms)},
                       3};
  const auto on_reply = [this, key = std::move(key), then](const redisReply* reply) {
    on_same_data(key, reply);
    then(reply);
  };
  if (!node.connection->send(command, on_reply)) then(nullptr);
}

void RedisRolls::on_same_data(const std::string& key, const redisReply* reply) {
  const bool is_pair = reply != nullptr && reply->type == REDIS_REPLY_ARRAY &&
                       reply->elements == 2 && reply->element[0]->type == REDIS_REPLY_STRING &&
                       reply->element[1]->type == REDIS_REPLY_INTEGER;
  if (!is_pair) return;
  const std::string_view value(reply->element[0]->str, reply->element[0]->len);
  std::string& before = same_data_[key];
  if (!before.empty() && value != before) on_data_lost();
  before = value;
  // Whoever did not see the loss is told by this, until the probe after the next.
  if (reply->element[1]->integer != 0) expect_for(2ULL * options_.probe_ms);
}

// Slots of a server that is gone are given away one by one: that is one loss for whoever reads it.
void RedisRolls::on_data_lost() {
  const std::uint64_t now_ms = Clock::monotonic_ms();
  if (now_ms >= loss_told_until_ms_) {
    spdlog::warn("the session store has lost its data: gateways are asked who is there");
    loss_told_until_ms_ = now_ms + options_.boot_ms;
  }
  forget_boots();
  expect_for(options_.boot_ms);
  begin_epoch();
}

void RedisRolls::expect_for(std::uint64_t ms) {
  expected_until_ms_ = std::max(expected_until_ms_, Clock::monotonic_ms() + ms);
}

bool RedisRolls::is_expected() const {
  return Clock::monotonic_ms() < expected_until_ms_;
}

// --- Whose gateway is alive ---------------------------------------------------------------------

bool RedisRolls::is_alive(const std::string& boot, std::uint64_t now_ms) const {
  const auto found = alive_until_ms_.find(boot);
  return found != alive_until_ms_.end() && found->second > now_ms;
}

void RedisRolls::note_boot(const std::string& boot, bool is_there) {
  if (!is_there) {
    alive_until_ms_.erase(boot);
    return;
  }
  const std::uint64_t now_ms = Clock::monotonic_ms();
  if (alive_until_ms_.size() > kMostBootsKept) {
    std::erase_if(alive_until_ms_, [now_ms](const auto& one) { return one.second <= now_ms; });
  }
  alive_until_ms_[boot] = now_ms + options_.boot_check_ms;
}

}  // namespace ringgate
