// LinkManager: what it tells of the instances.
#include <algorithm>
#include <tuple>
#include <utility>

#include "control/links/manager.h"

namespace ringgate {

std::string_view describe(LaneState state) noexcept {
  switch (state) {
    case LaneState::kWaiting:
      return "waiting";
    case LaneState::kDialling:
      return "dialling";
    case LaneState::kUp:
      return "up";
  }
  return "?";
}

std::string_view describe(InstanceState state) noexcept {
  switch (state) {
    case InstanceState::kYoung:
      return "young";
    case InstanceState::kAdult:
      return "adult";
    case InstanceState::kDraining:
      return "draining";
  }
  return "young";
}

InstanceState state_of(const InstanceStatus& instance) noexcept {
  if (instance.draining) return InstanceState::kDraining;
  return instance.adult ? InstanceState::kAdult : InstanceState::kYoung;
}

bool LinkManager::connected(const std::string& name) const {
  return std::ranges::any_of(targets_, [&name](const auto& entry) {
    const Target& target = entry.second;
    return target.service.name == name && !target.draining &&
           std::ranges::all_of(target.lanes, [](const Lane& lane) {
             return lane.state == LaneState::kUp && lane.not_seen == 0;
           });
  });
}

std::optional<std::string> LinkManager::refused() const {
  std::string ids;
  for (const auto& [upstream, target] : targets_) {
    if (target.draining || std::ranges::none_of(target.lanes, &Lane::refused)) continue;
    ids.append(ids.empty() ? "" : ", ").append(target.service.id);
  }
  if (ids.empty()) return std::nullopt;
  return "no place for the links to " + ids + ": their shards have as many as MaxLinks allows";
}

std::string LinkManager::id_of(std::uint32_t upstream) const {
  const auto target = targets_.find(upstream);
  return target == targets_.end() ? std::string() : target->second.service.id;
}

std::vector<InstanceStatus> LinkManager::instances() const {
  std::vector<InstanceStatus> all;
  for (const auto& [upstream, target] : targets_) {
    InstanceStatus status{upstream, target.service, target.adult, target.draining, {}};
    for (const Lane& lane : target.lanes) {
      // A shard that cannot use it yet would refuse a login: until then it is not up for anybody.
      const bool is_on_its_way = lane.state == LaneState::kUp && lane.not_seen != 0;
      status.lanes.push_back({lane.shard, is_on_its_way ? LaneState::kDialling : lane.state,
                              lane.last_error, lane.last_error_at});
    }
    all.push_back(std::move(status));
  }
  std::ranges::sort(all, {}, [](const InstanceStatus& status) {
    return std::tie(status.service.name, status.service.id);
  });
  return all;
}

}  // namespace ringgate
