#include "tests/services/gateway/parts/gateway_shard.h"

#include <algorithm>

#include "services/gateway/mail.h"

namespace ringgate::test {
namespace {

constexpr std::size_t kMaxFrameBytes = 16 * 1024 * 1024;

}  // namespace

PacketBytes::PacketBytes(const OutgoingHeader& header, std::string_view body)
    : bytes(packet_bytes(header, body.size())) {
  write_packet(bytes.data(), header, as_bytes(body));
}

Packet PacketBytes::parsed() const {
  const Packet packet = parse_packet(bytes, kMaxFrameBytes);
  EXPECT_EQ(packet.status, PacketStatus::kLogic);
  return packet;
}

DeliveredPacket::DeliveredPacket(std::uint32_t upstream, const OutgoingHeader& header,
                                 std::string_view body)
    : packet(header, body) {
  const Packet parsed = packet.parsed();
  delivery.head.upstream = upstream;
  delivery.head.sequence = header.sequence;
  delivery.head.flag = static_cast<std::uint8_t>(header.flag);
  delivery.head.is_signin = header.command == kCommandSignIn ? 1 : 0;
  delivery.head.is_signout = header.command == kCommandSignOut ? 1 : 0;
  delivery.head.success = header.status == Status::kSuccess ? 1 : 0;
  delivery.head.fault = header.status == Status::kSystemException ? 1 : 0;
  delivery.head.command_index = static_cast<std::uint16_t>(command_index(header.command));
  delivery.header.pieces[0] = parsed.header;
  delivery.header.bytes = parsed.header.size();
  delivery.tail = parsed.tail;
}

GatewayOptions gateway_options() {
  GatewayOptions options;
  options.gateway_id = "g1";
  options.nonce = "0123456789";
  options.secrets = {std::string(kSecret)};
  return options;
}

ShardOptions gateway_shard(std::uint32_t shards) {
  ShardOptions options = small_shard();
  options.shards = shards;
  options.sweep_ms = 1;
  options.sweep_parts = 1;
  return options;
}

GatewayShard::GatewayShard(const GatewayOptions& options, const ShardOptions& shard)
    : it(1, {}, shard), counters(options), context(it.shard, options, counters) {
  it.handler.its_names = kGatewayNames;
  it.handler.accepted = [this](Connection& connection) { accepted_ = &connection; };
  it.handler.adopted = [this](Connection& connection, const AdoptedFor& what) {
    context.upstreams.link_opened(connection, what, false);
    context.rebuild_routes();
  };
  it.handler.closed = [this](Connection& connection, CloseReason reason) {
    closed(connection, reason);
  };
  channel_ended = [this](Connection&, Channel& channel) {
    Channel::destroy(it.shard.pool(), &channel);
  };
  catalogue.entries = {{kEcho, "echo", "echo01", "", true, false},
                       {kLogin, "login", "login01", "", true, false}};
  context.catalogue = &catalogue;
}

void GatewayShard::closed(Connection& connection, CloseReason reason) {
  if (connection.role == Role::kLink) {
    context.upstreams.link_closed(connection, reason);
    context.rebuild_routes();
  } else if (Channel* const channel = channel_of(connection); channel != nullptr) {
    connection.forget_user();
    channel_ended(connection, *channel);
  }
}

TestClient GatewayShard::connect() {
  FakePeer& peer = it.connect();
  return {&peer, accepted_};
}

TestClient GatewayShard::channel(std::string_view account, ChannelState state) {
  const TestClient client = connect();
  const std::uint32_t login = next_login_++;
  const std::string id = make_channel_id(context.options.gateway_id, account, context.options.nonce,
                                         it.shard.index(), client.connection->slot, login);
  Channel& channel =
      *Channel::create(it.shard.pool(), {id, "kim", account, context.options.gateway_id});
  channel.login = login;
  channel.state = state;
  client.connection->set_user(channel);
  return client;
}

FakePeer& GatewayShard::link(std::uint32_t upstream) {
  return it.adopt({upstream, kNoLane, next_epoch_++});
}

void GatewayShard::settle() {
  for (int i = 0; i < 50; ++i) it.turn(0);
}

void GatewayShard::pass(std::uint32_t ms) {
  for (std::uint32_t i = 0; i < ms; ++i) {
    it.kernel.advance(1);
    it.turn(0);
  }
  settle();
}

std::vector<Got> GatewayShard::got(FakePeer& peer) {
  settle();
  std::vector<Got> all;
  ByteView rest = peer.received;
  while (!rest.empty()) {
    const FrameStep step = next_tcp_frame(rest, kMaxFrameBytes);
    if (step.status != FrameStatus::kFrame) {
      ADD_FAILURE() << "half a frame";
      break;
    }
    rest = rest.subspan(step.consumed);
    if (step.frame.opcode == Opcode::kPing) continue;
    Got& one = all.emplace_back();
    if (step.frame.opcode == Opcode::kClose) {
      one.closed = as_text(step.frame.payload);
      continue;
    }
    const Packet packet = parse_packet(step.frame.payload, kMaxFrameBytes);
    EXPECT_TRUE(
        one.header.ParseFromArray(packet.header.data(), static_cast<int>(packet.header.size())));
    one.body = as_text(packet.body);
  }
  peer.received.clear();
  return all;
}

std::vector<Mail> GatewayShard::mail(std::uint32_t to) {
  settle();
  std::vector<Mail> all;
  it.board->drain(to, [&all](std::uint32_t, MailKind kind, ByteView message) {
    all.push_back({kind, {message.begin(), message.end()}});
  });
  return all;
}

std::vector<Mail> GatewayShard::told(MailKind kind) {
  std::vector<Mail> all = mail(it.shard.control());
  std::erase_if(all, [kind](const Mail& one) { return one.kind != kind; });
  return all;
}

}  // namespace ringgate::test
