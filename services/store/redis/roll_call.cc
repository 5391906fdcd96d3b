// RedisStoreThread: what gateways of ours say about themselves, and what is believed of it. A boot
// of a gateway is a key that ends by itself; locations of a boot without a key are void.
#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <spdlog/spdlog.h>

#include <set>
#include <utility>

#include "dataplane/clock.h"
#include "services/store/layout.h"
#include "services/store/redis/scripts.h"
#include "services/store/redis/thread.h"

namespace ringgate {
namespace {

constexpr std::string_view kSameDataKey = "ringgate:data";
constexpr int kMostRaces = 3;                 // with others who move the same location
constexpr std::size_t kMostBootsKept = 4096;  // beyond, those that are over are forgotten

}  // namespace

// Until every part has its answer.
struct RedisStoreThread::Roll {
  Asker asker;
  std::size_t waits = 1;  // for the boot, and for each channel
  bool failed = false;
  std::vector<std::optional<std::string>> lost;
};

struct RedisStoreThread::Present {
  std::shared_ptr<Roll> roll;
  std::string channel;
  std::string place;
  std::string location;
  std::string session;
  std::string replaces;  // a location that nobody is at
  std::uint64_t deadline_ms;
  int tries = 0;
};

struct RedisStoreThread::Found {
  Asker asker;
  StoreAnswer answer;
  std::vector<std::string> boots;    // boot keys that have to be looked up
  std::vector<std::string> boot_of;  // of each value; empty: as alive as its location says
  std::string renew;                 // the location key, if it was only one
};

void RedisStoreThread::call_roll(const StoreRequest& request, Asker asker) {
  pkt::RollCallReq present;
  if (!present.ParseFromString(request.session)) return answer(asker, {StoreError::kBadName, {}});
  const std::string boot = boot_key(request.location.gateway_id, request.location.channel_id);
  const auto roll = std::make_shared<Roll>(Roll{asker, 1, false, {}});
  RedisCommand command{{"DEL", boot}};
  if (present.ends()) {
    alive_until_ms_.erase(boot);
  } else {
    command = redis_eval_by(deadline_ms(), kBootScript, boot, {std::to_string(options_.boot_ms)});
  }
  for (const pkt::Session& session : present.present()) {
    ++roll->waits;
    say_present(
        std::make_shared<Present>(Present{roll,
                                          session.channelid(),
                                          place_of(session.account(), session.app()),
                                          encode_location({session.channelid(), session.gateid()}),
                                          session.SerializeAsString(),
                                          {},
                                          deadline_ms()}));
  }
  const auto on_reply = [this, roll](const redisReply* reply) {
    end_roll_part(*roll, !answer_of(reply, {Expected::Kind::kDone}).error);
  };
  send(command, on_reply);
}

// The channel is there, and its account is on it, unless the location names another one that is
// alive: one of another make, or of a boot that is alive. If it is not, the location moves, unless
// somebody else has moved it meanwhile.
void RedisStoreThread::say_present(const std::shared_ptr<Present>& present) {
  const auto on_reply = [this, present](const redisReply* reply) {
    const StoreAnswer at = answer_of(reply, {});
    if (at.error) return end_roll_part(*present->roll, false);
    if (!at.values[0]) return keep_session(present);
    const std::optional<Location> other = decode_location(*at.values[0]);
    // What is no location is nobody's.
    const std::string boot = other ? boot_key_of(*other).value_or("") : "";
    if (other && boot.empty()) return lose(*present);
    if (++present->tries > kMostRaces) return end_roll_part(*present->roll, false);
    present->replaces = *at.values[0];
    if (!other) return say_present(present);
    const auto on_boot = [this, present](const redisReply* found) {
      const StoreAnswer alive = answer_of(found, {});
      if (alive.error) return end_roll_part(*present->roll, false);
      if (alive.values[0]) return lose(*present);
      say_present(present);
    };
    send({{"GET", boot}}, on_boot);
  };
  const RedisCommand command =
      redis_eval_by(present->deadline_ms, kPresentScript, present->place,
                    {present->location, std::to_string(options_.session_ttl_s),
                     location_start(present->channel), present->replaces});
  send(command, on_reply);
}

void RedisStoreThread::keep_session(const std::shared_ptr<Present>& present) {
  const auto on_reply = [this, present](const redisReply* reply) {
    end_roll_part(*present->roll, !answer_of(reply, {Expected::Kind::kDone}).error);
  };
  const RedisCommand command =
      redis_eval_by(present->deadline_ms, kKeepScript, session_key(present->channel),
                    {present->session, std::to_string(options_.session_ttl_s)});
  send(command, on_reply);
}

void RedisStoreThread::lose(const Present& present) {
  present.roll->lost.emplace_back(present.channel);
  end_roll_part(*present.roll, true);
}

void RedisStoreThread::end_roll_part(Roll& roll, bool good) {
  roll.failed = roll.failed || !good;
  if (--roll.waits > 0) return;
  if (roll.failed) return answer(roll.asker, {StoreError::kUnavailable, {}});
  StoreAnswer outcome;
  outcome.values.emplace_back(std::to_string(epoch_));
  for (auto& channel : roll.lost) outcome.values.push_back(std::move(channel));
  answer(roll.asker, outcome);
}

// --- Where accounts are -------------------------------------------------------------------------

// In one step where the keys are together; else one by one, and one that fails fails all.
void RedisStoreThread::get_many(const std::vector<std::string>& keys,
                                std::function<void(StoreAnswer)> use) {
  if (servers_->has_all_keys_together()) {
    RedisCommand command{{"MGET"}};
    command.words.insert(command.words.end(), keys.begin(), keys.end());
    const Expected values{Expected::Kind::kValues, keys.size()};
    const auto on_reply = [this, values, use = std::move(use)](const redisReply* reply) {
      use(answer_of(reply, values));
    };
    send(command, on_reply);
    return;
  }
  struct All {
    std::function<void(StoreAnswer)> use;
    StoreAnswer answer;
    std::size_t left;
  };
  const auto all = std::make_shared<All>(All{std::move(use), {}, keys.size()});
  all->answer.values.resize(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto on_reply = [this, all, i](const redisReply* reply) {
      StoreAnswer one = answer_of(reply, {});
      if (one.error) {
        all->answer.error = one.error;
      } else {
        all->answer.values[i] = std::move(one.values[0]);
      }
      if (--all->left == 0) all->use(std::move(all->answer));
    };
    send({{"GET", keys[i]}}, on_reply);
  }
}

void RedisStoreThread::locate(const StoreRequest& request, Asker asker) {
  std::vector<std::string> places;
  places.reserve(request.accounts.size());
  for (const std::string& account : request.accounts) {
    places.push_back(place_of(account, request.app));
  }
  if (places.empty()) return answer(asker, StoreAnswer{});
  const auto found = std::make_shared<Found>();
  found->asker = asker;
  // Many are looked up for a group: their own requests renew them.
  if (places.size() == 1) found->renew = places[0];
  get_many(places, [this, found](StoreAnswer values) {
    found->answer = std::move(values);
    check_boots(found);
  });
}

// Those that were not seen alive a moment ago are looked up.
void RedisStoreThread::check_boots(const std::shared_ptr<Found>& found) {
  // Some may have been found. The servers may be going away: nothing more is asked of them.
  if (found->answer.error) return answer_found(*found);
  std::set<std::string> unknown;
  const std::uint64_t now_ms = Clock::monotonic_ms();
  for (const auto& value : found->answer.values) {
    const std::optional<Location> location = value ? decode_location(*value) : std::nullopt;
    std::string boot = location ? boot_key_of(*location).value_or("") : "";
    const auto alive = alive_until_ms_.find(boot);
    if (!boot.empty() && (alive == alive_until_ms_.end() || alive->second <= now_ms)) {
      unknown.insert(boot);
    }
    found->boot_of.push_back(std::move(boot));
  }
  if (unknown.empty()) return answer_found(*found);
  found->boots.assign(unknown.begin(), unknown.end());
  get_many(found->boots, [this, found](const StoreAnswer& boots) {
    note_boots(found->boots, boots);
    if (boots.error) found->answer = boots;
    answer_found(*found);
  });
}

void RedisStoreThread::note_boots(const std::vector<std::string>& keys, const StoreAnswer& boots) {
  if (boots.error) return;
  const std::uint64_t until_ms = Clock::monotonic_ms() + options_.boot_check_ms;
  if (alive_until_ms_.size() > kMostBootsKept) {
    std::erase_if(alive_until_ms_, [&](const auto& boot) {
      return boot.second + options_.boot_check_ms <= until_ms;
    });
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (boots.values[i]) {
      alive_until_ms_[keys[i]] = until_ms;
    } else {
      alive_until_ms_.erase(keys[i]);
    }
  }
}

void RedisStoreThread::answer_found(Found& found) {
  for (std::size_t i = 0; i < found.answer.values.size() && !found.answer.error; ++i) {
    const std::string& boot = found.boot_of[i];
    if (!boot.empty() && !alive_until_ms_.contains(boot)) found.answer.values[i].reset();
  }
  const bool one = !found.renew.empty() && found.answer.values.size() == 1;
  if (one && found.answer.values[0]) renew(found.renew);
  answer(found.asker, found.answer);
}

// --- Whether they are the data that they were ---------------------------------------------------

// Of each server: one of a cluster may have lost its data.
void RedisStoreThread::ask_same_data(RedisNode& node) {
  const std::string key = std::string(kSameDataKey) + node.tag;
  const RedisCommand command =
      redis_eval(kSameDataScript, key, {fmt::format("{}-{}", owner_, probes_)});
  const bool sent = node.connection->send(
      command, [this, key](const redisReply* reply) { on_same_data(key, reply); });
  static_cast<void>(sent);  // the next probe asks again
}

void RedisStoreThread::on_same_data(const std::string& key, const redisReply* reply) {
  if (reply == nullptr || reply->type != REDIS_REPLY_STRING) return;
  const std::string_view value(reply->str, reply->len);
  std::string& before = same_data_[key];
  if (!before.empty() && value != before) {
    spdlog::warn("the session store has lost its data: gateways are asked who is there");
    alive_until_ms_.clear();
    next_epoch();
  }
  before = value;
}

}  // namespace ringgate
