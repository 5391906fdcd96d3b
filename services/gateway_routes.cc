#include "services/gateway_routes.h"

#include <algorithm>
#include <set>

namespace ringgate {

void Routes::rebuild(const Catalogue& catalogue, Upstreams& upstreams) {
  groups_.clear();
  for (const auto& [name, service] : aliases_) add_group(name, service, catalogue, upstreams);
  std::set<std::string> names;
  for (const CatalogueEntry& entry : catalogue.entries) names.insert(entry.name);
  for (const std::string& name : names) {
    if (!aliases_.contains(name)) add_group(name, name, catalogue, upstreams);
  }
}

// Adults that are connected; young ones only when there is no adult: all-young is not an outage.
void Routes::add_group(const std::string& name, const std::string& service,
                       const Catalogue& catalogue, Upstreams& upstreams) {
  Group group;
  group.name = name;
  for (const bool adult : {true, false}) {
    for (const CatalogueEntry& entry : catalogue.entries) {
      if (entry.name != service || entry.draining || entry.adult != adult) continue;
      Upstream* const upstream = upstreams.find(entry.upstream);
      if (upstream == nullptr || !upstream->up) continue;
      group.candidates.push_back(&entry);
      group.upstreams.push_back(upstream);
    }
    if (!group.candidates.empty()) break;
  }
  groups_.push_back(std::move(group));
}

Upstream* Routes::select(std::string_view service, const SelectionKey& key) const noexcept {
  for (const Group& group : groups_) {
    if (group.name != service) continue;
    if (group.candidates.empty()) return nullptr;
    return group.upstreams[selector_.select(key, group.candidates)];
  }
  return nullptr;
}

}  // namespace ringgate
