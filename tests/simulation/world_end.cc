// The end of a world: nothing goes wrong any more, everybody gets what he waits for and goes home,
// and the account is made of what is left.
#include <fmt/format.h>

#include <algorithm>

#include "services/gateway/counters.h"
#include "services/logic/counters.h"
#include "tests/simulation/world.h"

namespace ringgate::sim {

template <class Condition>
bool World::until(std::string_view what, std::uint64_t ms, Condition&& condition) {
  const std::uint64_t end_ns = scheduler_.now_ns() + ms * kMs;
  while (!scheduler_.failed()) {
    if (condition()) return true;
    if (scheduler_.now_ns() > end_ns || !step()) {
      scheduler_.fail(fmt::format("in {} ms without anything that goes wrong: not {}. {}", ms, what,
                                  who_waits()));
    }
  }
  return false;
}

std::string World::who_waits() const {
  for (const auto& client : clients_) {
    if (client->waits()) return client->describe();
  }
  std::string text = fmt::format(
      "Nobody waits. {} outstanding, {} sign-outs wait, {} sessions and {} locations are stored.",
      sum_of(GatewayGauge::kOutstanding), sum_of(GatewayGauge::kSignoutsWaiting),
      stored_.sessions(), stored_.locations());
  for (const auto& client : clients_) {
    if (client->connected()) text += " There is " + client->describe();
  }
  for_each_gateway([&](Gateway& gateway) {
    Shards& shards = gateway.shards();
    text += fmt::format(" {} in the backlog of {}{}.", kernel_->backlog(gateway.process()),
                        gateway.options().gateway_id, gateway.drained() ? ", drained" : "");
    for (std::uint32_t i = 0; i < shards.size(); ++i) {
      text += fmt::format(" Shard {} has {} accepts armed.", i, shards.ring(i).accepts);
      shards.shard(i).table().for_each_client([&](const Connection& one) {
        text += fmt::format(
            " Shard {} slot {}: phase {}, ops {}, out {}, held {} deferred {} throttled {} full {} "
            "paused {} eof {}.",
            i, one.slot, static_cast<int>(one.phase), one.ops, one.output.queued_bytes(),
            bool{one.held}, bool{one.deferred}, bool{one.throttled}, bool{one.full},
            bool{one.read_paused}, bool{one.saw_eof});
      });
    }
  });
  return text;
}

void World::go_home() {
  calm_ = true;
  kernel_->faults = {};
  for (const auto& service : services_) service->faults = {};
  plan_.logic.sessions = plan_.logic.messages = {};
  for (std::uint32_t i = 0; i < instances_.size(); ++i) {
    revive(i);
    come_back(i);
    if (i >= logics_.size()) continue;
    for (const auto kind : {StoreEnd::Kind::kSessions, StoreEnd::Kind::kMessages}) {
      logics_[i]->end(kind).habits = {};
      logics_[i]->end(kind).be_away(0, false);
    }
  }
  for (std::uint32_t i = 0; i < plan_.gateways; ++i) {
    if (gateways_[i] != nullptr && gateways_[i]->draining()) kill_gateway(i);
    start_gateway(i);
  }
  for (const auto& client : clients_) client->calm();
  constexpr std::uint64_t kPatienceMs = 20'000;
  const std::uint64_t answer_ms = plan_.clients.answer_timeout_ms + kPatienceMs;
  const auto all_linked = [this] {
    return std::ranges::all_of(gateways_,
                               [](const auto& gateway) { return gateway->all_linked(); });
  };
  if (!until("all links are up", kPatienceMs, all_linked)) return;
  const auto none_waits = [this] {
    return std::ranges::none_of(clients_, [](const auto& client) { return client->waits(); });
  };
  if (!until("everything is answered", answer_ms, none_waits)) return;
  const std::uint64_t settled_ns = scheduler_.now_ns() + 3000 * kMs;
  if (!until("3 s later", kPatienceMs, [&] { return scheduler_.now_ns() > settled_ns; })) return;
  check_pushes();
  const auto each = [this] { return one_channel_each(); };
  if (!until("each account is on the channel that its session names", 60'000, each)) return;
  leave();
  if (scheduler_.failed()) return;
  for (const Instance& instance : instances_) {
    for_each_gateway([&](Gateway& gateway) { gateway.gone(instance.id, 1000); });
  }
  const auto unlinked = [&] {
    std::uint64_t links = sum_of(Gauge::kLinks);
    for (const auto& logic : logics_) links += logic->shards().gauge(Gauge::kLinks);
    return links == 0;
  };
  if (!until("no link is left", 60'000, unlinked)) return;
  const std::uint64_t quiet_ns = scheduler_.now_ns() + 2000 * kMs;
  if (!until("2 s later", kPatienceMs, [&] { return scheduler_.now_ns() > quiet_ns; })) return;
  check_nothing_is_left();
}

// By themselves, or told by a gateway that drains.
void World::leave() {
  if (plan_.drains) {
    for_each_gateway([](Gateway& gateway) { gateway.drain(500); });
  } else {
    for (const auto& client : clients_) client->leave();
  }
  const auto all_left = [&] {
    return sum_of(Gauge::kClients) == 0 &&
           std::ranges::none_of(clients_, [this](const auto& client) {
             return plan_.drains ? client->is_let_in() : client->connected();
           });
  };
  if (!until("everybody has left", 60'000, all_left)) return;
  // Who has not confirmed a sign-out is told again, so that in the end nobody is in the store.
  const bool nobody_is_stored = plan_.real_services && plan_.exact;
  const auto all_said = [&] {
    return sum_of(GatewayGauge::kOutstanding) == 0 && sum_of(GatewayGauge::kSignoutsWaiting) == 0 &&
           (!nobody_is_stored || (stored_.sessions() == 0 && stored_.locations() == 0)) &&
           (!plan_.drains ||
            std::ranges::all_of(gateways_, &Gateway::drained,
                                [](const auto& one) -> const Gateway& { return *one; }));
  };
  if (!until("everybody is signed out", 60'000, all_said)) return;
  const std::uint64_t quiet_ns = scheduler_.now_ns() + 2000 * kMs;
  if (!until("2 s later", 20'000, [&] { return scheduler_.now_ns() > quiet_ns; })) return;
  check_signouts();
}

// Where a kick-out was lost, the next roll call ends the older one.
bool World::one_channel_each() const {
  if (!plan_.real_services) return true;
  return std::ranges::all_of(clients_, [this](const auto& client) {
    return !client->logged_in() || stored_.channel_of(client->account()) == client->channel();
  });
}

// Whoever is there still has got all that was pushed to him on the links that are there still.
void World::check_pushes() {
  for (const auto& client : clients_) {
    if (client->logged_in()) check_pushes_of(*client);
  }
}

// But for what was dropped: by itself, which it was told, or with the mail of a shard.
void World::check_pushes_of(const Client& client) {
  const Gateway& gateway = gateway_of(client);
  const std::uint64_t with_mail = gateway.shards().count(Counter::kMailFull);
  const std::uint64_t counted = gateway.shards().count(GatewayCounter::kPushesDropped);
  std::uint64_t missing = 0;
  std::uint32_t links = 0;
  for (std::uint32_t i = 0; i < services_.size(); ++i) {
    for (const std::uint32_t epoch : gateway.epochs_of(i)) {
      const std::uint32_t pushed = services_[i]->pushed(client.channel(), epoch);
      const std::uint32_t got = client.pushes_of(epoch);
      if (got > pushed) {
        scheduler_.fail(fmt::format("{} of {} pushes on link {} came: {}", got, pushed, epoch,
                                    client.describe()));
      }
      missing += pushed - got;
      ++links;
    }
  }
  // What it was told may have come on a link that is gone.
  if (missing > client.dropped() + with_mail || client.dropped() > counted) {
    scheduler_.fail(
        fmt::format("{} pushes on {} links have not come, it was told of {}, and {} and "
                    "{} are counted: {}",
                    missing, links, client.dropped(), counted, with_mail, client.describe()));
  }
}

void World::check_signouts() {
  if (!plan_.exact || services_.empty()) return;
  const PlayedService::Account& account = services_[0]->account();
  const std::uint64_t kicked = account.kicked - account.kicked_and_signed_out;
  if (account.signins != account.signouts + kicked) {
    scheduler_.fail(fmt::format("{} were signed in, {} signed out, {} kicked out", account.signins,
                                account.signouts, kicked));
  }
}

void World::check_nothing_is_left() {
  for_each_gateway([this](Gateway& gateway) { check_gateway(gateway); });
  const auto none = [this](std::string_view what, std::uint64_t left) {
    if (left != 0) scheduler_.fail(fmt::format("{} {} are left", left, what));
  };
  for (const auto& logic : logics_) {
    none("packets that make no sense", logic->shards().count(LogicCounter::kLinkPacketMalformed));
    check_shards(logic->shards(), true);
  }
}

void World::check_gateway(Gateway& gateway) {
  Shards& shards = gateway.shards();
  const auto none = [this](std::string_view what, std::uint64_t left) {
    if (left != 0) scheduler_.fail(fmt::format("{} {} are left", left, what));
  };
  none("channels", shards.gauge(GatewayGauge::kChannels));
  none("WebSocket channels", shards.gauge(GatewayGauge::kWebSocketChannels));
  none("bytes of pushes that wait", shards.gauge(GatewayGauge::kFanOutBytes));
  none("packets that make no sense", shards.count(GatewayCounter::kLinkPacketMalformed));
  none("packets for another gateway", shards.count(GatewayCounter::kPushNotForUs));
  // What the recorder remembers of those that have ended is in the pool, too.
  check_shards(shards, !plan_.gateway.options.flight_recorder);
}

void World::check_shards(Shards& shards, bool all_of_the_pool) {
  const auto none = [this, &shards](std::string_view what, std::uint64_t left) {
    if (left == 0) return;
    scheduler_.fail(fmt::format("{} {} are left in process {}", left, what, shards.process()));
  };
  none("client connections", shards.gauge(Gauge::kClients));
  none("WebSockets", shards.gauge(Gauge::kWebSockets));
  none("polled clients", shards.gauge(Gauge::kPolled));
  none("sockets", kernel_->open_sockets(shards.process()));
  none("mails of an unknown kind", shards.count(Counter::kMailUnknown));
  none("bytes of mail that wait", shards.gauge(Gauge::kMailWaitingBytes));
  for (std::uint32_t i = 0; i < shards.size(); ++i) {
    none("receive buffers", kernel_->buffers_out(shards.ring(i)));
    none("operations", kernel_->operations(shards.ring(i)));
    if (all_of_the_pool) none("bytes of the pool", shards.shard(i).pool().used_bytes());
  }
}

}  // namespace ringgate::sim
