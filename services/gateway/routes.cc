#include "services/gateway/routes.h"

#include "control/routing/selector_set.h"

namespace ringgate {

std::set<std::string> followed_services(const ServiceAliases& aliases) {
  std::set<std::string> names;
  for (const char* const name : {"login", "chat", "echo"}) {
    const auto alias = aliases.find(name);
    names.insert(alias == aliases.end() ? name : alias->second);
  }
  for (const auto& [command, service] : aliases) names.insert(service);
  return names;
}

void Routes::rebuild(const Catalogue& catalogue, Upstreams& upstreams) {
  groups_.clear();
  selectors_ = &selectors_of(catalogue);
  for (const auto& [name, service] : aliases_) add_group(name, service, catalogue, upstreams);
  std::set<std::string> names;
  for (const CatalogueEntry& entry : catalogue.entries) names.insert(entry.name);
  for (const std::string& name : names) {
    if (!aliases_.contains(name)) add_group(name, name, catalogue, upstreams);
  }
}

void Routes::add_group(const std::string& name, const std::string& service,
                       const Catalogue& catalogue, Upstreams& upstreams) {
  Group group;
  group.name = name;
  const auto usable = [&](bool also_ejected) {
    return candidates_of(catalogue, service, [&](const CatalogueEntry& entry) {
      const Upstream* const upstream = upstreams.find(entry.upstream);
      return upstream != nullptr && upstream->up && (also_ejected || !upstream->ejected());
    });
  };
  Candidates candidates = usable(false);
  if (candidates.empty()) candidates = usable(true);  // nobody answers: none is worse than another
  for (const CatalogueEntry* const entry : candidates) {
    group.upstreams.push_back(upstreams.find(entry->upstream));
  }
  if (!candidates.empty()) {
    group.prepared = selectors_->of(name).prepare(std::move(candidates));
  }
  groups_.push_back(std::move(group));
}

Routes::Choice Routes::select(std::string_view service, const SelectionKey& key) const noexcept {
  for (const Group& group : groups_) {
    if (group.name != service) continue;
    if (group.prepared == nullptr) break;
    const Selection selection = group.prepared->select(key);
    return {group.upstreams[selection.index], selection.zone_fallback, selection.zone};
  }
  if (selectors_ == nullptr) return {};
  return {nullptr, false, selectors_->of(service).zone_of(key)};
}

}  // namespace ringgate
