// What a seed decides about its world, before anything happens there.
#include "tests/simulation/world.h"

namespace ringgate::sim {

WorldPlan plan_of(std::uint64_t seed) {
  Random random(seed ^ 0x5EEDULL);
  WorldPlan plan;
  plan.echoes = random.between(1, 3);
  plan.lanes = random.one_in(3);
  plan.client_count = random.between(4, 24);
  plan.clients.think_ms = random.between(1, 20);
  plan.clients.most_burst = random.between(1, 6);

  GatewayPlan& gateway = plan.gateway;
  gateway.options.gateway_id = "g1";
  gateway.options.nonce = "0123456789";
  gateway.options.max_outstanding = 4096;
  gateway.options.recorded_channels = 64;
  gateway.options.recorded_closes = 64;
  gateway.options.flight_recorder = random.one_in(2);
  gateway.options.answer_timeout_ms = 2000;
  gateway.options.login_answer_timeout_ms = 1000;
  plan.clients.answer_timeout_ms = gateway.options.answer_timeout_ms;
  plan.clients.farewell_ms = gateway.options.login_answer_timeout_ms;

  ShardsOptions& shards = gateway.shards;
  shards.shards = random.between(2, 3);
  shards.accept = AcceptMode::kDirect;
  shards.shard.max_clients = random.between(8, 40);
  shards.shard.max_links = 16;
  shards.shard.sweep_ms = random.one_in(2) ? 100 : random.between(5, 100);
  shards.shard.sweep_parts = random.between(1, 10);
  shards.shard.limits[0].max_queued_bytes = random.between(20'000, 256'000);
  if (random.one_in(2)) shards.shard.poll_after_ms = random.between(1, 200);
  shards.shard.ring.client_buffers = random.between(4, 32);
  shards.shard.ring.client_buffer_bytes = random.between(16, 2048);
  shards.shard.ring.link_buffers = random.between(4, 16);
  shards.shard.ring.link_buffer_bytes = random.between(64, 16'384);
  return plan;
}

}  // namespace ringgate::sim
