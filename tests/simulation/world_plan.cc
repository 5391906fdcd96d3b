// What a seed decides about its world, before anything happens there.
#include "tests/simulation/world.h"

namespace ringgate::sim {
namespace {

// Never, or once in first ... last.
std::uint32_t maybe(Random& random, std::uint32_t first, std::uint32_t last) {
  return random.one_in(3) ? 0 : random.between(first, last);
}

void plan_faults(Random& random, WorldPlan& plan) {
  Faults& faults = plan.faults;
  faults.stall = maybe(random, 3, 200);
  faults.short_send = maybe(random, 3, 50);
  faults.no_buffers = maybe(random, 3, 50);
  faults.recv_ends = maybe(random, 3, 50);
  faults.accept_fails = maybe(random, 3, 20);
  faults.poll_lies = maybe(random, 3, 20);
  faults.poll_fails = maybe(random, 3, 20);
  faults.lost_wakeup = maybe(random, 3, 100);
  faults.wake_ends = maybe(random, 3, 20);
  faults.broken_client = maybe(random, 300, 5000);
  plan.exact = random.one_in(2);
  plan.troubles = !plan.exact;
  if (!plan.exact) faults.broken_link = maybe(random, 500, 20'000);
}

void plan_services(Random& random, ServiceFaults& faults) {
  faults.late = maybe(random, 2, 30);
  faults.most_late_ms = random.one_in(3) ? 5000 : 100;
  faults.forgets = maybe(random, 20, 300);
  faults.doubles = maybe(random, 10, 100);
  faults.fails = maybe(random, 10, 50);
  faults.pushes = maybe(random, 1, 10);
  faults.most_receivers = random.between(1, 30);
  faults.most_push_bytes = random.one_in(4) ? 40'000 : 4000;
  faults.kicks = random.one_in(2);
}

void plan_clients(Random& random, ClientHabits& habits) {
  habits.think_ms = random.between(1, 20);
  habits.most_burst = random.one_in(4) ? random.between(6, 60) : random.between(1, 6);
  habits.filler_bytes = random.between(0, 400);
  habits.stalls = maybe(random, 20, 200);
  habits.leaves = random.between(20, 400);
  habits.resets = maybe(random, 2, 10);
  habits.forges = maybe(random, 3, 100);
  habits.errs = maybe(random, 50, 500);
  habits.half_closes = 2;
}

void plan_gateway(Random& random, WorldPlan& plan) {
  GatewayOptions& options = plan.gateway.options;
  options.max_outstanding = random.one_in(4) ? random.between(4, 64) : 4096;
  if (random.one_in(4)) options.max_client_outstanding = random.between(1, 16);
  options.recorded_channels = 64;
  options.recorded_closes = 64;
  options.flight_recorder = random.one_in(2);
  options.answer_timeout_ms = random.between(500, 3000);
  options.login_answer_timeout_ms = random.between(300, 2000);
  options.eject_after_ms = random.one_in(3) ? 0 : random.between(100, 2000);
  options.heartbeat_ms = random.between(500, 5000);
  if (random.one_in(2)) options.kickout_linger_ms = random.between(1, 500);
  if (random.one_in(4)) options.max_waiting_push_bytes = random.between(100, 5000);
  plan.clients.answer_timeout_ms = options.answer_timeout_ms;
  plan.clients.farewell_ms = options.login_answer_timeout_ms;
  if (random.one_in(3)) plan.gateway.listeners = {Transport::kWebSocket};
  if (random.one_in(3)) plan.gateway.listeners = {Transport::kTcp, Transport::kWebSocket};
}

void plan_shards(Random& random, ShardsOptions& shards) {
  shards.shards = random.between(1, 3);
  shards.accept = AcceptMode::kDirect;
  if (random.one_in(3)) shards.mailbox_bytes = random.between(4096, 65'536);
  ShardOptions& shard = shards.shard;
  shard.max_clients = random.between(8, 40);
  shard.max_links = 16;
  shard.linger_ms = random.between(10, 1000);
  shard.sweep_ms = random.one_in(2) ? 100 : random.between(5, 100);
  shard.sweep_parts = random.between(1, 10);
  shard.client_share = random.between(1, 300);
  shard.link_share = random.between(1, 300);
  shard.long_turn = random.between(1, 300);
  shard.max_held_bytes = random.between(100, 64'000);
  shard.write_timeout_ms = random.between(3000, 10'000);
  shard.max_answer_bytes = random.one_in(2) ? random.between(0, 100'000) : 16'000'000;
  shard.limits[0].max_queued_bytes = random.between(4000, 256'000);
  if (random.one_in(4)) shard.limits[1].max_queued_bytes = random.between(20'000, 200'000);
  if (random.one_in(2)) shard.poll_after_ms = random.between(1, 200);
  if (random.one_in(4)) shard.ws_ping_after_ms = random.between(10, 1000);
  if (random.one_in(5)) shard.client_frames_per_s = random.between(50, 1000);
  if (random.one_in(5)) shard.accepts_per_s = random.between(5, 500);
  shard.ring.client_buffers = random.between(4, 32);
  shard.ring.client_buffer_bytes = random.between(16, 2048);
  shard.ring.link_buffers = random.between(4, 16);
  shard.ring.link_buffer_bytes = random.between(64, 16'384);
}

// What bounds overload, so tight that it is reached; drawn by itself, so that older seeds keep the
// rest of their worlds.
void plan_bounds(Random random, WorldPlan& plan) {
  GatewayOptions& options = plan.gateway.options;
  if (random.one_in(3)) {
    options.slow_consumers.by_prefix["echo"] =
        random.one_in(2) ? SlowConsumer::kDropOldest : SlowConsumer::kNewestOnly;
    plan.clients.pushes_are_dropped = true;
    plan.gateway.shards.shard.limits[0].max_queued_bytes = random.between(1000, 20'000);
    if (plan.clients.stalls != 0) plan.clients.stalls = random.between(5, 50);
  }
  if (random.one_in(5)) options.max_memory_bytes = random.between(5'000, 300'000);
  if (random.one_in(5)) options.logins_per_account = random.between(1, 20);
  if (random.one_in(8)) options.logins_per_address = random.between(5, 200);
  if (random.one_in(5)) options.logins_per_s = random.between(1, 50);
  if (random.one_in(4)) options.login_reserve_percent = random.between(0, 50);
  plan.gateway.shards.shard.limits_dry_run = random.one_in(8);
  if (plan.faults.accept_fails != 0) plan.faults.accept_short = maybe(random, 3, 20);
  plan.gateways_drain = plan.troubles && random.one_in(2);
}

// The product's services, where more has to be true: times are as far apart as they are shipped,
// since who stands still for longer than a login may take would carry out one that was given up.
void plan_logic(Random& random, WorldPlan& plan) {
  plan.real_services = true;
  plan.logics = random.between(1, 2);
  plan.clients.talks = true;
  plan.groups = plan.clients.groups = random.below(4);
  plan.clients.answers_in_order = plan.logics == 1 && plan.exact;
  LogicPlan& logic = plan.logic;
  logic.shards = random.between(1, 2);
  if (random.one_in(4)) logic.mailbox_bytes = random.between(4096, 65'536);
  logic.store_timeout_ms = random.between(200, 1000);
  for (StoreHabits* const habits : {&logic.sessions, &logic.messages}) {
    habits->most_ms = random.one_in(3) ? random.between(50, 300) : random.between(1, 10);
    habits->fails = maybe(random, 20, 500);
  }
  plan.store_troubles = plan.faults.stall != 0 || !plan.exact;
  GatewayOptions& options = plan.gateway.options;
  options.login_answer_timeout_ms = 5000;
  options.answer_timeout_ms = 10'000;
  options.roll_call_beat_ms = random.between(200, 1000);
  options.roll_call_every_ms = random.between(1000, 5000);
  plan.clients.answer_timeout_ms = options.answer_timeout_ms;
  plan.clients.farewell_ms = options.login_answer_timeout_ms;
}

}  // namespace

WorldPlan plan_of(std::uint64_t seed) {
  Random random(seed ^ 0x5EEDULL);
  WorldPlan plan;
  plan.echoes = random.between(1, 3);
  plan.lanes = random.one_in(3);
  plan.client_count = random.between(4, 24);
  plan.gateways = random.one_in(2) ? 1 : random.between(2, World::kMostGateways);
  plan_clients(random, plan.clients);
  plan_gateway(random, plan);
  plan_shards(random, plan.gateway.shards);
  plan.drains = random.one_in(3);
  if (!random.one_in(8)) {  // else nothing goes wrong
    plan_faults(random, plan);
    plan_services(random, plan.services);
  }
  if (random.one_in(2)) plan_logic(random, plan);
  plan_bounds(Random(seed ^ 0xB0DEULL), plan);
  plan.clients.pushes_are_sliced =
      plan.clients.pushes_are_dropped || plan.services.most_push_bytes > 4000;
  return plan;
}

}  // namespace ringgate::sim
