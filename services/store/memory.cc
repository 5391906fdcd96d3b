#include "services/store/memory.h"

#include <utility>

#include "dataplane/check.h"
#include "dataplane/clock.h"
#include "services/store/layout.h"

namespace ringgate {

std::unique_ptr<SessionStore> MemorySessions::of_shard(Shard& shard, MessageIds& ids) {
  RINGGATE_CHECK(shard.options().shards == 1);
  ids.grant(NodeLease{});
  const auto answer_here = [this](StoreJob& job) {
    SessionCalls::visit(job, [this](auto& typed) { answer(typed); });
  };
  return std::make_unique<SessionStore>(
      std::make_unique<StoreClient>(answer_here, shard, metrics_.of_shard(0)));
}

std::string MemorySessions::place_of(const std::string& account, const std::string& app) const {
  return location_key(account, app, default_app_);
}

std::optional<Location> MemorySessions::location_at(const std::string& place) const {
  const auto found = locations_.find(place);
  if (found == locations_.end()) return std::nullopt;
  if (const std::optional<std::string> boot = boot_key_of(found->second)) {
    const auto lives = boots_.find(*boot);
    if (lives == boots_.end() || lives->second <= Clock::monotonic_ms()) return std::nullopt;
  }
  return found->second;
}

void MemorySessions::answer(StoreJobOf<AddSession>& job) {
  const pkt::Session& session = job.request.session;
  Location& place = locations_[place_of(session.account(), session.app())];
  job.answer = std::nullopt;
  if (!place.channel_id.empty() && place.channel_id != session.channelid()) {
    sessions_.erase(place.channel_id);
    job.answer = std::move(place);
  }
  place = job.request.location();
  sessions_.insert_or_assign(session.channelid(), session);
}

void MemorySessions::answer(StoreJobOf<RemoveSession>& job) {
  job.answer = {};
  RemoveSession& what = job.request;
  const auto session = sessions_.find(what.channel_id);
  if (session != sessions_.end()) {
    if (what.account.empty()) {
      what.account = session->second.account();
      what.app = session->second.app();
    }
    sessions_.erase(session);
  }
  const auto place = locations_.find(place_of(what.account, what.app));
  if (place == locations_.end() || place->second.channel_id != what.channel_id) return;
  locations_.erase(place);
}

void MemorySessions::answer(StoreJobOf<GetSession>& job) {
  const auto found = sessions_.find(job.request.channel_id);
  job.answer = found == sessions_.end() ? std::nullopt : std::optional(found->second);
}

void MemorySessions::answer(StoreJobOf<LocateAccount>& job) {
  job.answer = location_at(place_of(job.request.account, job.request.app));
}

void MemorySessions::answer(StoreJobOf<LocateAccounts>& job) {
  LocateAccounts::Answer& answer = job.answer.emplace();
  for (const std::string& account : job.request.accounts) {
    if (auto location = location_at(place_of(account, job.request.app))) {
      answer.found.push_back(std::move(*location));
    }
  }
}

void MemorySessions::answer(StoreJobOf<CallRoll>& job) {
  CallRoll::Answer& answer = job.answer.emplace();
  answer.epoch = 1;  // it forgets nothing
  const std::uint64_t now_ms = Clock::monotonic_ms();
  std::erase_if(boots_, [now_ms](const auto& boot) { return boot.second <= now_ms; });
  const std::string boot = boot_key(job.request.gateway_id, job.request.boot);
  if (job.request.roll.ends()) {
    boots_.erase(boot);
    return;
  }
  boots_[boot] = now_ms + boot_ms_;
  for (const pkt::Session& session : job.request.roll.present()) {
    const std::string place = place_of(session.account(), session.app());
    const std::optional<Location> at = location_at(place);
    if (at && at->channel_id != session.channelid()) {
      answer.lost.push_back(session.channelid());
      continue;
    }
    sessions_.try_emplace(session.channelid(), session);
    locations_.insert_or_assign(place, Location{session.channelid(), session.gateid()});
  }
}

MakeSessions memory_sessions(std::string default_app, std::uint32_t boot_ms) {
  return [kept = std::make_shared<MemorySessions>(std::move(default_app), boot_ms)](
             Shard& shard, MessageIds& ids) { return kept->of_shard(shard, ids); };
}

}  // namespace ringgate
