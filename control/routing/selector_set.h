// Which selector each service has, as the configuration says. Made by control, immutable, read by
// every shard; carried by the catalogue, so that a new set (after a route file was reloaded) frees
// the old one when no shard uses it any more.
#pragma once

#include <memory>
#include <string_view>

#include "control/routing/by_zone.h"
#include "control/routing/rendezvous.h"
#include "control/routing/route_file.h"
#include "control/routing/selector.h"

namespace ringgate {

class SelectorSet {
 public:
  // `table` is there if any of them is kRoute.
  SelectorSet(Selectors selectors, std::shared_ptr<const ZoneTable> table);

  [[nodiscard]] const Selector& of(std::string_view service) const;

  // Whether both choose alike.
  [[nodiscard]] bool operator==(const SelectorSet& other) const;

 private:
  Selectors selectors_;
  std::shared_ptr<const ZoneTable> table_;
  HashSelector hash_;
  RendezvousSelector rendezvous_;
  std::unique_ptr<const ZoneSelector> route_;  // null without a table
};

// Those of the catalogue, or hash for every service.
[[nodiscard]] const SelectorSet& selectors_of(const Catalogue& catalogue);

}  // namespace ringgate
