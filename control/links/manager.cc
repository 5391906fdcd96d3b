#include "control/links/manager.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "control/base/address.h"
#include "control/observe/log_event.h"

namespace ringgate {
namespace {

template <class Lanes>
bool is_up(const Lanes& lanes) {
  return std::ranges::any_of(lanes, [](const auto& lane) { return lane.state == LaneState::kUp; });
}

// What it says that it takes on a link, where it says so. Nonsense would refuse every packet to it:
// nothing then.
std::optional<std::size_t> said_max_frame(const Instance& service) {
  const auto entry = service.meta.find("max_frame");
  std::size_t bytes = 0;
  if (entry == service.meta.end()) return SIZE_MAX;
  const std::string& text = entry->second;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), bytes);
  const bool is_number = read.ec == std::errc() && read.ptr == text.data() + text.size();
  if (!is_number || bytes < kLeastLinkFrame) return std::nullopt;
  return bytes;
}

void warn_of_max_frame(const Instance& service) {
  if (said_max_frame(service)) return;
  constexpr std::size_t kMostQuoted = 32;
  spdlog::warn("service {} ({}) says max_frame {}, which is no number of {} at least: ignored",
               service.id, service.name, service.meta.at("max_frame").substr(0, kMostQuoted),
               kLeastLinkFrame);
}

bool says_another_max_frame(const Instance& now, const Instance& before) {
  const auto entry = now.meta.find("max_frame");
  const auto old = before.meta.find("max_frame");
  if (entry == now.meta.end()) return false;
  return old == before.meta.end() || old->second != entry->second;
}

}  // namespace

LinkManager::LinkManager(ControlLoop& loop, ShardGroup& shards, LinkManagerOptions options,
                         SendCatalogue send_catalogue)
    : loop_(loop),
      shards_(shards),
      options_(std::move(options)),
      send_catalogue_(std::move(send_catalogue)),
      dialler_(loop, options_.dial_timeout, tls_counts_),
      catalogues_(shards.size()) {}

LinkManager::~LinkManager() {
  stop();
}

void LinkManager::stop() {
  stopped_ = true;
  for (const auto& [name, held] : holds_) loop_.cancel(held.timer);
  holds_.clear();
  for (auto& [upstream, target] : targets_) {
    loop_.cancel(target.timer);
    for (Lane& lane : target.lanes) {
      loop_.cancel(lane.timer);
      dialler_.abandon(lane.dial);
    }
  }
}

void LinkManager::update(const std::string& name, const std::vector<Instance>& services,
                         bool partial) {
  if (stopped_) return;
  const bool at_start = known_names_.insert(name).second;
  if (services.empty() && hold(name)) return;
  if (partial) begin_hold(name);  // ends at once where nobody is missing
  apply(name, with_held(name, services), at_start);
}

// An agent that has lost its memory gets it back piece by piece: while a list is held, those whose
// link is up stay although they are not in it yet.
std::vector<Instance> LinkManager::with_held(const std::string& name,
                                             const std::vector<Instance>& services) {
  std::vector<Instance> all = services;
  const auto held = holds_.find(name);
  if (held == holds_.end()) return all;
  held->second.last = services;
  for (const auto& [upstream, target] : targets_) {
    if (target.service.name != name || target.draining || !is_up(target.lanes)) continue;
    const bool listed = std::ranges::any_of(
        services, [&](const Instance& service) { return service.id == target.service.id; });
    if (!listed) all.push_back(target.service);
  }
  if (all.size() == services.size()) end_hold(name);
  return all;
}

// True: the empty list is not believed yet. Those of its instances whose link is down are given up.
bool LinkManager::hold(const std::string& name) {
  if (options_.empty_list_hold.count() == 0) return false;
  bool any_up = false;
  for (auto& [upstream, target] : targets_) {
    if (target.service.name != name || target.draining) continue;
    const bool up = is_up(target.lanes);
    any_up = any_up || up;
    if (!up) begin_drain(target);
  }
  if (!any_up) return false;
  if (!holds_.contains(name)) {
    spdlog::warn(
        "the registry knows no {} any more, but there are links: they stay in use for {} s", name,
        options_.empty_list_hold.count() / 1000);
  }
  begin_hold(name);
  holds_[name].last.clear();
  publish();
  return true;
}

