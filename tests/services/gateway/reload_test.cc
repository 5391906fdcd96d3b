// Settings of a reload live until the shards have taken them, and no longer.
#include "services/gateway/settings_on_shards.h"
#include "tests/services/gateway/world.h"

namespace ringgate {
namespace {

using test::receive;
using test::TcpPeer;
using test::World;
using test::WorldClient;
using test::WorldOptions;

TEST(SettingsOnShards, AreFreedWhenEveryShardHasTakenThem) {
  SettingsOnShards settings(2);
  std::vector<std::uint64_t> versions;
  for (int i = 0; i < 3; ++i) {
    versions.push_back(settings.publish(std::make_unique<GatewaySettings>())->version);
  }
  EXPECT_EQ(settings.alive(), 3u);
  settings.taken(0, versions[0]);
  settings.taken(0, versions[1]);
  settings.taken(0, versions[2]);
  EXPECT_EQ(settings.alive(), 3u) << "the other shard reads them yet";
  settings.taken(1, versions[0]);
  EXPECT_EQ(settings.alive(), 2u);
  settings.taken(1, versions[2]);
  EXPECT_EQ(settings.alive(), 0u) << "a newer one stands for those before";
}

TEST(GatewayReload, KeepsNothingOfManyReloadsAndTheLastOneHolds) {
  World world;
  world.start_login();
  const TcpPeer link = world.link(2, 0);
  const WorldClient here = world.login(0);
  const WorldClient there = world.login(1);
  GatewayOptions options = world.options.gateway;
  std::uint32_t sequence = 0;
  for (int round = 0; round < 100; ++round) {
    // So long that a text is memory of its own, which a shard must not refer to.
    options.secrets = {std::string(200, static_cast<char>('a' + round % 26))};
    options.max_client_outstanding = round % 2 == 0 ? 100 : 0;
    world.reload(options);
    EXPECT_LE(world.settings.alive(), 2u);
    EXPECT_TRUE(world.until([&] { return world.settings.alive() == 0; }));
    if (round % 10 > 1) continue;
    for (const WorldClient* const client : {&here, &there}) {
      EXPECT_TRUE(client->send(++sequence));
      if (round % 2 == 0) World::answer(link, receive(link));
      EXPECT_EQ(receive(client->socket).header.status(),
                round % 2 == 0 ? pkt::Success : pkt::SystemException);
    }
  }
}

// The rules that an upgrade began under are gone before it is over.
TEST(GatewayReload, UnderAnUpgradeIsHarmless) {
  WorldOptions options;
  options.transport = Transport::kWebSocket;
  World world(options);
  const TcpPeer client(TcpPeer::connected(world.listener.sockets.port()));
  const std::string request =
      "GET / HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  EXPECT_TRUE(client.send(request.substr(0, 40)));
  EXPECT_TRUE(world.until([&] { return world.count(Counter::kBytesIn) == 40; }));
  for (int round = 0; round < 3; ++round) {
    world.reload(world.options.gateway);
    EXPECT_TRUE(world.until([&] { return world.settings.alive() == 0; }));
  }
  EXPECT_TRUE(client.send(request.substr(40)));
  EXPECT_TRUE(world.until([&] { return world.count(Counter::kUpgrades) == 1; }));
}

}  // namespace
}  // namespace ringgate
