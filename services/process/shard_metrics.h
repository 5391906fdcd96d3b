// What shards have counted, for a scrape: the sums over all of them, or of each by itself where
// that is asked for (MetricsSnapshot::per_shard). Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "control/observe/metrics.h"
#include "dataplane/histogram.h"
#include "dataplane/names.h"
#include "dataplane/shard_group.h"

namespace ringgate {

// Every counter, gauge and histogram of every shard, the dataplane's and its handler's, labelled
// with `service`; and what there is room for.
void collect_shards(const ShardGroup& shards, const std::string& service, MetricsSnapshot& metrics);

// Memory of mail that waits for room at `from`, which is no shard.
void collect_waiting_mail(std::uint64_t bytes, const std::string& service, const std::string& from,
                          MetricsSnapshot& metrics);

// Of one series, summed: add() each shard's.
class HistogramSum {
 public:
  void add(const Histogram& histogram) noexcept;
  void collect(std::string_view name, std::string_view help, HistogramUnit unit,
               const MetricsSnapshot::Labels& labels, MetricsSnapshot& metrics) const;

 private:
  std::array<std::uint64_t, Histogram::kBuckets> counts_{};
  std::uint64_t sum_ = 0;
};

}  // namespace ringgate
