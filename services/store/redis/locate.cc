#include "services/store/redis/locate.h"

#include <set>
#include <unordered_map>
#include <utility>

#include "dataplane/clock.h"
#include "services/store/layout.h"

namespace ringgate {

struct RedisLocator::Found {
  Places places;
  std::function<void(Places)> use;
  std::vector<std::string> boot_of;  // of each; empty: as alive as it says
  std::unordered_map<std::string, StoreResult<RedisAsker::Value>> lives;  // by boot key
};

void RedisLocator::ask(StoreJobOf<LocateAccount>& job) {
  const std::string place = asker_.place_of(job.request.account, job.request.app);
  find({place}, [this, &job, place](Places found) {
    if (found[0] && *found[0]) asker_.renew(place);
    asker_.finish(job, std::move(found[0]));
  });
}

// Their own requests renew them.
void RedisLocator::ask(StoreJobOf<LocateAccounts>& job) {
  std::vector<std::string> places;
  places.reserve(job.request.accounts.size());
  for (const std::string& account : job.request.accounts) {
    places.push_back(asker_.place_of(account, job.request.app));
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
    if (error && answer.unknown == found.size()) return asker_.finish(job, std::unexpected(*error));
    asker_.finish(job, std::move(answer));
  });
}

RedisLocator::Place RedisLocator::location_of(const StoreResult<RedisAsker::Value>& value) {
  if (!value) return std::unexpected(value.error());
  return *value ? decode_location(**value) : std::nullopt;
}

// After a loss of data it is not known before the roll has been called.
RedisLocator::Place RedisLocator::nobody() const {
  if (rolls_.is_expected()) return std::unexpected(StoreError::kUnavailable);
  return std::nullopt;
}

void RedisLocator::find(const std::vector<std::string>& places, std::function<void(Places)> use) {
  get_many(places, [this, use = std::move(use)](const Values& values) {
    const auto found = std::make_shared<Found>();
    found->use = use;
    found->places.reserve(values.size());
    for (const StoreResult<RedisAsker::Value>& value : values) {
      found->places.push_back(value && !*value ? nobody() : location_of(value));
    }
    check_boots(found);
  });
}

// Those that were not seen alive a moment ago are looked up. A location of a boot that has ended is
// void. One of a boot that nobody can say anything of is tried: its gateway, if it is there, knows
// its channels, and says so of one that has gone.
void RedisLocator::check_boots(const std::shared_ptr<Found>& found) {
  std::set<std::string> unknown;
  const std::uint64_t now_ms = Clock::monotonic_ms();
  for (const Place& place : found->places) {
    std::string boot = place && *place ? boot_key_of(**place).value_or("") : "";
    if (!boot.empty() && !rolls_.is_alive(boot, now_ms)) {
      unknown.insert(boot);
    }
    found->boot_of.push_back(std::move(boot));
  }
  const std::vector<std::string> boots(unknown.begin(), unknown.end());
  get_many(boots, [this, found, boots](const Values& values) {
    for (std::size_t i = 0; i < boots.size(); ++i) {
      note_boot(boots[i], values[i]);
      found->lives.emplace(boots[i], values[i]);
    }
    for (std::size_t i = 0; i < found->places.size(); ++i) {
      const auto lives = found->lives.find(found->boot_of[i]);
      if (lives == found->lives.end()) continue;
      const StoreResult<RedisAsker::Value>& boot = lives->second;
      if (boot && !*boot) found->places[i] = nobody();
    }
    found->use(std::move(found->places));
  });
}

void RedisLocator::note_boot(const std::string& boot, const StoreResult<RedisAsker::Value>& value) {
  if (value) rolls_.note_boot(boot, value->has_value());
}

// In one step where the keys are together; else one by one. `use` is called within this if there
// is nothing to ask.
void RedisLocator::get_many(const std::vector<std::string>& keys, std::function<void(Values)> use) {
  if (keys.empty()) return use({});
  if (asker_.servers() != nullptr && asker_.servers()->has_all_keys_together()) {
    RedisCommand command{{"MGET"}};
    command.words.insert(command.words.end(), keys.begin(), keys.end());
    asker_.send(
        command, [this, count = keys.size(), use = std::move(use)](const redisReply* reply) {
          StoreResult<std::vector<RedisAsker::Value>> values = asker_.values_of(reply, count);
          if (!values) {
            return use(Values(count, std::unexpected(values.error())));
          }
          use({values->begin(), values->end()});
        });
    return;
  }
  struct All {
    Values values;
    std::size_t left;
    std::function<void(Values)> use;
  };
  const auto all = std::make_shared<All>(All{Values(keys.size()), keys.size(), std::move(use)});
  for (std::size_t i = 0; i < keys.size(); ++i) {
    asker_.send({{"GET", keys[i]}}, [this, all, i](const redisReply* reply) {
      all->values[i] = asker_.value_of(reply);
      if (--all->left == 0) all->use(std::move(all->values));
    });
  }
}

}  // namespace ringgate
