#include "services/gateway/settings_on_shards.h"

#include <algorithm>
#include <utility>

namespace ringgate {

const GatewaySettings* SettingsOnShards::publish(std::unique_ptr<GatewaySettings> settings) {
  settings->version = next_version_++;
  alive_.push_back(std::move(settings));
  return alive_.back().get();
}

void SettingsOnShards::taken(std::uint32_t shard, std::uint64_t version) {
  taken_[shard] = std::max(taken_[shard], version);
  const std::uint64_t by_all = *std::ranges::min_element(taken_);
  while (!alive_.empty() && alive_.front()->version <= by_all) alive_.pop_front();
}

}  // namespace ringgate
