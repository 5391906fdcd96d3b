// What shards have counted, for a scrape: the sums over all of them, or of each by itself where
// that is asked for (MetricsSnapshot::per_shard). Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "control/observe/histogram_sum.h"
#include "control/observe/metrics.h"
#include "dataplane/shard_group.h"

namespace ringgate {

// Every counter, gauge and histogram of every shard, the dataplane's and its handler's, labelled
// with `service`; and what there is room for.
void collect_shards(const ShardGroup& shards, const std::string& service, MetricsSnapshot& metrics);

// Memory of mail that waits for room at `from`, which is no shard.
void collect_waiting_mail(std::uint64_t bytes, const std::string& service, const std::string& from,
                          MetricsSnapshot& metrics);

}  // namespace ringgate
