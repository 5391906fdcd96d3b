#include "tests/simulation/world.h"

#include <fmt/format.h>

#include <utility>

#include "codec/pkt.pb.h"
#include "services/auth/token.h"
#include "services/gateway/commands.h"
#include "services/gateway/counters.h"

namespace ringgate::sim {
namespace {

constexpr std::string_view kSecret = "a secret of the simulation";
constexpr std::uint64_t kControlEveryMs = 50;
// What a turn of Actor::kTrouble is about; 0: a new one.
constexpr std::uint32_t kControlTick = 1;
constexpr std::uint32_t kFirstRevival = 100;
constexpr std::uint32_t kFirstReturn = 200;

std::vector<std::uint8_t> login_of(const std::string& account) {
  pkt::LoginReq request;
  request.set_token(sign_token({account, "kim", 2'000'000'000}, kSecret));
  const std::string body = request.SerializeAsString();
  const OutgoingHeader header{.command = kCommandSignIn, .sequence = 1};
  std::vector<std::uint8_t> packet(packet_bytes(header, body.size()));
  write_packet(packet.data(), header, as_bytes(body));
  return packet;
}

}  // namespace

World::World(std::uint64_t seed) : seed_(seed), plan_(plan_of(seed)), scheduler_(seed) {
  kernel_ = std::make_unique<Kernel>(scheduler_, plan_.faults);
  GatewayPlan gateway = plan_.gateway;
  gateway.options.secrets = {std::string(kSecret)};
  Gateway::Ways ways;
  ways.dial = [this](const Instance& instance, std::uint32_t lane, std::uint32_t epoch) {
    static_cast<void>(lane);
    if (!instances_[instance.service].up) return -1;
    int fd = -1;
    Socket& socket = kernel_->dial_from(gateway_->process(), fd, Actor::kService, instance.service);
    services_[instance.service]->connected(socket, epoch);
    Pipe handshake;
    write_tcp_frame_head(handshake.extend(kTcpFrameHeadBytes), Opcode::kBinary, 4);
    constexpr std::array<std::uint8_t, 4> kIdIsG1 = {0x0A, 2, 'g', '1'};
    handshake.push(kIdIsG1);
    kernel_->write_first(*socket.other, handshake.view());
    return fd;
  };
  ways.client_closed = [this](Socket& socket, std::string_view reason) {
    clients_[socket.client]->closed_by_gateway(socket, reason);
  };
  gateway_ = std::make_unique<Gateway>(*kernel_, std::move(gateway), std::move(ways));
  add_services();
  add_clients();
  scheduler_.after(kControlEveryMs * kMs, Actor::kTrouble, kControlTick);
  trouble_later();
}

World::~World() {
  gateway_.reset();  // before what it refers to
}

void World::add_services() {
  for (std::uint32_t i = 0; i <= plan_.echoes; ++i) {
    const bool login = i == 0;
    instances_.push_back({login ? "login" : "echo",
                          fmt::format("{}{:02}", login ? "login" : "echo", i), i, plan_.lanes,
                          true});
    services_.push_back(std::make_unique<PlayedService>(*kernel_, i, "g1"));
    services_.back()->faults = plan_.services;
    services_.back()->links_are_lost = !plan_.exact;
  }
  for (const Instance& instance : instances_) gateway_->found(instance);
}

void World::add_clients() {
  for (std::uint32_t i = 0; i < plan_.client_count; ++i) {
    ClientPlan plan;
    plan.number = i;
    plan.process = gateway_->process();
    plan.listener = i % static_cast<std::uint32_t>(plan_.gateway.listeners.size());
    plan.transport = plan_.gateway.listeners[plan.listener];
    plan.account = fmt::format("account{}", plan_.services.kicks ? i / 2 : i);
    plan.login = login_of(plan.account);
    clients_.push_back(std::make_unique<Client>(*kernel_, std::move(plan), plan_.clients));
  }
}

bool World::run(std::uint64_t steps) {
  while (scheduler_.steps() < steps && !scheduler_.failed() && step()) {
  }
  if (!scheduler_.failed()) go_home();
  return !scheduler_.failed();
}

bool World::step() {
  Turn turn;
  if (!scheduler_.next(turn)) return false;
  switch (turn.actor) {
    case Actor::kOperation:
      kernel_->progress(turn.index);
      break;
    case Actor::kShard:
      gateway_->shards().turn(turn.index);
      break;
    case Actor::kTimeout:
      gateway_->shards().wait_is_over(turn.index, turn.version);
      break;
    case Actor::kControl:
      gateway_->control_turn();
      break;
    case Actor::kClient:
      clients_[turn.index]->turn();
      break;
    case Actor::kThought:
      clients_[turn.index]->thought(turn.version);
      break;
    case Actor::kService:
      services_[turn.index]->turn();
      break;
    case Actor::kAnswer:
      services_[turn.index]->answer_late(turn.version);
      break;
    case Actor::kStore:
      break;
    case Actor::kTrouble:
      if (turn.index == kControlTick) {
        gateway_->control_turn();
        scheduler_.after(kControlEveryMs * kMs, Actor::kTrouble, kControlTick);
      } else if (turn.index != 0) {
        end_trouble(turn.index);
      } else if (!calm_) {
        trouble();
        trouble_later();
      }
      break;
  }
  return true;
}

void World::trouble_later() {
  if (plan_.troubles) scheduler_.after(scheduler_.random.below(1000 * kMs), Actor::kTrouble, 0);
}

void World::trouble() {
  Random& random = scheduler_.random;
  const std::uint32_t service = random.below(services_.size());
  Instance& instance = instances_[service];
  switch (random.below(5)) {
    case 0:  // its process is killed, and comes back, perhaps at once
      if (!std::exchange(instance.up, false)) return;
      services_[service]->die();
      scheduler_.after(random.below(random.one_in(2) ? kMs : 3000 * kMs), Actor::kTrouble,
                       kFirstRevival + service);
      return;
    case 1:  // it is not in the registry any more, and then it is again
      gateway_->gone(instance.id, random.below(2000));
      scheduler_.after(random.below(1000 * kMs), Actor::kTrouble, kFirstReturn + service);
      return;
    case 2:
      services_[service]->stand_still(random.below(3000));
      return;
    default:
      gateway_->shards().stand_still(random.below(gateway_->shards().size()),
                                     random.one_in(3) ? random.below(4000) : random.below(200));
  }
}

void World::end_trouble(std::uint32_t which) {
  if (which >= kFirstReturn) return come_back(which - kFirstReturn);
  revive(which - kFirstRevival);
}

void World::revive(std::uint32_t service) {
  instances_[service].up = true;
}

// Into the registry, if it is not there.
void World::come_back(std::uint32_t service) {
  if (!gateway_->knows(instances_[service].id)) gateway_->found(instances_[service]);
}

std::string World::told() const {
  Client::Tally sum;
  for (const auto& client : clients_) {
    const Client::Tally& one = client->tally();
    sum.logins += one.logins;
    sum.refused += one.refused;
    sum.answers += one.answers;
    sum.failures += one.failures;
    sum.pongs += one.pongs;
    sum.pushes += one.pushes;
    sum.voided += one.voided;
  }
  return fmt::format(
      "{} s: logins {}, refused {}, answers {}, failures {}, pongs {}, pushes {}, voided {}, links "
      "lost {}, wake-ups lost {}",
      scheduler_.now_ms() / 1000, sum.logins, sum.refused, sum.answers, sum.failures, sum.pongs,
      sum.pushes, sum.voided, gateway_->links_lost(), kernel_->lost_wakeups());
}

}  // namespace ringgate::sim
