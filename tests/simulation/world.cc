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
    : seed_(seed), plan_(plan_of(seed)), scheduler_(seed), stored_(scheduler_, kBootMs) {
  kernel_ = std::make_unique<Kernel>(scheduler_, plan_.faults);
  GatewayPlan gateway = plan_.gateway;
  gateway.options.secrets = {std::string(kSecret)};
  if (plan_.real_services) gateway.options.routes = {{"login", "chat"}, {"echo", "chat"}};
  Gateway::Ways ways;
  ways.dial = [this](const Instance& instance, std::uint32_t lane, std::uint32_t epoch) {
    return dial(instance, lane, epoch);
  };
  ways.client_closed = [this](Socket& socket, std::string_view reason) {
    clients_[socket.client]->closed_by_gateway(socket, reason);
  };
  gateway_ = std::make_unique<Gateway>(*kernel_, std::move(gateway), std::move(ways));
  if (plan_.real_services) {
    add_logics();
  } else {
    add_services();
  }
  for (const Instance& instance : instances_) gateway_->found(instance);
  add_clients();
  scheduler_.after(kControlEveryMs * kMs, Actor::kTrouble, kControlTick);
  trouble_later();
}

World::~World() {
  gateway_.reset();  // before what it refers to
  logics_.clear();
}

// As the link manager does: connects, says who it is, and has a socket for its shard.
int World::dial(const Instance& instance, std::uint32_t lane, std::uint32_t epoch) {
  if (!instances_[instance.service].up) return -1;
  pkt::InnerHandshakeReq request;
  request.set_serviceid("g1");
  if (lane != kNoLane) request.set_lane(lane);
  if (plan_.real_services) request.set_boot(plan_.gateway.options.nonce);
  const std::string body = request.SerializeAsString();
  Pipe handshake;
  write_tcp_frame_head(handshake.extend(kTcpFrameHeadBytes), Opcode::kBinary,
                       static_cast<std::uint32_t>(body.size()));
  handshake.push(as_bytes(body));
  int fd = -1;
  if (plan_.real_services) {
    LogicProcess& to = *logics_[instance.service];
    int accepted = -1;
    Socket& ours = kernel_->dial(gateway_->process(), to.shards().process(), fd, accepted);
    kernel_->write_first(ours, handshake.view());
    to.accepted(accepted);
    return fd;
  }
  Socket& socket = kernel_->dial_from(gateway_->process(), fd, Actor::kService, instance.service);
  services_[instance.service]->connected(socket, epoch);
  kernel_->write_first(*socket.other, handshake.view());
  return fd;
}

void World::add_services() {
  for (std::uint32_t i = 0; i <= plan_.echoes; ++i) {
    const std::string_view name = i == 0 ? "login" : "echo";
    instances_.push_back(
        {std::string(name), fmt::format("{}{:02}", name, i), i, plan_.lanes, true, false});
    services_.push_back(std::make_unique<PlayedService>(*kernel_, i, "g1"));
    services_.back()->faults = plan_.services;
    services_.back()->links_are_lost = !plan_.exact;
  }
}

void World::add_logics() {
  for (std::uint32_t i = 0; i < plan_.logics; ++i) {
    instances_.push_back({"chat", fmt::format("chat{:02}", i), i, plan_.lanes, true, true});
    logics_.push_back(std::make_unique<LogicProcess>(*kernel_, plan_.logic, i, stored_));
  }
}

void World::add_clients() {
  const std::uint32_t sharers = plan_.services.kicks ? 2 : 1;
  for (std::uint32_t i = 0; i < plan_.client_count; ++i) {
    ClientPlan plan;
    plan.number = i;
    plan.process = gateway_->process();
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
  const std::uint32_t process = shard / LogicProcess::kMostShards;
  shard %= LogicProcess::kMostShards;
  if (process == 0) return &gateway_->shards();
  LogicProcess* const logic = logics_[process - 1].get();
  return logic != nullptr && shard < logic->shards().size() ? &logic->shards() : nullptr;
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
  if (process == gateway_->process()) return gateway_->control_turn();
  for (const auto& logic : logics_) {
    if (logic != nullptr && logic->shards().process() == process) logic->control_turn();
  }
}

// Everybody who waits for mail looks now and then, since a wake-up may be lost.
void World::control_tick() {
  gateway_->control_turn();
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
    sum.voided += one.voided;
  }
  return fmt::format(
      "{} s: logins {}, refused {}, answers {}, failures {}, pongs {}, pushes {}, talks {}, voided "
      "{}, links "
      "lost {}, wake-ups lost {}",
      scheduler_.now_ms() / 1000, sum.logins, sum.refused, sum.answers, sum.failures, sum.pongs,
      sum.pushes, sum.talks, sum.voided, gateway_->links_lost(), kernel_->lost_wakeups());
}

}  // namespace ringgate::sim