void LinkManager::begin_hold(const std::string& name) {
  if (options_.empty_list_hold.count() == 0 || holds_.contains(name)) return;
  holds_[name].timer = loop_.after(options_.empty_list_hold, [this, name] {
    const std::vector<Instance> last = std::move(holds_.extract(name).mapped().last);
    apply(name, last, false);
  });
}

void LinkManager::end_hold(const std::string& name) {
  const auto held = holds_.find(name);
  if (held == holds_.end()) return;
  loop_.cancel(held->second.timer);
  holds_.erase(held);
}

void LinkManager::apply(const std::string& name, const std::vector<Instance>& services,
                        bool at_start) {
  for (auto& [upstream, target] : targets_) {
    if (target.service.name != name || target.draining) continue;
    const auto same = [&target](const Instance& service) {
      return service.id == target.service.id && service.protocol == target.service.protocol &&
             service.address == target.service.address && service.port == target.service.port &&
             service.lanes() == target.service.lanes() &&
             service.is_tls() == target.service.is_tls() &&
             service.takes_roll_calls() == target.service.takes_roll_calls();
    };
    // One that moved is drained at its old address and found anew at the other.
    const auto found = std::ranges::find_if(services, same);
    if (found == services.end()) {
      begin_drain(target);
    } else {
      const bool is_news = target.service != *found;
      if (says_another_max_frame(*found, target.service)) warn_of_max_frame(*found);
      target.service = *found;  // its zone, its tags or the time of its start may have changed
      if (is_news) dial_waiting(target);
    }
  }
  for (const Instance& service : services) {
    if (service.protocol != "tcp") continue;
    const bool known = std::ranges::any_of(targets_, [&](const auto& entry) {
      const Target& target = entry.second;
      return !target.draining && target.service.name == name && target.service.id == service.id;
    });
    if (!known) add(service, at_start);
  }
  publish();
}

void LinkManager::add(const Instance& service, bool adult) {
  const std::uint32_t upstream = next_upstream_++;
  Target& target = targets_[upstream];
  target.upstream = upstream;
  target.service = service;
  target.adult = adult || options_.young_for.count() == 0;
  const bool lanes = options_.lanes && service.lanes();
  target.lanes.resize(lanes ? shards_.size() : 1);
  for (std::uint32_t i = 0; i < target.lanes.size(); ++i) {
    target.lanes[i].shard = lanes ? i : upstream % shards_.size();
  }
  const std::string address = format_endpoint({service.address, service.port});
  log_event(LogEvent::kServiceFound,
            {{"id", service.id},
             {"service", service.name},
             {"address", address},
             {"adult", target.adult}},
            fmt::format("service {} ({}) found at {}, {}", service.id, service.name, address,
                        target.adult ? "adult" : "young"));
  warn_of_max_frame(service);
  if (!target.adult) {
    target.timer = loop_.after(options_.young_for, [this, upstream] {
      if (Target* const grown = find(upstream); grown != nullptr && !grown->draining) {
        grown->timer = 0;
        grown->adult = true;
        publish();
      }
    });
  }
  for (std::uint32_t i = 0; i < target.lanes.size(); ++i) dial(upstream, i);
}

void LinkManager::link_seen(const LinkEvent& event) {
  Lane* const lane = lane_of(event);
  if (lane == nullptr || lane->not_seen == 0) return;
  lane->refused = false;
  if (--lane->not_seen == 0) changed();
}

void LinkManager::Lane::failed(std::string_view why) {
  last_error = why;
  last_error_at = std::chrono::system_clock::now();
}

// Once while it lasts: it is tried again and again.
void LinkManager::tell_refused(const Target& target, Lane& lane) {
  if (std::exchange(lane.refused, true)) return;
  spdlog::error(
      "no place for the link to {}: shard {} has as many as MaxLinks allows; trying again",
      target.service.id, lane.shard);
}

void LinkManager::link_closed(const LinkEvent& event) {
  Target* const target = find(event.upstream);
  Lane* const one = lane_of(event);
  if (one == nullptr || target->draining || stopped_) return;
  const bool short_lived = std::chrono::steady_clock::now() - one->dialled_at < kShortLived;
  if (!short_lived) one->backoff.reset();
  const std::string_view why = describe(event.reason, shards_.shard(0).names()).name;
  const bool is_told = short_lived && one->ends_soon && one->last_error == why;
  one->ends_soon = short_lived;
  one->failed(why);
  if (one->timer != 0) loop_.cancel(std::exchange(one->timer, 0));
  if (event.reason == CloseReason::kTooManyLinks) {
    tell_refused(*target, *one);
  } else {
    tell_down(*target, *one, is_told);
  }
  redial_later(*target, static_cast<std::uint32_t>(one - target->lanes.data()));
  changed();
}

