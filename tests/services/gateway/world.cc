#include "tests/services/gateway/world.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

namespace ringgate::test {
namespace {

constexpr std::string_view kSecret = "a secret of the tests";

}  // namespace

std::string packet(const OutgoingHeader& header, std::string_view body) {
  std::string bytes(framed_packet_bytes(header, body.size()), '\0');
  write_framed_packet(reinterpret_cast<std::uint8_t*>(bytes.data()), header, as_bytes(body));
  return bytes;
}

WorldPacket receive(const TcpPeer& peer) {
  WorldPacket got;
  for (;;) {
    const auto frame = peer.read_frame();
    if (!frame) {
      got.ended = true;
      return got;
    }
    if (frame->opcode == Opcode::kPing) continue;
    if (frame->opcode == Opcode::kClose) {
      got.close_words = frame->payload;
      return got;
    }
    EXPECT_EQ(frame->opcode, Opcode::kBinary);
    const Packet parsed = parse_packet(as_bytes(frame->payload), 1 << 20);
    EXPECT_EQ(parsed.status, PacketStatus::kLogic);
    EXPECT_TRUE(
        got.header.ParseFromArray(parsed.header.data(), static_cast<int>(parsed.header.size())));
    got.body = as_text(parsed.body);
    return got;
  }
}

std::multiset<std::uint32_t> sequences(const TcpPeer& client, std::size_t packets, Status status) {
  std::multiset<std::uint32_t> all;
  for (std::size_t i = 0; i < packets; ++i) {
    const WorldPacket got = receive(client);
    EXPECT_FALSE(got.ended) << "after " << i << " packets";
    if (got.ended) break;
    EXPECT_EQ(got.header.flag(), pkt::Response);
    if (static_cast<int>(got.header.status()) == static_cast<int>(status)) {
      all.insert(got.header.sequence());
    }
  }
  return all;
}

WorldOptions::WorldOptions() {
  gateway.gateway_id = "g1";
  gateway.nonce = make_channel_nonce();
  gateway.secrets = {std::string(kSecret)};
  gateway.login_answer_timeout_ms = 30'000;
  shards.shards = 2;
  shards.accept = AcceptMode::kDirect;
  shards.shard.max_clients = 64;
  shards.shard.max_links = 16;
  shards.shard.linger_ms = 20;
  shards.shard.sweep_ms = 5;
  shards.shard.sweep_parts = 1;
  shards.shard.ring.client_buffers = 64;
  shards.shard.ring.link_buffers = 64;
}

World::World(WorldOptions from) : options(std::move(from)), settings(options.shards.shards) {
  listener.transport = options.transport;
  listener.sockets = std::move(*ListenerSet::open({"127.0.0.1", 0}, options.shards.shards, false));
  group = std::move(*ShardGroup::create(options.shards, [this](std::uint32_t) {
    return std::make_unique<GatewayHandler>(options.gateway);
  }));
  const Result<void> started = group->start({&listener, 1});
  EXPECT_TRUE(started) << started.error().message;
}

void World::pump() {
  group->drain([this](std::uint32_t from, MailKind kind, ByteView message) {
    switch (kind) {
      case kMailLinkClosed:
        closed.push_back(kMailLinkClosed.read(message));
        return;
      case kMailLinkSeen:
        ++seen[kMailLinkSeen.read(message).epoch];
        return;
      case kMailCatalogueTaken:
        taken[from] = kMailCatalogueTaken.read(message).version;
        return;
      case kMailUpstreamDrained:
        drained.emplace_back(from, kMailUpstreamDrained.read(message));
        return;
      case kMailEjected:
        ejected.emplace_back(from, kMailEjected.read(message));
        return;
      case kMailSettingsTaken:
        settings.taken(from, kMailSettingsTaken.read(message).version);
        return;
      case kMailSignout:
        signouts.emplace_back(as_text(message));
        return;
      case kMailBootEnded:
        boot_ended.insert(from);
        return;
      case kMailDrained:
        all_drained.insert(from);
        return;
      default:
        return;
    }
  });
  group->flush();
}

bool World::until(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (;;) {
    pump();
    if (condition()) return true;
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TcpPeer World::link(std::uint32_t upstream, std::uint32_t home, std::uint32_t lane,
                    int buffer_bytes) {
  const TcpService service(buffer_bytes);
  UniqueFd ours = TcpPeer::connected(service.port(), buffer_bytes);
  TcpPeer theirs = service.accept();
  const std::uint32_t epoch = next_epoch++;
  const AdoptMail mail{ours.release(), 0, PeerAddress(), AdoptedFor{upstream, lane, epoch}};
  group->post(home, kMailAdopt, mail);
  const int knowing = lane == kNoLane ? static_cast<int>(group->size()) : 1;
  EXPECT_TRUE(until([&] { return seen[epoch] == knowing; }));
  return theirs;
}

void World::publish(const std::vector<CatalogueEntry>& entries,
                    std::shared_ptr<const SelectorSet> selectors) {
  auto catalogue = std::make_unique<Catalogue>();
  catalogue->version = catalogues.size() + 1;
  catalogue->entries = entries;
  catalogue->selectors = std::move(selectors);
  catalogues.push_back(std::move(catalogue));
  for (std::uint32_t shard = 0; shard < group->size(); ++shard) {
    group->post(shard, kMailCatalogue, CatalogueMail{catalogues.back().get()});
  }
  EXPECT_TRUE(
      until([&] { return taken[0] == catalogues.size() && taken[1] == catalogues.size(); }));
}

void World::retire(std::uint32_t upstream) {
  for (std::uint32_t shard = 0; shard < group->size(); ++shard) {
    group->post(shard, kMailRetire, upstream);
  }
  group->flush();
}

void World::reload(const GatewayOptions& gateway) {
  auto made = std::make_unique<GatewaySettings>();
  made->options = gateway;
  made->shard = options.shards.shard;
  made->upgrades = {listener.upgrade};
  const GatewaySettings* const published = settings.publish(std::move(made));
  for (std::uint32_t shard = 0; shard < group->size(); ++shard) {
    group->post(shard, kMailReconfigure, ReconfigureMail{published});
  }
  group->flush();
}

void World::start_login() {
  publish({echo_entry(), login_entry()});
  login_link = std::make_unique<TcpPeer>(link(1, 0));
}

WorldClient World::login(std::uint32_t shard, const std::string& account) {
  pkt::LoginReq request;
  request.set_token(sign_token({account, "kim", std::time(nullptr) + 3600}, kSecret));
  // The kernel chooses the shard by the client's port.
  for (int i = 0; i < 200; ++i) {
    WorldClient client{TcpPeer::connect_to(listener.sockets.port()), {}, 0};
    client.socket.send(
        packet({.command = kCommandSignIn, .sequence = 1}, request.SerializeAsString()));
    WorldPacket forwarded = receive(*login_link);
    while (!forwarded.ended && forwarded.header.command() != kCommandSignIn) {
      forwarded = receive(*login_link);  // sign-outs of those that were on the wrong shard
    }
    client.channel = forwarded.header.channelid();
    const auto place = place_of(client.channel, options.gateway.nonce);
    EXPECT_TRUE(place) << client.channel;
    if (!place) break;
    answer(*login_link, forwarded);
    EXPECT_EQ(receive(client.socket).header.status(), pkt::Success);
    client.shard = place->shard;
    if (client.shard == shard) return client;
  }
  ADD_FAILURE() << "no client on shard " << shard;
  return {TcpPeer(UniqueFd()), {}, 0};
}

void World::answer(const TcpPeer& link, const WorldPacket& request, std::string_view body) {
  link.send(packet({.command = request.header.command(),
                    .channel_id = request.header.channelid(),
                    .sequence = request.header.sequence(),
                    .flag = Flag::kResponse,
                    .dest_server = "g1",
                    .dest_channels = request.header.channelid()},
                   body));
}

void World::push(const TcpPeer& link, const WorldClient& client, std::string_view body) {
  link.send(packet({.command = "echo.push",
                    .flag = Flag::kPush,
                    .dest_server = "g1",
                    .dest_channels = client.channel},
                   body));
}

CatalogueEntry login_entry() {
  return {1, "login", "login01", "", true, false};
}

CatalogueEntry echo_entry(bool draining) {
  return {2, "echo", "echo01", "", true, draining};
}

}  // namespace ringgate::test
