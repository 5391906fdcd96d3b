// What tests of takeovers have in common.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "control/discovery/file_store.h"
#include "tests/common/free_port.h"
#include "tests/integration/world.h"

namespace ringgate::test {

inline const std::vector<std::string> kTakeover = {"--takeover"};

// What a gateway and those who take over from it have in common.
inline Settings on_fixed_ports(Settings settings = {}) {
  settings.emplace("Listen", "127.0.0.1:" + std::to_string(free_port()));
  settings.emplace("MonitorPort", std::to_string(free_port()));
  settings.emplace("AdminPort", std::to_string(free_port()));
  return settings;
}

inline std::optional<Instance> entry_of(const World& world, const std::string& id) {
  const auto stored = read_services(world.registry_file());
  if (!stored || !*stored) return std::nullopt;
  const auto at = std::ranges::find((*stored)->services, id, &Instance::id);
  return at == (*stored)->services.end() ? std::nullopt : std::optional(*at);
}

inline Server next_of(const World& world, const std::string& id, const Settings& settings) {
  return {world, "gateway", id, settings, {}, kTakeover};
}

}  // namespace ringgate::test
