// RedisSessions: where accounts are. Many are asked for at once: each has an answer of its own, as
// in a cluster one server may be away, and the others say where theirs are.
#include <set>
#include <utility>

#include "dataplane/clock.h"
#include "services/store/layout.h"
#include "services/store/redis/sessions.h"

namespace ringgate {
namespace {

constexpr std::size_t kMostBootsKept = 4096;  // beyond, those that are over are forgotten

using Place = StoreResult<std::optional<Location>>;
using Places = std::vector<Place>;

Place location_of(const StoreResult<std::optional<std::string>>& value) {
  if (!value) return std::unexpected(value.error());
  return *value ? decode_location(**value) : std::nullopt;
}

}  // namespace

struct RedisSessions::Found {
  Places places;
  std::function<void(Places)> use;
  std::vector<std::string> boot_of;                           // of each; empty: as alive as it says
  std::unordered_map<std::string, StoreResult<Value>> lives;  // by boot key
};

void RedisSessions::ask(StoreJobOf<LocateAccount>& job) {
  const std::string place = place_of(job.request.account, job.request.app);
  find({place}, [this, &job, place](Places found) {
    if (found[0] && *found[0]) renew(place);
    finish(job, std::move(found[0]));
  });
}

// Their own requests renew them.
void RedisSessions::ask(StoreJobOf<LocateAccounts>& job) {
  std::vector<std::string> places;
  places.reserve(job.request.accounts.size());
  for (const std::string& account : job.request.accounts) {
    places.push_back(place_of(account, job.request.app));
  }
  find(places, [this, &job](Places found) {
    LocateAccounts::Answer answer;
    std::optional<StoreError> error;
    for (Place& one : found) {
      if (!one) {
        ++answer.unknown;
        error = one.error();
      } else if (*one) {
        answer.found.push_back(std::move(**one));
      }
    }
    if (error && answer.unknown == found.size()) return finish(job, std::unexpected(*error));
    finish(job, std::move(answer));
  });
}

// After a loss of data it is not known before the roll has been called.
Place RedisSessions::nobody() const {
  if (is_roll_expected()) return std::unexpected(StoreError::kUnavailable);
  return std::nullopt;
}

void RedisSessions::find(const std::vector<std::string>& places, std::function<void(Places)> use) {
  get_many(places, [this, use = std::move(use)](const std::vector<StoreResult<Value>>& values) {
    const auto found = std::make_shared<Found>();
    found->use = use;
    found->places.reserve(values.size());
    for (const StoreResult<Value>& value : values) {
      found->places.push_back(value && !*value ? nobody() : location_of(value));
    }
    check_boots(found);
  });
}

// Those that were not seen alive a moment ago are looked up. A location of a boot that has ended is
// void. One of a boot that nobody can say anything of is tried: its gateway, if it is there, knows
// its channels, and says so of one that has gone.
void RedisSessions::check_boots(const std::shared_ptr<Found>& found) {
  std::set<std::string> unknown;
  const std::uint64_t now_ms = Clock::monotonic_ms();
  for (const Place& place : found->places) {
    std::string boot = place && *place ? boot_key_of(**place).value_or("") : "";
    const auto alive = alive_until_ms_.find(boot);
    if (!boot.empty() && (alive == alive_until_ms_.end() || alive->second <= now_ms)) {
      unknown.insert(boot);
    }
    found->boot_of.push_back(std::move(boot));
  }
  const std::vector<std::string> boots(unknown.begin(), unknown.end());
  get_many(boots, [this, found, boots](const std::vector<StoreResult<Value>>& values) {
    for (std::size_t i = 0; i < boots.size(); ++i) {
      note_boot(boots[i], values[i]);
      found->lives.emplace(boots[i], values[i]);
    }
    for (std::size_t i = 0; i < found->places.size(); ++i) {
      const auto lives = found->lives.find(found->boot_of[i]);
      if (lives == found->lives.end()) continue;
      const StoreResult<Value>& boot = lives->second;
      if (boot && !*boot) found->places[i] = nobody();
    }
    found->use(std::move(found->places));
  });
}

void RedisSessions::note_boot(const std::string& boot, const StoreResult<Value>& value) {
  if (!value) return;
  if (!*value) {
    alive_until_ms_.erase(boot);
    return;
  }
  const std::uint64_t now_ms = Clock::monotonic_ms();
  if (alive_until_ms_.size() > kMostBootsKept) {
    std::erase_if(alive_until_ms_, [now_ms](const auto& one) { return one.second <= now_ms; });
  }
  alive_until_ms_[boot] = now_ms + options_.boot_check_ms;
}

// In one step where the keys are together; else one by one. `use` is called within this if there
// is nothing to ask.
void RedisSessions::get_many(const std::vector<std::string>& keys,
                             std::function<void(std::vector<StoreResult<Value>>)> use) {
  if (keys.empty()) return use({});
  if (servers_ != nullptr && servers_->has_all_keys_together()) {
    RedisCommand command{{"MGET"}};
    command.words.insert(command.words.end(), keys.begin(), keys.end());
    send(command, [this, count = keys.size(), use = std::move(use)](const redisReply* reply) {
      StoreResult<std::vector<Value>> values = values_of(reply, count);
      if (!values) {
        return use(std::vector<StoreResult<Value>>(count, std::unexpected(values.error())));
      }
      use({values->begin(), values->end()});
    });
    return;
  }
  struct All {
    std::vector<StoreResult<Value>> values;
    std::size_t left;
    std::function<void(std::vector<StoreResult<Value>>)> use;
  };
  const auto all = std::make_shared<All>(
      All{std::vector<StoreResult<Value>>(keys.size()), keys.size(), std::move(use)});
  for (std::size_t i = 0; i < keys.size(); ++i) {
    send({{"GET", keys[i]}}, [this, all, i](const redisReply* reply) {
      all->values[i] = value_of(reply);
      if (--all->left == 0) all->use(std::move(all->values));
    });
  }
}

}  // namespace ringgate
