#include "services/process/shard_metrics.h"

#include <vector>

namespace ringgate {
namespace {

using Labels = MetricsSnapshot::Labels;

std::string name_of(std::string_view name) {
  return "ringgate_" + std::string(name);
}

Labels labels_of(const std::string& service, const std::string& from, bool per_shard) {
  Labels labels = {{"service_id", service}};
  if (per_shard) labels.emplace_back("shard", from);
  return labels;
}

// Values of one table of names, added up over shards.
template <class Name, class Value>
class Sums {
 public:
  void begin_shard() { next_ = 0; }
  void add(const Name& name, const auto& value) {
    if (next_ == rows_.size()) rows_.push_back({&name, {}});
    if constexpr (requires { rows_[next_].value.add(value); }) {
      rows_[next_++].value.add(value);
    } else {
      rows_[next_++].value += value;
    }
  }
  template <class Use>
  void for_each(Use&& use) const {
    for (const Row& row : rows_) use(*row.name, row.value);
  }

 private:
  struct Row {
    const Name* name;
    Value value;
  };
  std::vector<Row> rows_;
  std::size_t next_ = 0;
};

// All of some shards that have the same names: of all of them, or of one.
class ShardSums {
 public:
  void add(const Shard& shard) {
    const Counters& counters = shard.counters();
    const HandlerNames names = shard.names();
    counters_.begin_shard();
    counters.for_each_counter(names, [this](const auto& name, auto n) { counters_.add(name, n); });
    gauges_.begin_shard();
    counters.for_each_gauge(names, [this](const auto& name, auto n) { gauges_.add(name, n); });
    closed_.begin_shard();
    counters.for_each_closed(names, [this](const auto& name, auto n) { closed_.add(name, n); });
    histograms_.begin_shard();
    counters.for_each_histogram(
        names, [this](const auto& name, const Histogram& one) { histograms_.add(name, one); });
    client_places_ += shard.options().max_clients;
    link_places_ += shard.options().max_links;
  }

  void collect(const Labels& labels, MetricsSnapshot& metrics) const {
    counters_.for_each([&](const CounterName& name, std::uint64_t value) {
      metrics.counter(name_of(name.name), name.help, labels, static_cast<double>(value));
    });
    // Two's complement: the sum is right although a part may be below nothing.
    gauges_.for_each([&](const GaugeName& name, std::uint64_t value) {
      metrics.gauge(name_of(name.name), name.help, labels,
                    static_cast<double>(static_cast<std::int64_t>(value)));
    });
    closed_.for_each([&](const CloseName& reason, std::uint64_t value) {
      Labels with_reason = labels;
      with_reason.emplace_back("reason", reason.name);
      metrics.counter("ringgate_closed_by_reason_total", "connections closed, by reason",
                      with_reason, static_cast<double>(value));
    });
    histograms_.for_each([&](const HistogramName& name, const HistogramSum& sum) {
      sum.collect(name_of(name.name), name.help, name.unit, labels, metrics);
    });
    metrics.gauge("ringgate_clients_limit", "client connections that there are places for", labels,
                  static_cast<double>(client_places_));
    metrics.gauge("ringgate_links_limit", "links that there are places for", labels,
                  static_cast<double>(link_places_));
  }

 private:
  Sums<CounterName, std::uint64_t> counters_;
  Sums<GaugeName, std::uint64_t> gauges_;
  Sums<CloseName, std::uint64_t> closed_;
  Sums<HistogramName, HistogramSum> histograms_;
  std::uint64_t client_places_ = 0;
  std::uint64_t link_places_ = 0;
};

// Of one connection, the same on all shards.
void collect_queue_limits(const ShardGroup& shards, const std::string& service,
                          MetricsSnapshot& metrics) {
  const auto bound = [&](Role role) {
    return static_cast<double>(shards.shard(0).options().limits[index_of(role)].max_queued_bytes);
  };
  metrics.gauge("ringgate_client_queue_limit_bytes",
                "bytes that may wait to be sent to one client, as configured at start",
                {{"service_id", service}}, bound(Role::kClient));
  metrics.gauge("ringgate_link_queue_limit_bytes",
                "bytes that may wait to be sent on one link, as configured at start",
                {{"service_id", service}}, bound(Role::kLink));
}

}  // namespace

void collect_waiting_mail(std::uint64_t bytes, const std::string& service, const std::string& from,
                          MetricsSnapshot& metrics) {
  const GaugeName& info = describe(Gauge::kMailWaitingBytes);
  metrics.gauge(name_of(info.name), info.help, labels_of(service, from, metrics.per_shard()),
                static_cast<double>(bytes));
}

void collect_shards(const ShardGroup& shards, const std::string& service,
                    MetricsSnapshot& metrics) {
  metrics.counter("ringgate_wakeups_failed_total",
                  "wake-ups of other threads that the kernel refused; their mail came later",
                  {{"service_id", service}}, static_cast<double>(shards.failed_wakeups()));
  collect_waiting_mail(shards.waiting_mail_bytes(), service, "control", metrics);
  const CounterName& unknown = describe(Counter::kMailUnknown);
  metrics.counter(name_of(unknown.name), unknown.help,
                  labels_of(service, "control", metrics.per_shard()),
                  static_cast<double>(shards.unknown_mail().count()));
  metrics.gauge("ringgate_shards", "threads that serve connections", {{"service_id", service}},
                shards.size());
  collect_queue_limits(shards, service, metrics);
  if (metrics.per_shard()) {
    for (std::uint32_t i = 0; i < shards.size(); ++i) {
      ShardSums one;
      one.add(shards.shard(i));
      one.collect(labels_of(service, std::to_string(i), true), metrics);
    }
    return;
  }
  ShardSums all;
  for (std::uint32_t i = 0; i < shards.size(); ++i) all.add(shards.shard(i));
  all.collect({{"service_id", service}}, metrics);
}

}  // namespace ringgate
