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

constexpr const char* kSameDataKey = "ringgate:data";
constexpr std::size_t kMostBootsKept = 4096;  // beyond, those that are over are forgotten

}  // namespace

// Until every part has its answer.
struct RedisStoreThread::Roll {
  Asker asker;
  std::size_t waits = 1;  // for the boot, and for each channel
  bool failed = false;
  std::vector<std::optional<std::string>> lost;
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
  std::vector<std::string> words;
  if (present.ends()) {
    alive_until_ms_.erase(boot);
    words = {"DEL", boot};
  } else {
    words = {"EVAL", kBootScript, "1", boot, last_ms(), std::to_string(options_.boot_ms)};
  }
  for (const pkt::Session& session : present.present()) say_present(roll, session);
  const auto on_reply = [this, roll](const redisReply* reply) {
    roll->failed = roll->failed || answer_of(reply, {Expected::Kind::kDone}).error.has_value();
    end_roll_part(*roll);
  };
  if (!connection_->send(words, on_reply)) {
    roll->failed = true;
    end_roll_part(*roll);
  }
}

void RedisStoreThread::say_present(const std::shared_ptr<Roll>& roll, const pkt::Session& session) {
  const std::string& channel = session.channelid();
  ++roll->waits;
  const std::vector<std::string> words = {
      "EVAL",
      kPresentScript,
      "2",
      session_key(channel),
      location_key(session.account(), session.app(), options_.default_app),
      last_ms(),
      session.SerializeAsString(),
      encode_location({channel, session.gateid()}),
      std::to_string(options_.session_ttl_s),
      location_start(channel),
      std::string(kBootPrefix)};
  const auto on_reply = [this, roll, channel](const redisReply* reply) {
    const StoreAnswer at = answer_of(reply, {});
    roll->failed = roll->failed || at.error.has_value();
    if (!at.error && at.values[0]) roll->lost.emplace_back(channel);
    end_roll_part(*roll);
  };
  if (connection_->send(words, on_reply)) return;
  roll->failed = true;
  --roll->waits;
}

void RedisStoreThread::end_roll_part(Roll& roll) {
  if (--roll.waits > 0) return;
  if (roll.failed) return answer(roll.asker, {StoreError::kUnavailable, {}});
  StoreAnswer outcome;
  outcome.values.emplace_back(std::to_string(epoch_));
  for (auto& channel : roll.lost) outcome.values.push_back(std::move(channel));
  answer(roll.asker, outcome);
}

// --- Where accounts are -------------------------------------------------------------------------

void RedisStoreThread::locate(const StoreRequest& request, Asker asker) {
  std::vector<std::string> words = {"MGET"};
  for (const std::string& account : request.accounts) words.push_back(place_of(account, request));
  if (words.size() == 1) return answer(asker, StoreAnswer{});
  const auto found = std::make_shared<Found>();
  found->asker = asker;
  // Many are looked up for a group: their own requests renew them.
  if (words.size() == 2) found->renew = words[1];
  const Expected values{Expected::Kind::kValues, request.accounts.size()};
  const bool sent = connection_->send(words, [this, found, values](const redisReply* reply) {
    found->answer = answer_of(reply, values);
    check_boots(found);
  });
  if (!sent) answer(asker, StoreAnswer{StoreError::kUnavailable, {}});
}

// Those that were not seen alive a moment ago are looked up.
void RedisStoreThread::check_boots(const std::shared_ptr<Found>& found) {
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
  std::vector<std::string> words = {"MGET"};
  words.insert(words.end(), found->boots.begin(), found->boots.end());
  const bool sent = connection_->send(words, [this, found](const redisReply* reply) {
    const StoreAnswer boots = answer_of(reply, {Expected::Kind::kValues, found->boots.size()});
    const std::uint64_t until_ms = Clock::monotonic_ms() + options_.boot_check_ms;
    if (alive_until_ms_.size() > kMostBootsKept) {
      std::erase_if(alive_until_ms_, [&](const auto& boot) {
        return boot.second + options_.boot_check_ms <= until_ms;
      });
    }
    for (std::size_t i = 0; i < found->boots.size() && !boots.error; ++i) {
      if (boots.values[i]) {
        alive_until_ms_[found->boots[i]] = until_ms;
      } else {
        alive_until_ms_.erase(found->boots[i]);
      }
    }
    if (boots.error) found->answer = boots;
    answer_found(*found);
  });
  if (!sent) answer(found->asker, StoreAnswer{StoreError::kUnavailable, {}});
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

// --- Whether they are the data that they were
// -----------------------------------------------------

void RedisStoreThread::ask_same_data() {
  const std::vector<std::string> words = {"EVAL", kSameDataScript, "1", kSameDataKey,
                                          fmt::format("{}-{}", owner_, probes_)};
  static_cast<void>(
      connection_->send(words, [this](const redisReply* reply) { on_same_data(reply); }));
}

void RedisStoreThread::on_same_data(const redisReply* reply) {
  if (reply == nullptr || reply->type != REDIS_REPLY_STRING) return;
  std::string value(reply->str, reply->len);
  if (!same_data_.empty() && value != same_data_) {
    spdlog::warn("the session store has lost its data: gateways are asked who is there");
    alive_until_ms_.clear();
    next_epoch();
  }
  same_data_ = std::move(value);
}

}  // namespace ringgate
