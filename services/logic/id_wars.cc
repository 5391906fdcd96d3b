#include "services/logic/id_wars.h"

#include <fmt/format.h>

#include "control/base/address.h"

namespace ringgate {

void IdWars::replaced(std::string_view gateway_id, std::uint32_t lane, const PeerAddress& peer,
                      Time now) {
  auto at = lanes_.find({std::string(gateway_id), lane});
  if (at == lanes_.end()) {
    if (lanes_.size() == kMostIds) return;
    at = lanes_.emplace(std::pair(std::string(gateway_id), lane), Lane()).first;
  }
  std::deque<Lost>& lost = at->second.lost;
  lost.push_back({now, format_endpoint({peer.ip(), peer.port()})});
  if (lost.size() > kLeast) lost.pop_front();
}

void IdWars::look(Time now) {
  std::erase_if(lanes_,
                [&](const auto& entry) { return now - entry.second.lost.back().when > kWithin; });
  Episodes::Texts wars;
  for (const auto& [id_and_lane, lane] : lanes_) {
    if (lane.lost.size() < kLeast || now - lane.lost.front().when > kWithin) continue;
    wars.emplace(id_and_lane.first, describe(id_and_lane.first, lane));
  }
  episodes_.update(wars);
}

std::string IdWars::describe(const std::string& id, const Lane& lane) {
  const std::string& newest = lane.lost.back().from;
  const std::string& before = lane.lost[lane.lost.size() - 2].from;
  return fmt::format(
      "two processes say that they are gateway {}, the last from {} and {}: their links replace "
      "each other, and answers are lost; give one of them another ServiceID",
      id, before, newest);
}

}  // namespace ringgate
