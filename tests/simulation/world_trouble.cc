// What goes wrong in a world, beside the kernel and what clients and services do by themselves.
#include <utility>

#include "services/gateway/counters.h"
#include "tests/simulation/world.h"

namespace ringgate::sim {
namespace {

// What a turn of Actor::kTrouble is about beside kControlTick; 0: a new one.
constexpr std::uint32_t kFirstRevival = 100;
constexpr std::uint32_t kFirstReturn = 200;
constexpr std::uint32_t kFirstStart = 300;
constexpr std::uint32_t kFirstDrained = 400;

}  // namespace

void World::turn_trouble(std::uint32_t which) {
  if (which == kControlTick) return control_tick();
  if (which >= kFirstDrained) return end_drained(which - kFirstDrained);
  if (which >= kFirstStart) return start_gateway(which - kFirstStart);
  if (which >= kFirstReturn) return come_back(which - kFirstReturn);
  if (which >= kFirstRevival) return revive(which - kFirstRevival);
  if (calm_) return;
  if (plan_.real_services && scheduler_.random.one_in(3)) {
    store_trouble();
  } else if (plan_.troubles) {
    trouble();
  }
  trouble_later();
}

void World::trouble_later() {
  if (!plan_.troubles && !plan_.store_troubles) return;
  scheduler_.after(scheduler_.random.below(1000 * kMs), Actor::kTrouble, 0);
}

void World::trouble() {
  Random& random = scheduler_.random;
  const std::uint32_t service = random.below(instances_.size());
  Instance& instance = instances_[service];
  const std::uint32_t gateway = random.below(plan_.gateways);
  if (plan_.gateways_drain && random.one_in(6)) return drain_gateway(gateway);
  switch (random.below(6)) {
    case 0:  // its process is killed, and comes back, perhaps at once
      if (!std::exchange(instance.up, false)) return;
      if (plan_.real_services) {
        logics_[service].reset();
      } else {
        services_[service]->die();
      }
      scheduler_.after(random.below(random.one_in(2) ? kMs : 3000 * kMs), Actor::kTrouble,
                       kFirstRevival + service);
      return;
    case 1:  // it is not in the registry any more, and then it is again
      instance.registered = false;
      for_each_gateway([&](Gateway& one) { one.gone(instance.id, random.below(2000)); });
      scheduler_.after(random.below(1000 * kMs), Actor::kTrouble, kFirstReturn + service);
      return;
    case 2:
      if (!plan_.real_services) {
        services_[service]->stand_still(random.below(3000));
      } else if (logics_[service] != nullptr) {
        Shards& shards = logics_[service]->shards();
        shards.stand_still(random.below(shards.size()), random.below(3000));
      }
      return;
    case 3:  // with all of its channels; its clients come again
      kill_gateway(gateway);
      scheduler_.after(random.below(random.one_in(2) ? kMs : 3000 * kMs), Actor::kTrouble,
                       kFirstStart + gateway);
      return;
    default:
      if (gateways_[gateway] == nullptr) return;
      Shards& shards = gateways_[gateway]->shards();
      shards.stand_still(random.below(shards.size()),
                         random.one_in(3) ? random.below(4000) : random.below(200));
  }
}

// As a process that is to end: it lets nobody in, tells everybody to go, and ends.
void World::drain_gateway(std::uint32_t index) {
  if (gateways_[index] == nullptr || gateways_[index]->draining()) return;
  gateways_[index]->drain(scheduler_.random.below(1000));
  scheduler_.after(scheduler_.random.below(10'000 * kMs), Actor::kTrouble, kFirstDrained + index);
}

// In time or not; one that has drained has let everybody go.
void World::end_drained(std::uint32_t index) {
  if (calm_ || gateways_[index] == nullptr || !gateways_[index]->draining()) return;
  const std::uint64_t left = gateways_[index]->shards().gauge(GatewayGauge::kChannels);
  if (gateways_[index]->drained() && left > 0) {
    scheduler_.fail(std::to_string(left) + " channels are left in a gateway that has drained");
  }
  kill_gateway(index);
  start_gateway(index);
}

// A store is away for a while, for one of the processes or for all of them.
void World::store_trouble() {
  Random& random = scheduler_.random;
  const std::uint64_t ms = random.below(1500);
  const bool fails = random.one_in(2);
  const auto kind = random.one_in(2) ? StoreEnd::Kind::kSessions : StoreEnd::Kind::kMessages;
  const std::uint32_t one = random.below(logics_.size());
  const bool all = random.one_in(2);
  for (std::uint32_t i = 0; i < logics_.size(); ++i) {
    if (logics_[i] != nullptr && (all || i == one)) logics_[i]->end(kind).be_away(ms, fails);
  }
}

void World::revive(std::uint32_t service) {
  if (std::exchange(instances_[service].up, true) || !plan_.real_services) return;
  logics_[service] = make_logic(service);
}

// Into the registry, if it is not there.
void World::come_back(std::uint32_t service) {
  Instance& instance = instances_[service];
  instance.registered = true;
  for_each_gateway([&instance](Gateway& gateway) {
    if (!gateway.knows(instance.id)) gateway.found(instance);
  });
}

}  // namespace ringgate::sim
