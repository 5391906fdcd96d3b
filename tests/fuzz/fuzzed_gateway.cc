#include "tests/fuzz/fuzzed_gateway.h"

#include <algorithm>
#include <utility>

#include "codec/tcp_frame.h"
#include "codec/ws_frame.h"
#include "services/auth/token.h"
#include "services/gateway/commands.h"
#include "services/gateway/counters.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/simulation/packets.h"

namespace ringgate {
namespace {

using sim::Actor;
using sim::kMs;
using sim::Shards;
using sim::Socket;

constexpr std::string_view kSecret = "a secret of the fuzzer";
constexpr std::string_view kGateway = "g1";
constexpr std::array<const char*, 3> kAccounts = {"alice", "bob", "carol"};
constexpr std::size_t kMaxFrameBytes = 64 * 1024;
constexpr std::string_view kUpgrade =
    "GET / HTTP/1.1\r\nHost: fuzz\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

const std::string& login_body(std::size_t account) {
  static const auto bodies = [] {
    std::array<std::string, kAccounts.size()> all;
    for (std::size_t i = 0; i < all.size(); ++i) {
      pkt::LoginReq request;
      request.set_token(sign_token({kAccounts[i], "kim", 4'000'000'000}, kSecret));
      all[i] = request.SerializeAsString();
    }
    return all;
  }();
  return bodies[account];
}

sim::GatewayPlan plan_of(std::uint8_t setup) {
  sim::GatewayPlan plan;
  GatewayOptions& options = plan.options;
  options.gateway_id = kGateway;
  options.nonce = "0123456789";
  options.secrets = {std::string(kSecret)};
  options.routes = {{"login", "chat"}, {"echo", "chat"}};
  options.answer_timeout_ms = 400;
  options.login_answer_timeout_ms = 300;
  options.login_wait_ms = 1000;
  options.heartbeat_ms = 500;
  options.eject_after_ms = 200;
  options.roll_call_beat_ms = 200;
  options.roll_call_every_ms = 1000;
  options.recorded_channels = 16;
  options.recorded_closes = 16;
  options.flight_recorder = (setup & kRecorderBit) != 0;
  if ((setup & kDropsBit) != 0)
    options.slow_consumers.by_prefix["chat"] = SlowConsumer::kDropOldest;
  plan.shards.shards = FuzzedGateway::kShards;
  plan.shards.mailbox_bytes = 8 * 1024;
  plan.shards.accept = AcceptMode::kDirect;
  ShardOptions& shard = plan.shards.shard;
  shard.max_clients = 8;
  shard.max_links = 16;
  shard.limits[0].max_frame_bytes = kMaxFrameBytes;
  shard.ring.client_buffers = 8;
  shard.ring.client_buffer_bytes = 512;
  shard.ring.link_buffers = 8;
  shard.ring.link_buffer_bytes = 512;
  if ((setup & kTightBit) != 0) {
    options.max_client_outstanding = 2;
    options.max_outstanding = 4;
    options.max_waiting_push_bytes = 300;
    options.logins_per_account = 3;
    shard.limits[0].max_queued_bytes = 2048;
    shard.max_answer_bytes = 4096;
    shard.max_held_bytes = 200;
    shard.client_share = 2;
    shard.link_share = 2;
  }
  if ((setup & kWebSocketBit) != 0) plan.listeners = {Transport::kWebSocket};
  return plan;
}

}  // namespace

std::vector<std::uint8_t> packet_of(ByteView header, ByteView body) {
  std::vector<std::uint8_t> packet(12);
  store_be(packet.data(), kLogicMagic);
  store_be(packet.data() + 4, static_cast<std::uint32_t>(header.size()));
  packet.insert(packet.begin() + 8, header.begin(), header.end());
  store_be(packet.data() + 8 + header.size(), static_cast<std::uint32_t>(body.size()));
  packet.insert(packet.end(), body.begin(), body.end());
  return packet;
}

FuzzedGateway::FuzzedGateway(std::uint8_t setup)
    : websocket_((setup & kWebSocketBit) != 0),
      records_((setup & kRecorderBit) != 0),
      scheduler_(1),
      kernel_(scheduler_, {}),
      gateway_(kernel_, plan_of(setup), ways()) {
  for (std::uint32_t i = 0; i < kInstances; ++i) {
    instances_.push_back({"chat", "chat0" + std::to_string(i), i, (setup & kLanesBit) != 0, true,
                          (setup & kRollCallsBit) != 0, true});
    gateway_.found(instances_.back());
  }
  settle();
}

sim::Gateway::Ways FuzzedGateway::ways() {
  sim::Gateway::Ways ways;
  ways.dial = [this](const sim::Instance& instance, std::uint32_t lane, std::uint32_t) {
    const std::uint32_t number =
        instance.service * static_cast<std::uint32_t>(kShards) + (lane == kNoLane ? 0 : lane);
    let_go(links_[number]);
    int fd = -1;
    Socket& socket = kernel_.dial_from(gateway_.process(), fd, Actor::kService, number);
    socket.window = socket.other->window = kMostBytes;
    links_[number].socket = &socket;
    return fd;
  };
  ways.client_closed = [](Socket&, std::string_view) {};
  ways.next_epoch = [this] { return ++epochs_; };
  ways.services_err = true;
  return ways;
}

// --- The world goes on --------------------------------------------------------------------------

bool FuzzedGateway::step() {
  sim::Turn turn;
  if (!scheduler_.next(turn)) return false;
  switch (turn.actor) {
    case Actor::kOperation:
      kernel_.progress(turn.index);
      break;
    case Actor::kShard:
      gateway_.shards().turn(turn.index);
      break;
    case Actor::kTimeout:
      gateway_.shards().wait_is_over(turn.index, turn.version);
      break;
    case Actor::kControl:
      gateway_.control_turn();
      break;
    case Actor::kClient:
      read_client(clients_[turn.index]);
      break;
    case Actor::kService:
      read_link(links_[turn.index]);
      break;
    default:
      break;
  }
  fuzz_check(!scheduler_.failed(), scheduler_.failure());
  return true;
}

void FuzzedGateway::settle() {
  constexpr int kMostSteps = 20'000;
  int steps = 0;
  while (!scheduler_.idle() && step()) {
    fuzz_check(++steps < kMostSteps, "it comes to rest");
  }
}

void FuzzedGateway::pass(std::uint64_t ms) {
  const std::uint64_t end_ns = scheduler_.now_ns() + ms * kMs;
  while (scheduler_.now_ns() < end_ns && step()) {
  }
}

// --- What comes of it ---------------------------------------------------------------------------

template <class Use>
void FuzzedGateway::for_each_frame(End& end, bool websocket, Use&& use) {
  constexpr WsFrameRules kRules{kMostBytes, false, false};
  for (;;) {
    std::size_t consumed = 0;
    if (websocket) {
      const WsFrameStep step = next_ws_frame(end.inbox.view(), kRules);
      if (step.status == WsFrameStatus::kNeedMore) return;
      fuzz_check(step.status == WsFrameStatus::kFrame, "what comes is frames");
      use(step.head.opcode,
          end.inbox.view().subspan(step.head.head_bytes, step.head.payload_bytes));
      consumed = step.consumed;
    } else {
      const FrameStep step = next_tcp_frame(end.inbox.view(), kMostBytes);
      if (step.status == FrameStatus::kNeedMore) return;
      fuzz_check(step.status == FrameStatus::kFrame, "what comes is frames");
      use(step.frame.opcode, step.frame.payload);
      consumed = step.consumed;
    }
    end.inbox.drop(consumed);
  }
}

void FuzzedGateway::read_client(End& client) {
  if (client.socket == nullptr) return;
  client.socket->told = false;
  if (client.socket->window == 0) return;  // it is deaf
  client.inbox.push(client.socket->in.view());
  kernel_.taken(*client.socket, client.socket->in.size());
  if (websocket_ && !client.upgraded) {
    const std::string_view came = as_text(client.inbox.view());
    const std::size_t end = came.find("\r\n\r\n");
    client.upgraded = came.starts_with("HTTP/1.1 101") && end != std::string_view::npos;
    if (client.upgraded) client.inbox.drop(end + 4);
  }
  if (!websocket_ || client.upgraded) {
    for_each_frame(client, websocket_, [&client](Opcode opcode, ByteView payload) {
      on_client_frame(client, opcode, payload);
    });
  }
  if (client.socket->reset || client.socket->in_ended) let_go(client);
}

void FuzzedGateway::read_link(End& link) {
  if (link.socket == nullptr) return;
  link.socket->told = false;
  link.inbox.push(link.socket->in.view());
  kernel_.taken(*link.socket, link.socket->in.size());
  for_each_frame(link, false, [&link](Opcode opcode, ByteView payload) {
    on_link_frame(link, opcode, payload);
  });
  if (link.socket->reset || link.socket->in_ended) let_go(link);
}

void FuzzedGateway::on_client_frame(End& client, Opcode opcode, ByteView payload) {
  if (opcode != Opcode::kBinary) return;
  const Packet packet = parse_packet(payload, kMostBytes);
  if (packet.status == PacketStatus::kBasic) return;
  fuzz_check(packet.status == PacketStatus::kLogic, "a client gets packets");
  pkt::Header header;
  fuzz_check(header.ParseFromArray(packet.header.data(), static_cast<int>(packet.header.size())),
             "a client gets headers");
  for (const pkt::Meta& meta : header.meta()) {
    fuzz_check(meta.key() != kMetaDestServer && meta.key() != kMetaDestChannels,
               "no client sees where a packet went");
  }
  if (header.command() == kCommandSignIn && header.flag() == pkt::Response) {
    client.channel = header.channelid();
  }
}

void FuzzedGateway::on_link_frame(End& link, Opcode opcode, ByteView payload) {
  if (opcode != Opcode::kBinary) return;
  const Packet packet = parse_packet(payload, kMostBytes);
  if (packet.status == PacketStatus::kBasic) return;  // the link's heartbeat
  fuzz_check(packet.status == PacketStatus::kLogic, "a service gets packets");
  pkt::Header header;
  fuzz_check(header.ParseFromArray(packet.header.data(), static_cast<int>(packet.header.size())),
             "a service gets headers");
  link.requests.push_back(header);
  if (header.command() == kCommandRollCall) return;
  std::vector<std::string> accounts;
  std::vector<std::string> servers;
  for (const pkt::Meta& meta : header.meta()) {
    if (meta.key() == kMetaAccount) accounts.push_back(meta.value());
    if (meta.key() == kMetaDestServer) servers.push_back(meta.value());
  }
  fuzz_check(servers == std::vector<std::string>{std::string(kGateway)}, "it says whence it is");
  fuzz_check(header.flag() == pkt::Request && header.status() == 0, "a service gets requests");
  fuzz_check(header.channelid().starts_with("g1_"), "it says of which channel it is");
  if (header.command() == kCommandSignOut) return;  // of who has gone: the channel says who
  const bool known =
      accounts.size() == 1 && std::ranges::find(kAccounts, accounts[0]) != kAccounts.end();
  fuzz_check(known, header.command() + " says once whose it is");
  fuzz_check(header.channelid().starts_with("g1_" + accounts[0] + "_"), "nobody is somebody else");
}

// --- What is done -------------------------------------------------------------------------------

FuzzedGateway::End& FuzzedGateway::client(std::size_t number) {
  number %= kClients;
  End& client = clients_[number];
  if (client.socket != nullptr) return client;
  client.socket = &kernel_.connect(gateway_.process(), 0, static_cast<std::uint32_t>(number));
  client.socket->window = client.socket->other->window = kMostBytes;
  if (websocket_) send(client, as_bytes(kUpgrade));
  return client;
}

void FuzzedGateway::send(End& from, ByteView bytes) {
  if (from.socket != nullptr && !from.socket->shut_write) kernel_.write(*from.socket, bytes);
}

void FuzzedGateway::send_frame(End& client, ByteView payload) {
  std::array<std::uint8_t, 8> head{};
  if (!websocket_) {
    write_tcp_frame_head(head.data(), Opcode::kBinary, static_cast<std::uint32_t>(payload.size()));
    send(client, ByteView(head).first(kTcpFrameHeadBytes));
  } else if (payload.size() < 126) {
    head[0] = 0x82;
    head[1] = static_cast<std::uint8_t>(0x80U | payload.size());  // masked with zeros
    send(client, ByteView(head).first(6));
  } else {
    head[0] = 0x82;
    head[1] = 0x80U | 126U;
    store_be(head.data() + 2, static_cast<std::uint16_t>(payload.size()));
    send(client, head);
  }
  send(client, payload);
}

void FuzzedGateway::log_in(std::size_t number, std::uint8_t sequence) {
  pkt::Header header;
  header.set_command(std::string(kCommandSignIn));
  header.set_sequence(sequence);
  send_frame(client(number), packet_of(as_bytes(header.SerializeAsString()),
                                       as_bytes(login_body(number % kAccounts.size()))));
}

void FuzzedGateway::end(End& one) {
  if (one.socket != nullptr && !one.socket->shut_write) kernel_.end(*one.socket);
}

void FuzzedGateway::let_go(End& one) {
  if (one.socket != nullptr) kernel_.reset(*one.socket);
  one = {};
}

void FuzzedGateway::be_deaf(End& client, bool deaf) {
  client.socket->window = deaf ? 0 : kMostBytes;
  read_client(client);
}

void FuzzedGateway::leave_registry(std::size_t instance, std::uint64_t drain_ms) {
  const sim::Instance& one = instances_[instance % kInstances];
  gateway_.gone(one.id, drain_ms);
  if (!gateway_.knows(one.id)) gateway_.found(one);
}

// --- The end ------------------------------------------------------------------------------------

std::uint64_t FuzzedGateway::left() {
  Shards& shards = gateway_.shards();
  std::uint64_t left =
      shards.gauge(Gauge::kClients) + shards.gauge(Gauge::kLinks) +
      shards.gauge(GatewayGauge::kChannels) + shards.gauge(GatewayGauge::kOutstanding) +
      shards.gauge(GatewayGauge::kFanOutBytes) + shards.gauge(GatewayGauge::kHeldPushBytes);
  for (std::uint32_t i = 0; i < shards.size() && !records_; ++i) {
    left += shards.shard(i).pool().used_bytes();
  }
  return left;
}

void FuzzedGateway::close() {
  constexpr int kMostSteps = 50'000;
  for (const sim::Instance& instance : instances_) gateway_.gone(instance.id, 0);
  for (End& one : clients_) let_go(one);
  int steps = 0;
  while (left() != 0 && steps++ < kMostSteps && step()) {
  }
  fuzz_check(left() == 0, "nothing is left of whoever has gone");
  Shards& shards = gateway_.shards();
  fuzz_check(shards.count(Counter::kMailUnknown) == 0, "shards know their mail");
  for (std::uint32_t i = 0; i < shards.size(); ++i) {
    fuzz_check(kernel_.operations(shards.ring(i)) == 0, "no operation is left");
    fuzz_check(kernel_.buffers_out(shards.ring(i)) == 0, "no receive buffer is left");
  }
}

}  // namespace ringgate
