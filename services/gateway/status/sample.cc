// GatewayComponent: what it has counted, once a second, for the status page.
#include <chrono>

#include "services/gateway/component.h"
#include "services/gateway/counters.h"
#include "services/gateway/handler.h"
#include "services/process/shards.h"

namespace ringgate {
namespace {

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void add_instances(const InstanceCounters& counters, StatusHistory::Instances& all) {
  counters.for_each([&](std::uint32_t upstream, const InstanceCounters::Row& row) {
    InstanceTotals& sum = all[upstream];
    sum.forwarded += row.forwarded.get();
    sum.failed += row.failed.get();
    sum.answered += row.answered.get();
    sum.unanswered += row.unanswered.get();
    sum.took_us += row.took_us.get();
  });
}

}  // namespace

void GatewayComponent::take_sample() {
  StatusTotals totals;
  totals.clients = sum_of(Gauge::kClients);
  totals.channels = sum_of(GatewayGauge::kChannels);
  totals.logins = sum_of(GatewayCounter::kLogins);
  totals.logins_bad =
      sum_of(GatewayCounter::kLoginsRefused) + sum_of(GatewayCounter::kLoginsFailed);
  totals.in = sum_of(GatewayCounter::kPacketsIn);
  totals.out = sum_of(GatewayCounter::kPacketsOut);
  totals.errors = sum_of(GatewayCounter::kForwardFailed) + sum_of(GatewayCounter::kAnswerTimeouts) +
                  sum_of(GatewayCounter::kAnswersFailedByLink);
  totals.bytes_in = sum_of(Counter::kBytesIn);
  totals.bytes_out = sum_of(Counter::kBytesOut);
  StatusHistory::Instances instances;
  for (std::uint32_t i = 0; i < shards_->size(); ++i) {
    const Counters& counters = shards_->shard(i).counters();
    for (std::size_t reason = 0; reason < totals.closed.size(); ++reason) {
      totals.closed[reason] += counters.closed(CloseReason::at(reason));
    }
    add_instances(static_cast<const GatewayHandler&>(shards_->handler(i)).counters().instances,
                  instances);
  }
  history_.add(totals, instances, std::chrono::steady_clock::now(), unix_ms());
}

// A thread of the monitor, once started.
StatusFacts GatewayComponent::status_facts() const {
  StatusFacts facts;
  facts.service_id = config_.service_id;
  facts.service_name = config_.service_name;
  facts.now_unix_ms = unix_ms();
  facts.uptime_s =
      static_cast<std::uint64_t>(facts.now_unix_ms - std::stoll(process_started())) / 1000;
  facts.shards = shards_->size();
  facts.room = facts.shards * shards_->shard(0).options().max_clients;
  facts.history_s = static_cast<std::uint64_t>(config_.status_history.count()) / 1000;
  facts.problem = ready();
  return facts;
}

}  // namespace ringgate
