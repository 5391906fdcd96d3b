// What a gateway tells its monitor: counters of its shards, and what it knows of services.
#include <algorithm>
#include <map>

#include "services/gateway/component.h"
#include "services/gateway/counters.h"
#include "services/gateway/handler.h"
#include "services/process/shard_metrics.h"
#include "services/process/shards.h"

namespace ringgate {
namespace {

// What has no series of its own.
constexpr const char* kOther = "other";

}  // namespace

// For the metrics, which another thread reads.
void GatewayComponent::count_instances(const std::vector<InstanceStatus>& all) {
  std::map<std::pair<std::string, std::string>, int> instances;
  std::map<std::pair<std::string, std::string>, int> links;
  std::map<std::string, int> ejected;
  std::map<std::uint32_t, std::pair<std::string, std::string>> names;
  for (const InstanceStatus& instance : all) {
    names[instance.upstream] = {instance.service.name, instance.service.id};
    ejected[instance.service.name] += ejections_.ejected(instance.upstream) ? 1 : 0;
    for (const InstanceState state :
         {InstanceState::kYoung, InstanceState::kAdult, InstanceState::kDraining}) {
      instances[{instance.service.name, std::string(describe(state))}] +=
          state_of(instance) == state ? 1 : 0;
    }
    for (const InstanceStatus::Lane& lane : instance.lanes) {
      for (const LaneState state : {LaneState::kWaiting, LaneState::kDialling, LaneState::kUp}) {
        links[{instance.service.name, std::string(describe(state))}] += lane.state == state ? 1 : 0;
      }
    }
  }
  const MutexLock lock(mutex_);
  instances_ = std::move(instances);
  link_states_ = std::move(links);
  ejected_ = std::move(ejected);
  names_ = std::move(names);
}

void GatewayComponent::collect(MetricsSnapshot& metrics) const {
  if (!started_.load(std::memory_order_acquire)) return;
  registry_->collect(metrics);
  certificates_.collect(config_.service_id, metrics);
  collect_shards(*shards_, config_.service_id, metrics);
  for (const Transport transport : {Transport::kTcp, Transport::kWebSocket}) {
    collect_transport(transport, metrics);
  }
  for (std::uint32_t i = 0; i < shards_->size(); ++i) {
    const auto& handler = static_cast<const GatewayHandler&>(shards_->handler(i));
    for (std::size_t c = 0; c < kKnownCommands.size(); ++c) {
      metrics.counter("kim_message_out_flow_bytes", "bytes of messages to clients",
                      {{"command", std::string(kKnownCommands[c])}},
                      static_cast<double>(handler.counters().commands.bytes_out[c].get()));
    }
    handler.counters().zones.for_each([&](std::string_view zone, const ZoneCounters::Row& row) {
      const std::string label(zone);
      metrics.counter("kim_no_server_found_error_total",
                      "packets that no service was found for, by the zone it was looked for in",
                      {{"zone", label}}, static_cast<double>(row.no_server.get()));
      if (label.empty()) return;
      metrics.counter("ringgate_fallbacks_by_zone_total",
                      "packets that another zone served, by the zone that has no connected service",
                      {{"service_id", config_.service_id}, {"zone", label}},
                      static_cast<double>(row.fallback.get()));
    });
  }
  collect_services(metrics);
  collect_instances(metrics);
  collect_own_commands(metrics);
  client_log_.collect(config_.service_id, metrics);
}

// What clients over one transport do, under the name that its listeners register by.
void GatewayComponent::collect_transport(Transport transport, MetricsSnapshot& metrics) const {
  const auto listens = [this](Transport wanted) {
    return std::ranges::find(config_.listen, wanted, &ListenSpec::transport) !=
           config_.listen.end();
  };
  if (!listens(transport)) return;
  const bool is_second = transport == Transport::kWebSocket && listens(Transport::kTcp);
  const MetricsSnapshot::Labels who = {
      {"serviceId", config_.service_id},
      {"serviceName", is_second ? std::string(gateway_name(transport)) : config_.service_name}};
  double channels = 0;
  for (std::uint32_t i = 0; i < shards_->size(); ++i) {
    const Counters& counters = shards_->shard(i).counters();
    const auto websockets = static_cast<double>(counters.get(GatewayGauge::kWebSocketChannels));
    const bool is_tcp = transport == Transport::kTcp;
    channels += is_tcp ? static_cast<double>(counters.get(GatewayGauge::kChannels)) - websockets
                       : websockets;
    const auto& handler = static_cast<const GatewayHandler&>(shards_->handler(i));
    const CommandCounters::In& in = handler.counters().commands.in[index_of(transport)];
    for (std::size_t c = 0; c < kKnownCommands.size(); ++c) {
      MetricsSnapshot::Labels labels = who;
      labels.emplace_back("command", kKnownCommands[c]);
      metrics.counter("kim_message_in_total", "messages from clients", labels,
                      static_cast<double>(in.messages[c].get()));
      metrics.counter("kim_message_in_flow_bytes", "bytes of messages from clients", labels,
                      static_cast<double>(in.bytes[c].get()));
    }
  }
  metrics.gauge("kim_channel_total", "logged-in connections", who, std::max(channels, 0.0));
}

// Forwards by service and result, and what there is to forward to.
void GatewayComponent::collect_services(MetricsSnapshot& metrics) const {
  const std::string& id = config_.service_id;
  std::map<std::string, HistogramSum> took;
  for (std::uint32_t i = 0; i < shards_->size(); ++i) {
    const auto& handler = static_cast<const GatewayHandler&>(shards_->handler(i));
    handler.counters().services.for_each([&](const std::string& name,
                                             const ServiceCounters::Row& row) {
      const auto add = [&](const char* result, const Cell& cell) {
        metrics.counter("ringgate_forwards_total", "packets for services, by what became of them",
                        {{"service_id", id}, {"service", name}, {"result", result}},
                        static_cast<double>(cell.get()));
      };
      add("forwarded", row.forwarded);
      add("failed", row.failed);
      add("too_long", row.too_long);
      add("no_service", row.no_service);
      took[name].add(row.took);
    });
  }
  for (const auto& [name, sum] : took) {
    sum.collect("ringgate_forward_seconds",
                "answered requests, from reading the client's packet to reading the answer",
                HistogramUnit::kSeconds, {{"service_id", id}, {"service", name}}, metrics);
  }
  collect_link_tls(metrics);
  const MutexLock lock(mutex_);
  for (const auto& [labels, count] : instances_) {
    metrics.gauge("ringgate_instances", "known instances of services, by state",
                  {{"service_id", id}, {"service", labels.first}, {"state", labels.second}}, count);
  }
  for (const auto& [service, count] : ejected_) {
    metrics.gauge("ringgate_instances_ejected",
                  "instances that a shard sends nothing new because they do not answer",
                  {{"service_id", id}, {"service", service}}, count);
  }
  for (const auto& [labels, count] : link_states_) {
    metrics.gauge("ringgate_links_by_state", "links to services that there should be, by state",
                  {{"service_id", id}, {"service", labels.first}, {"state", labels.second}}, count);
  }
}

// Those that control does not know any more count among the rest.
void GatewayComponent::collect_instances(MetricsSnapshot& metrics) const {
  std::map<std::uint32_t, std::pair<std::string, std::string>> names;
  {
    const MutexLock lock(mutex_);
    names = names_;
  }
  const auto tell = [&](std::uint32_t upstream, const InstanceCounters::Row& row) {
    const auto name = names.find(upstream);
    const bool is_known = name != names.end();
    const MetricsSnapshot::Labels who = {{"service_id", config_.service_id},
                                         {"service", is_known ? name->second.first : kOther},
                                         {"instance_id", is_known ? name->second.second : kOther}};
    const auto count = [&](const char* metric, const char* help, const char* result,
                           const Cell& cell) {
      MetricsSnapshot::Labels labels = who;
      labels.emplace_back("result", result);
      metrics.counter(metric, help, labels, static_cast<double>(cell.get()));
    };
    constexpr const char* kForwards = "ringgate_instance_forwards_total";
    constexpr const char* kForwardsHelp = "requests for an instance, by whether they could be sent";
    constexpr const char* kAnswers = "ringgate_instance_answers_total";
    constexpr const char* kAnswersHelp = "requests to an instance, by whether an answer came";
    count(kForwards, kForwardsHelp, "forwarded", row.forwarded);
    count(kForwards, kForwardsHelp, "failed", row.failed);
    count(kAnswers, kAnswersHelp, "answered", row.answered);
    count(kAnswers, kAnswersHelp, "unanswered", row.unanswered);
    metrics.counter("ringgate_instance_answer_seconds_total",
                    "how long the answered requests to an instance took, all together", who,
                    static_cast<double>(row.took_us.get()) / 1e6);
  };
  for (std::uint32_t i = 0; i < shards_->size(); ++i) {
    const auto& handler = static_cast<const GatewayHandler&>(shards_->handler(i));
    handler.counters().instances.for_each(tell);
  }
}

// Each shard has as many names as there may be, and of each service: all together have no more.
void GatewayComponent::collect_own_commands(MetricsSnapshot& metrics) const {
  struct Sums {
    std::uint64_t packets = 0;
    std::uint64_t pushes = 0;
  };
  std::map<std::string, Sums> sums;
  const std::size_t share = OwnCommands::share_of(
      options_.max_command_series,
      static_cast<const GatewayHandler&>(shards_->handler(0)).counters().services.known());
  for (std::uint32_t i = 0; i < shards_->size(); ++i) {
    const auto& handler = static_cast<const GatewayHandler&>(shards_->handler(i));
    handler.counters().own_commands.for_each(
        [&](std::string_view name, std::uint64_t packets, std::uint64_t pushes) {
          Sums& sum = sums[std::string(name)];
          sum.packets += packets;
          sum.pushes += pushes;
        });
  }
  const MutexLock lock(mutex_);
  std::map<std::string_view, std::size_t> told;
  for (const std::string& name : told_commands_) ++told[Routes::service_of(name)];
  for (const auto& [name, sum] : sums) {
    const bool is_new = !name.empty() && !told_commands_.contains(name);
    if (is_new && told_commands_.size() < options_.max_command_series &&
        told[Routes::service_of(name)] < share) {
      ++told[Routes::service_of(*told_commands_.insert(name).first)];
    }
    const MetricsSnapshot::Labels labels = {
        {"service_id", config_.service_id},
        {"command", told_commands_.contains(name) ? name : std::string(kOther)}};
    metrics.counter("ringgate_own_commands_total",
                    "packets of clients by command, of commands that the protocol itself has not",
                    labels, static_cast<double>(sum.packets));
    metrics.counter("ringgate_own_pushes_total",
                    "pushes of services by command, of commands that the protocol itself has not",
                    labels, static_cast<double>(sum.pushes));
  }
}

std::map<std::uint16_t, std::string> GatewayComponent::own_command_names() const {
  std::map<std::uint16_t, std::string> names;
  for (std::uint32_t i = 0; i < shards_->size(); ++i) {
    const OwnCommands& commands =
        static_cast<const GatewayHandler&>(shards_->handler(i)).counters().own_commands;
    std::size_t row = 0;
    commands.for_each([&](std::string_view name, std::uint64_t, std::uint64_t) {
      const std::uint16_t number = commands.number_of(i, row++);
      if (number != 0) names.emplace(number, name);
    });
  }
  return names;
}

void GatewayComponent::collect_link_tls(MetricsSnapshot& metrics) const {
  const auto count = [&](const char* name, const char* help, const Cell& cell) {
    metrics.counter(name, help, {{"service_id", config_.service_id}},
                    static_cast<double>(cell.get()));
  };
  const LinkTlsCounts& tls = links_->tls_counts();
  count("ringgate_link_tls_handshakes_total", "TLS handshakes with services, done", tls.handshakes);
  count("ringgate_link_tls_handshakes_failed_total",
        "TLS handshakes with services that failed; the log says why", tls.failed);
  count("ringgate_link_tls_refused_total",
        "links not dialled, since their service takes TLS only and LinkTlsCA is not set",
        tls.refused);
}

}  // namespace ringgate
