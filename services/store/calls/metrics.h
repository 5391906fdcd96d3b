// What is counted of the calls of one store. Each cell is written by one shard's thread; collect()
// is for any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/observe/metrics.h"
#include "dataplane/cell.h"
#include "dataplane/histogram.h"
#include "services/store/error.h"

namespace ringgate {

// Of one call on one shard.
struct StoreCallCells {
  Cell calls;
  std::array<Cell, kStoreErrors> errors;
  Cell late;     // answers that came after their caller had been told kTimeout
  Cell dropped;  // answers whose caller had gone
  Cell in_flight;
  Histogram took;
};

class StoreCallMetrics {
 public:
  // `store`: "message"; the label is "messages". What they refer to lives as long as the process.
  StoreCallMetrics(std::string_view store, std::span<const std::string_view> calls,
                   std::uint32_t shards);

  // Those of a shard, in the order of the calls. Valid as long as this.
  [[nodiscard]] std::span<StoreCallCells> of_shard(std::uint32_t shard) noexcept;
  void collect(MetricsSnapshot& metrics, const std::string& service) const;
  // Over all calls and shards.
  [[nodiscard]] std::uint64_t late() const noexcept;
  [[nodiscard]] std::uint64_t in_flight() const noexcept;

 private:
  void collect_call(MetricsSnapshot& metrics, const MetricsSnapshot::Labels& labels,
                    std::size_t call) const;
  // Over the shards.
  template <class CellOf>
  [[nodiscard]] double sum(std::size_t call, CellOf&& cell_of) const;

  std::string_view store_;
  std::span<const std::string_view> calls_;
  std::vector<StoreCallCells> cells_;  // shard by shard
};

}  // namespace ringgate
