// What a gateway tells its monitor: counters of its shards, and what it knows of services.
#include "services/gateway_handler.h"
#include "services/gateway_service.h"
#include "services/shard_setup.h"

namespace ringgate {

// For the metrics, which another thread reads.
void GatewayService::count_instances() {
  std::map<std::pair<std::string, std::string>, int> instances;
  std::map<std::pair<std::string, std::string>, int> links;
  for (const InstanceStatus& instance : links_->instances()) {
    for (const char* const state : {"young", "adult", "draining"}) {
      instances[{instance.service.name, state}] += instance_state(instance) == state ? 1 : 0;
    }
    for (const InstanceStatus::Lane& lane : instance.lanes) {
      for (const LaneState state : {LaneState::kWaiting, LaneState::kDialling, LaneState::kUp}) {
        links[{instance.service.name, std::string(describe(state))}] += lane.state == state ? 1 : 0;
      }
    }
  }
  const std::scoped_lock lock(mutex_);
  instances_ = std::move(instances);
  link_states_ = std::move(links);
}

void GatewayService::collect(MetricsSnapshot& metrics) const {
  if (!started_.load(std::memory_order_acquire)) return;
  registry_->collect(metrics);
  collect_shards(*shards_, config_.service_id, metrics);
  const MetricsSnapshot::Labels who = {{"serviceId", config_.service_id},
                                       {"serviceName", config_.service_name}};
  double channels = 0;
  double no_service = 0;
  for (std::uint32_t i = 0; i < shards_->size(); ++i) {
    const Counters& counters = shards_->shard(i).counters();
    channels += static_cast<double>(counters.get(Gauge::kChannels));
    no_service += static_cast<double>(counters.get(Counter::kNoService) +
                                      counters.get(Counter::kZoneFallback));
    const auto& handler = static_cast<const GatewayHandler&>(shards_->handler(i));
    for (std::size_t c = 0; c < kKnownCommands.size(); ++c) {
      MetricsSnapshot::Labels labels = who;
      labels.emplace_back("command", kKnownCommands[c]);
      const CommandCounters& commands = handler.commands();
      metrics.counter("kim_message_in_total", "messages from clients", labels,
                      static_cast<double>(commands.messages_in[c].get()));
      metrics.counter("kim_message_in_flow_bytes", "bytes of messages from clients", labels,
                      static_cast<double>(commands.bytes_in[c].get()));
      metrics.counter("kim_message_out_flow_bytes", "bytes of messages to clients",
                      {{"command", std::string(kKnownCommands[c])}},
                      static_cast<double>(commands.bytes_out[c].get()));
    }
  }
  collect_services(metrics);
  metrics.gauge("kim_channel_total", "logged-in connections", who, channels);
  metrics.counter("kim_no_server_found_error_total",
                  "packets for which no service was found, at all or in their zone",
                  {{"zone", config_.zone}}, no_service);
}

// Forwards by service and result, and what there is to forward to.
void GatewayService::collect_services(MetricsSnapshot& metrics) const {
  const std::string& id = config_.service_id;
  for (std::uint32_t i = 0; i < shards_->size(); ++i) {
    const auto& handler = static_cast<const GatewayHandler&>(shards_->handler(i));
    handler.services().for_each([&](const std::string& name, const ServiceCounters::Row& row) {
      const auto add = [&](const char* result, const Cell& cell) {
        metrics.counter("ringgate_forwards_total", "packets for services, by what became of them",
                        {{"serviceId", id}, {"service", name}, {"result", result}},
                        static_cast<double>(cell.get()));
      };
      add("forwarded", row.forwarded);
      add("failed", row.failed);
      add("no_service", row.no_service);
    });
  }
  const std::scoped_lock lock(mutex_);
  for (const auto& [labels, count] : instances_) {
    metrics.gauge("ringgate_instances", "known instances of services, by state",
                  {{"serviceId", id}, {"service", labels.first}, {"state", labels.second}}, count);
  }
  for (const auto& [labels, count] : link_states_) {
    metrics.gauge("ringgate_links_by_state", "links to services that there should be, by state",
                  {{"serviceId", id}, {"service", labels.first}, {"state", labels.second}}, count);
  }
}

}  // namespace ringgate
