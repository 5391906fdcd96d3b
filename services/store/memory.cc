#include "services/store/memory.h"

#include <utility>

#include "dataplane/check.h"
#include "dataplane/clock.h"
#include "services/store/layout.h"

namespace ringgate {

std::optional<std::string> MemoryStore::find(const Values& values, const std::string& key) {
  const auto found = values.find(key);
  if (found == values.end()) return std::nullopt;
  return found->second;
}

std::string MemoryStore::place_of(const std::string& account, const StoreRequest& request) const {
  return location_key(account, request.app, default_app_);
}

bool MemoryStore::submit(SessionCallBase& call) {
  const StoreRequest& request = call.request;
  switch (request.op) {
    case StoreOp::kAdd:
      add(request, call.answer);
      break;
    case StoreOp::kRemove:
      remove(request);
      break;
    case StoreOp::kGet:
      call.answer.values.push_back(find(sessions_, request.location.channel_id));
      break;
    case StoreOp::kLocate:
      for (const std::string& account : request.accounts) {
        call.answer.values.push_back(location_at(place_of(account, request)));
      }
      break;
    case StoreOp::kRollCall:
      call_roll(request, call.answer);
      break;
  }
  return false;
}

std::optional<std::string> MemoryStore::location_at(const std::string& place) const {
  std::optional<std::string> value = find(locations_, place);
  const std::optional<Location> location = value ? decode_location(*value) : std::nullopt;
  const std::optional<std::string> boot = location ? boot_key_of(*location) : std::nullopt;
  if (!boot) return value;
  const auto lives = boots_.find(*boot);
  if (lives == boots_.end() || lives->second <= Clock::monotonic_ms()) return std::nullopt;
  return value;
}

void MemoryStore::call_roll(const StoreRequest& request, StoreAnswer& answer) {
  answer.values.emplace_back("1");  // it forgets nothing
  const std::uint64_t now_ms = Clock::monotonic_ms();
  std::erase_if(boots_, [now_ms](const auto& boot) { return boot.second <= now_ms; });
  pkt::RollCallReq roll;
  if (!roll.ParseFromString(request.session)) return;
  const std::string boot = boot_key(request.location.gateway_id, request.location.channel_id);
  if (roll.ends()) {
    boots_.erase(boot);
    return;
  }
  boots_[boot] = now_ms + boot_ms_;
  for (const pkt::Session& session : roll.present()) {
    const std::string place = location_key(session.account(), session.app(), default_app_);
    const std::optional<std::string> at = location_at(place);
    const std::optional<Location> location = at ? decode_location(*at) : std::nullopt;
    if (location && location->channel_id != session.channelid()) {
      answer.values.emplace_back(session.channelid());
      continue;
    }
    sessions_.try_emplace(session.channelid(), session.SerializeAsString());
    locations_.insert_or_assign(place, encode_location({session.channelid(), session.gateid()}));
  }
}

void MemoryStore::add(const StoreRequest& request, StoreAnswer& answer) {
  const std::string place = place_of(request.accounts.front(), request);
  const std::optional<std::string> before = find(locations_, place);
  const std::optional<Location> old = before ? decode_location(*before) : std::nullopt;
  if (old && old->channel_id != request.location.channel_id) {
    sessions_.erase(old->channel_id);
    answer.values.push_back(before);
  }
  sessions_.insert_or_assign(request.location.channel_id, request.session);
  locations_.insert_or_assign(place, encode_location(request.location));
}

void MemoryStore::remove(const StoreRequest& request) {
  const auto session = sessions_.find(request.location.channel_id);
  std::string account = request.accounts.empty() ? std::string() : request.accounts.front();
  std::string app = request.app;
  if (pkt::Session kept;
      account.empty() && session != sessions_.end() && kept.ParseFromString(session->second)) {
    account = kept.account();
    app = kept.app();
  }
  if (session != sessions_.end()) sessions_.erase(session);
  const auto place = locations_.find(location_key(account, app, default_app_));
  if (place == locations_.end()) return;
  const std::optional<Location> location = decode_location(place->second);
  if (location && location->channel_id == request.location.channel_id) locations_.erase(place);
}

MakeStore memory_store(std::string default_app, std::uint32_t boot_ms) {
  return [default_app = std::move(default_app), boot_ms](
             Shard& shard, MessageIds& ids) -> std::unique_ptr<SessionStore> {
    RINGGATE_CHECK(shard.options().shards == 1);
    ids.grant(NodeLease{});
    return std::make_unique<MemoryStore>(default_app, boot_ms);
  };
}

}  // namespace ringgate
