// The selector `route`: a zone for the app or the account, then one of that zone's services for the
// account. Immutable, any thread.
//
// By account, both come from the same crc32, as the protocol has it: where the sum of the weights
// and ten times the number of a zone's services have a common factor, its services are not chosen
// equally often (weights of 80 and 20 and ten services: two of the first zone's get nothing). Sums
// that are prime avoid it.
#pragma once

#include <memory>

#include "control/routing/route_file.h"
#include "control/routing/selector.h"

namespace ringgate {

class ZoneSelector final : public Selector {
 public:
  // `table` outlives this and every group.
  explicit ZoneSelector(const ZoneTable& table) : table_(table) {}

  [[nodiscard]] SelectorKind kind() const noexcept override { return SelectorKind::kRoute; }
  [[nodiscard]] std::string_view zone_of(const SelectionKey& key) const noexcept override;
  [[nodiscard]] std::unique_ptr<PreparedGroup> prepare(Candidates candidates) const override;

 private:
  const ZoneTable& table_;
};

}  // namespace ringgate
