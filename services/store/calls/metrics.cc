#include "services/store/calls/metrics.h"

#include "control/observe/histogram_sum.h"

namespace ringgate {

StoreCallMetrics::StoreCallMetrics(std::string_view store, std::span<const std::string_view> calls,
                                   std::uint32_t shards)
    : store_(store), calls_(calls), cells_(calls.size() * shards) {}

std::span<StoreCallCells> StoreCallMetrics::of_shard(std::uint32_t shard) noexcept {
  return std::span(cells_).subspan(shard * calls_.size(), calls_.size());
}

template <class CellOf>
double StoreCallMetrics::sum(std::size_t call, CellOf&& cell_of) const {
  std::uint64_t sum = 0;
  for (std::size_t i = call; i < cells_.size(); i += calls_.size()) sum += cell_of(cells_[i]).get();
  return static_cast<double>(sum);
}

void StoreCallMetrics::collect(MetricsSnapshot& metrics, const std::string& service) const {
  for (std::size_t call = 0; call < calls_.size(); ++call) {
    collect_call(metrics,
                 {{"service_id", service},
                  {"store", std::string(store_) + "s"},
                  {"call", std::string(calls_[call])}},
                 call);
  }
}

void StoreCallMetrics::collect_call(MetricsSnapshot& metrics, const MetricsSnapshot::Labels& labels,
                                    std::size_t call) const {
  using Cells = StoreCallCells;
  metrics.counter("ringgate_store_calls_total", "calls to a store", labels,
                  sum(call, [](const Cells& cells) -> const Cell& { return cells.calls; }));
  for (std::size_t i = 0; i < kStoreErrors; ++i) {
    MetricsSnapshot::Labels with_error = labels;
    with_error.emplace_back("error", name_of(static_cast<StoreError>(i)));
    metrics.counter("ringgate_store_call_errors_total", "calls to a store that failed", with_error,
                    sum(call, [i](const Cells& cells) -> const Cell& { return cells.errors[i]; }));
  }
  metrics.counter("ringgate_store_calls_late_total",
                  "answers of a store that came after their caller was told that there is none",
                  labels, sum(call, [](const Cells& cells) -> const Cell& { return cells.late; }));
  metrics.counter("ringgate_store_calls_dropped_total",
                  "answers of a store that nobody waited for any more", labels,
                  sum(call, [](const Cells& cells) -> const Cell& { return cells.dropped; }));
  metrics.gauge("ringgate_store_calls_in_flight", "calls to a store that are under way", labels,
                sum(call, [](const Cells& cells) -> const Cell& { return cells.in_flight; }));
  HistogramSum took;
  for (std::size_t i = call; i < cells_.size(); i += calls_.size()) took.add(cells_[i].took);
  took.collect("ringgate_store_call_seconds", "how long answered calls to a store took",
               HistogramUnit::kSeconds, labels, metrics);
}

std::uint64_t StoreCallMetrics::late() const noexcept {
  std::uint64_t late = 0;
  for (const StoreCallCells& cells : cells_) late += cells.late.get();
  return late;
}

std::uint64_t StoreCallMetrics::in_flight() const noexcept {
  std::uint64_t in_flight = 0;
  for (const StoreCallCells& cells : cells_) in_flight += cells.in_flight.get();
  return in_flight;
}

}  // namespace ringgate
