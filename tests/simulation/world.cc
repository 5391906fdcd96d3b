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
constexpr std::uint64_t kBootMs = 10'000;
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

World::World(std::uint64_t seed)
    : seed_(seed),
      plan_(plan_of(seed)),
      scheduler_(seed),
      stored_(scheduler_, kBootMs),
      gateways_(plan_.gateways) {
  kernel_ = std::make_unique<Kernel>(scheduler_, plan_.faults);
  if (plan_.real_services) {
    add_logics();
    add_groups();
  } else {
    add_services();
  }
  for (std::uint32_t i = 0; i < plan_.gateways; ++i) start_gateway(i);
  add_clients();
  scheduler_.after(kControlEveryMs * kMs, Actor::kTrouble, kControlTick);
  trouble_later();
}

World::~World() {
  gateways_.clear();  // before what they refer to
  logics_.clear();
}

void World::start_gateway(std::uint32_t index) {
  if (gateways_[index] != nullptr) return;
  GatewayPlan plan = plan_.gateway;
  plan.first_shard = index * Shards::kMost;
  plan.options.gateway_id = fmt::format("g{}", index + 1);
  plan.options.nonce = fmt::format("{:010}", ++boots_);
  plan.options.secrets = {std::string(kSecret)};
  if (plan_.real_services) plan.options.routes = {{"login", "chat"}, {"echo", "chat"}};
  Gateway::Ways ways;
  ways.dial = [this, index](const Instance& instance, std::uint32_t lane, std::uint32_t epoch) {
    return dial(*gateways_[index], instance, lane, epoch);
  };
  ways.client_closed = [this](Socket& socket, std::string_view reason) {
    clients_[socket.client]->closed_by_gateway(socket, reason);
  };
  ways.next_epoch = [this] { return ++last_epoch_; };
  gateways_[index] = std::make_unique<Gateway>(*kernel_, std::move(plan), std::move(ways));
  for (const Instance& instance : instances_) {
    if (instance.registered) gateways_[index]->found(instance);
  }
}

void World::kill_gateway(std::uint32_t index) {
  if (gateways_[index] == nullptr) return;
  links_lost_ += gateways_[index]->links_lost();
  std::vector<Client*> had_one;
  for (const auto& client : clients_) {
    if (client->has_gateway()) had_one.push_back(client.get());
  }
  gateways_[index].reset();
  for (Client* const client : had_one) {
    if (!client->has_gateway()) client->lost_gateway();
  }
}

// As the link manager does: connects, says who it is, and has a socket for its shard.
int World::dial(Gateway& from, const Instance& instance, std::uint32_t lane, std::uint32_t epoch) {
  if (!instances_[instance.service].up) return -1;
  pkt::InnerHandshakeReq request;
  request.set_serviceid(from.options().gateway_id);
  if (lane != kNoLane) request.set_lane(lane);
  if (plan_.real_services) request.set_boot(from.options().nonce);
  const std::string body = request.SerializeAsString();
  Pipe handshake;
  write_tcp_frame_head(handshake.extend(kTcpFrameHeadBytes), Opcode::kBinary,
                       static_cast<std::uint32_t>(body.size()));
  handshake.push(as_bytes(body));
  int fd = -1;
  if (plan_.real_services) {
    LogicProcess& to = *logics_[instance.service];
    int accepted = -1;
    Socket& ours = kernel_->dial(from.process(), to.shards().process(), fd, accepted);
    kernel_->write_first(ours, handshake.view());
    to.accepted(accepted);
    return fd;
  }
  Socket& socket = kernel_->dial_from(from.process(), fd, Actor::kService, instance.service);
  services_[instance.service]->connected(socket, epoch, from.options().gateway_id);
  kernel_->write_first(*socket.other, handshake.view());
  return fd;
}

void World::add_services() {
  for (std::uint32_t i = 0; i <= plan_.echoes; ++i) {
    const std::string_view name = i == 0 ? "login" : "echo";
    instances_.push_back(
        {std::string(name), fmt::format("{}{:02}", name, i), i, plan_.lanes, true, false, true});
    services_.push_back(std::make_unique<PlayedService>(*kernel_, i));
    services_.back()->faults = plan_.services;
    services_.back()->links_are_lost = !plan_.exact;
  }
}

void World::add_logics() {
  for (std::uint32_t i = 0; i < plan_.logics; ++i) {
    instances_.push_back({"chat", fmt::format("chat{:02}", i), i, plan_.lanes, true, true, true});
    logics_.push_back(make_logic(i));
  }
}

std::unique_ptr<LogicProcess> World::make_logic(std::uint32_t index) {
  const std::uint32_t first_shard = (kMostGateways + index) * Shards::kMost;
  return std::make_unique<LogicProcess>(*kernel_, plan_.logic, index, first_shard, stored_);
}

