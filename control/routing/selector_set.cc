#include "control/routing/selector_set.h"

#include <utility>

#include "dataplane/check.h"

namespace ringgate {

SelectorSet::SelectorSet(Selectors selectors, std::shared_ptr<const ZoneTable> table)
    : selectors_(std::move(selectors)), table_(std::move(table)) {
  if (table_ != nullptr) route_ = std::make_unique<ZoneSelector>(*table_);
  RINGGATE_CHECK(!has_route(selectors_) || route_ != nullptr);
}

const Selector& SelectorSet::of(std::string_view service) const {
  const auto found = selectors_.by_prefix.find(service);
  switch (found == selectors_.by_prefix.end() ? selectors_.for_all : found->second) {
    case SelectorKind::kRoute:
      return *route_;
    case SelectorKind::kRendezvous:
      return rendezvous_;
    case SelectorKind::kHash:
      break;
  }
  return hash_;
}

bool SelectorSet::operator==(const SelectorSet& other) const {
  if (selectors_ != other.selectors_) return false;
  if (table_ == nullptr || other.table_ == nullptr) return table_ == other.table_;
  return *table_ == *other.table_;
}

const SelectorSet& selectors_of(const Catalogue& catalogue) {
  static const SelectorSet hash_everywhere({}, nullptr);
  return catalogue.selectors == nullptr ? hash_everywhere : *catalogue.selectors;
}

}  // namespace ringgate