// One that ends as soon as it is up does so again and again, and is told once.
void LinkManager::tell_down(const Target& target, const Lane& lane, bool is_told) const {
  const std::string& why = lane.last_error;
  const bool may_be_tls = lane.ends_soon && why == describe(CloseReason::kBadFrame, {}).name;
  log_event(LogEvent::kLinkDown, is_told ? LogLevel::kDebug : LogLevel::kWarn,
            {{"id", target.service.id}, {"service", target.service.name}, {"why", why}},
            fmt::format("link to {} ({}) is down{}: {}{}; dialling again", target.service.id,
                        target.service.name, lane.ends_soon ? " as soon as it was up" : "", why,
                        may_be_tls ? ", which a service that speaks TLS and is not registered with "
                                     "tls=1 would bring about"
                                   : ""));
}

// --- Leaving ------------------------------------------------------------------------------------

void LinkManager::begin_drain(Target& target) {
  const std::string address = format_endpoint({target.service.address, target.service.port});
  log_event(LogEvent::kServiceGone,
            {{"id", target.service.id}, {"service", target.service.name}, {"address", address}},
            fmt::format("service {} ({}) at {} is gone from the registry: draining its link",
                        target.service.id, target.service.name, address));
  target.draining = true;
  loop_.cancel(target.timer);
  for (Lane& lane : target.lanes) {
    loop_.cancel(lane.timer);
    dialler_.abandon(lane.dial);
  }
  for (std::uint32_t shard = 0; shard < shards_.size(); ++shard) target.not_drained.insert(shard);
  const std::uint32_t upstream = target.upstream;
  target.timer = loop_.after(options_.drain_time, [this, upstream] { retire(upstream); });
}

void LinkManager::upstream_drained(std::uint32_t shard, std::uint32_t upstream) {
  Target* const target = find(upstream);
  if (target == nullptr || !target->draining) return;
  target->not_drained.erase(shard);
  if (target->not_drained.empty()) retire(upstream);
}

void LinkManager::retire(std::uint32_t upstream) {
  Target* const target = find(upstream);
  if (target == nullptr) return;
  loop_.cancel(target->timer);
  targets_.erase(upstream);
  publish();  // first: no shard's routes may name it when it goes
  for (std::uint32_t shard = 0; shard < shards_.size(); ++shard) {
    shards_.post(shard, kMailRetire, upstream);
  }
}

// --- The catalogue ------------------------------------------------------------------------------

void LinkManager::use_selectors(std::shared_ptr<const SelectorSet> selectors) {
  options_.selectors = std::move(selectors);
  publish();
}

void LinkManager::publish() {
  auto catalogue = std::make_unique<Catalogue>();
  catalogue->selectors = options_.selectors;
  for (const auto& [upstream, target] : targets_) {
    catalogue->entries.push_back({upstream, target.service.name, target.service.id,
                                  target.service.zone, target.adult, target.draining,
                                  said_max_frame(target.service).value_or(SIZE_MAX),
                                  target.service.lanes(), target.service.takes_roll_calls()});
  }
  std::ranges::sort(catalogue->entries, {}, [](const CatalogueEntry& entry) {
    return std::tie(entry.name, entry.service_id);
  });
  const Catalogue* const published = catalogues_.publish(std::move(catalogue));
  for (std::uint32_t shard = 0; shard < shards_.size(); ++shard) {
    send_catalogue_(shard, published);
  }
  changed();
}

void LinkManager::catalogue_taken(std::uint32_t shard, std::uint64_t version) {
  catalogues_.taken(shard, version);
}

void LinkManager::changed() {
  if (on_change_) on_change_();
}

// The lane whose link the event is about; null when it has another one, or none, by now.
LinkManager::Lane* LinkManager::lane_of(const LinkEvent& event) {
  Target* const target = find(event.upstream);
  const std::uint32_t number = event.lane == kNoLane ? 0 : event.lane;
  if (target == nullptr || number >= target->lanes.size()) return nullptr;
  Lane& lane = target->lanes[number];
  return lane.epoch == event.epoch ? &lane : nullptr;
}

LinkManager::Target* LinkManager::find(std::uint32_t upstream) {
  const auto found = targets_.find(upstream);
  return found == targets_.end() ? nullptr : &found->second;
}

}  // namespace ringgate