// Some of the accounts are members of each.
void World::add_groups() {
  const std::uint32_t accounts = plan_.client_count;
  for (std::uint32_t group = 0; group < plan_.groups; ++group) {
    std::vector<std::string> members;
    for (std::uint32_t i = 0; i < accounts; ++i) {
      if (!scheduler_.random.one_in(3)) members.push_back(account_of_client(i, 1));
    }
    stored_.add_group(group_of(group), members);
  }
}

void World::add_clients() {
  const std::uint32_t sharers = plan_.services.kicks ? 2 : 1;
  for (std::uint32_t i = 0; i < plan_.client_count; ++i) {
    ClientPlan plan;
    plan.number = i;
    plan.process = [this, i] {
      const auto& gateway = gateways_[i % plan_.gateways];
      return gateway == nullptr ? kNone : gateway->process();
    };
    plan.listener = i % static_cast<std::uint32_t>(plan_.gateway.listeners.size());
    plan.transport = plan_.gateway.listeners[plan.listener];
    plan.account = account_of_client(i, sharers);
    plan.login = login_of(plan.account);
    plan.accounts = (plan_.client_count + sharers - 1) / sharers;
    plan.sharers = sharers;
    plan.stored = &stored_;
    clients_.push_back(std::make_unique<Client>(*kernel_, std::move(plan), plan_.clients));
  }
}

bool World::run(std::uint64_t steps) {
  while (scheduler_.steps() < steps && !scheduler_.failed() && step()) {
  }
  if (!scheduler_.failed()) go_home();
  return !scheduler_.failed();
}

// Whose shard it is, and its number there; null: that process is not there at present.
Shards* World::shards_at(std::uint32_t& shard) {
  const std::uint32_t process = shard / Shards::kMost;
  shard %= Shards::kMost;
  Shards* shards = nullptr;
  if (process < kMostGateways) {
    if (gateways_[process] != nullptr) shards = &gateways_[process]->shards();
  } else if (const auto& logic = logics_[process - kMostGateways]; logic != nullptr) {
    shards = &logic->shards();
  }
  return shards != nullptr && shard < shards->size() ? shards : nullptr;
}

bool World::step() {
  Turn turn;
  if (!scheduler_.next(turn)) return false;
  switch (turn.actor) {
    case Actor::kOperation:
      kernel_->progress(turn.index);
      break;
    case Actor::kShard:
      if (Shards* const shards = shards_at(turn.index)) shards->turn(turn.index);
      break;
    case Actor::kTimeout:
      if (Shards* const shards = shards_at(turn.index)) {
        shards->wait_is_over(turn.index, turn.version);
      }
      break;
    case Actor::kControl:
      control_turn(turn.index);
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
      turn_store(turn.index);
      break;
    case Actor::kTrouble:
      turn_trouble(turn.index);
      break;
  }
  return true;
}

void World::turn_store(std::uint32_t end) {
  if (LogicProcess* const logic = logics_[end / 2].get()) {
    logic->end(end % 2 == 0 ? StoreEnd::Kind::kSessions : StoreEnd::Kind::kMessages).turn();
  }
}

void World::control_turn(std::uint32_t process) {
  for (const auto& gateway : gateways_) {
    if (gateway != nullptr && gateway->process() == process) return gateway->control_turn();
  }
  for (const auto& logic : logics_) {
    if (logic != nullptr && logic->shards().process() == process) logic->control_turn();
  }
}

// Everybody who waits for mail looks now and then, since a wake-up may be lost.
void World::control_tick() {
  for_each_gateway([](Gateway& gateway) { gateway.control_turn(); });
  for (std::uint32_t i = 0; i < logics_.size(); ++i) {
    if (logics_[i] == nullptr) continue;
    logics_[i]->control_turn();
    turn_store(2 * i);
    turn_store(2 * i + 1);
  }
  scheduler_.after(kControlEveryMs * kMs, Actor::kTrouble, kControlTick);
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
    sum.talks += one.talks;
    sum.dropped += one.dropped;
    sum.voided += one.voided;
  }
  std::uint64_t links_lost = links_lost_;
  for_each_gateway([&](const Gateway& gateway) { links_lost += gateway.links_lost(); });
  return fmt::format(
      "{} s: logins {}, refused {}, answers {}, failures {}, pongs {}, pushes {}, dropped {}, "
      "talks {}, voided "
      "{}, links "
      "lost {}, wake-ups lost {}, gateways {}, started {} times",
      scheduler_.now_ms() / 1000, sum.logins, sum.refused, sum.answers, sum.failures, sum.pongs,
      sum.pushes, sum.dropped, sum.talks, sum.voided, links_lost, kernel_->lost_wakeups(),
      plan_.gateways, boots_);
}

}  // namespace ringgate::sim
