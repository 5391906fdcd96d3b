// What reloads have sent to the shards, kept until each of them has taken it: a shard copies what
// it needs. Control thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "services/gateway/mail.h"

namespace ringgate {

class SettingsOnShards {
 public:
  explicit SettingsOnShards(std::uint32_t shards) : taken_(shards) {}

  // Gives it its version. Valid until every shard has said that it has taken it, or a newer one.
  [[nodiscard]] const GatewaySettings* publish(std::unique_ptr<GatewaySettings> settings);
  // kMailSettingsTaken
  void taken(std::uint32_t shard, std::uint64_t version);

  [[nodiscard]] std::size_t alive() const noexcept { return alive_.size(); }

 private:
  std::uint64_t next_version_ = 1;
  std::deque<std::unique_ptr<const GatewaySettings>> alive_;  // oldest first
  std::vector<std::uint64_t> taken_;                          // by shard: its newest
};

}  // namespace ringgate
