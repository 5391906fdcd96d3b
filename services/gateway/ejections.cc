#include "services/gateway/ejections.h"

#include <fmt/format.h>

#include <algorithm>

#include "control/base/address.h"

namespace ringgate {

bool has_link(const InstanceStatus& instance) {
  return std::ranges::any_of(instance.lanes, [](const InstanceStatus::Lane& lane) {
    return lane.state == LaneState::kUp;
  });
}

void Ejections::take(std::uint32_t shard, const EjectedMail& mail) {
  const std::pair what(shard, mail.reason);
  if (mail.ejected != 0) {
    by_shard_[mail.upstream].insert(what);
    return;
  }
  const auto found = by_shard_.find(mail.upstream);
  if (found == by_shard_.end()) return;
  found->second.erase(what);
  if (found->second.empty()) by_shard_.erase(found);
}

void Ejections::look(std::span<const InstanceStatus> instances) {
  Episodes::Texts now;
  for (const InstanceStatus& instance : instances) {
    const auto found = by_shard_.find(instance.upstream);
    if (found == by_shard_.end()) continue;
    const Instance& service = instance.service;
    const bool silent = found->second.begin()->second == EjectReason::kSilent;
    now[fmt::format("{}", instance.upstream)] = fmt::format(
        "{} ({}) at {} {}: left out while others answer", service.id, service.name,
        format_endpoint({service.address, service.port}),
        silent ? "was asked and says nothing, not even to a ping" : "answers no requests");
  }
  std::erase_if(by_shard_, [&](const auto& entry) {
    return std::ranges::find(instances, entry.first, &InstanceStatus::upstream) == instances.end();
  });
  episodes_.update(now);
}

std::set<std::uint32_t> Ejections::usable(std::span<const InstanceStatus> instances) const {
  std::set<std::uint32_t> all;
  for (const InstanceStatus& instance : instances) {
    const bool other = std::ranges::any_of(instances, [&](const InstanceStatus& one) {
      return one.service.name == instance.service.name && !one.draining && has_link(one) &&
             !ejected(one.upstream);
    });
    if (has_link(instance) && (!other || !ejected(instance.upstream)))
      all.insert(instance.upstream);
  }
  return all;
}

}  // namespace ringgate
