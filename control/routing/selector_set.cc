#include "control/routing/selector_set.h"

#include <algorithm>
#include <utility>

#include "dataplane/check.h"

namespace ringgate {

SelectorSet::SelectorSet(SelectorKind by_default,
                         std::map<std::string, SelectorKind, std::less<>> by_service,
                         std::shared_ptr<const RouteTable> table)
    : by_default_(by_default), by_service_(std::move(by_service)), table_(std::move(table)) {
  if (table_ != nullptr) route_ = std::make_unique<RouteSelector>(*table_);
  const bool any_route = by_default_ == SelectorKind::kRoute ||
                         std::ranges::any_of(by_service_, [](const auto& entry) {
                           return entry.second == SelectorKind::kRoute;
                         });
  RINGGATE_CHECK(!any_route || route_ != nullptr);
}

const Selector& SelectorSet::of(std::string_view service) const {
  const auto found = by_service_.find(service);
  switch (found == by_service_.end() ? by_default_ : found->second) {
    case SelectorKind::kRoute:
      return *route_;
    case SelectorKind::kRendezvous:
      return rendezvous_;
    case SelectorKind::kHash:
      break;
  }
  return hash_;
}

const SelectorSet& selectors_of(const Catalogue& catalogue) {
  static const SelectorSet hash_everywhere(SelectorKind::kHash, {}, nullptr);
  return catalogue.selectors == nullptr ? hash_everywhere : *catalogue.selectors;
}

}  // namespace ringgate
