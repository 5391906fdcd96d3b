// Selectors on live shards: exchanged while clients talk, and counted when a zone is left.
#include "control/routing/selector_set.h"
#include "tests/services/gateway/world.h"

namespace ringgate {
namespace {

using test::receive;
using test::TcpPeer;
using test::World;
using test::WorldClient;

// Everybody's app is kim.
std::shared_ptr<const SelectorSet> kim_in(const std::string& zone) {
  auto table = ZoneTable::make(RouteBy::kAccount, {{"a", 1}, {"b", 1}, {"c", 1}}, {{"kim", zone}});
  EXPECT_TRUE(table);
  return std::make_shared<const SelectorSet>(
      Selectors{SelectorKind::kHash,
                {{"echo", SelectorKind::kRoute}, {"login", SelectorKind::kRoute}}},
      std::make_shared<const ZoneTable>(std::move(*table)));
}

const std::vector<CatalogueEntry> kEntries = {{2, "echo", "echo01", "a", true, false},
                                              {3, "echo", "echo02", "b", true, false},
                                              {1, "login", "login01", "", true, false}};

// A request of the client has to come on that link.
void expect_on(const TcpPeer& link, const WorldClient& client, std::uint32_t sequence) {
  ASSERT_TRUE(client.send(sequence));
  EXPECT_EQ(receive(link).header.sequence(), sequence);
}

TEST(GatewaySelectors, NewOnesAreUsedAtOnceAndTheOldOnesMayGo) {
  World world;
  world.start_login();
  const TcpPeer in_a = world.link(2, 0);
  world.publish(kEntries);
  const TcpPeer in_b = world.link(3, 1);
  const WorldClient on_0 = world.login(0);
  const WorldClient on_1 = world.login(1, "bob");
  std::uint32_t sequence = 10;
  for (int round = 0; round < 6; ++round) {
    const bool to_a = round % 2 == 0;
    std::weak_ptr<const SelectorSet> before;
    if (world.catalogues.back()->selectors != nullptr) {
      before = world.catalogues.back()->selectors;
    }
    world.publish(kEntries, kim_in(to_a ? "a" : "b"));
    // Every shard has acknowledged: what came before is nobody's any more.
    for (std::size_t i = 0; i + 1 < world.catalogues.size(); ++i) world.catalogues[i].reset();
    EXPECT_TRUE(before.expired());
    for (const WorldClient* const client : {&on_0, &on_1}) {
      expect_on(to_a ? in_a : in_b, *client, ++sequence);
    }
  }
  EXPECT_EQ(world.count(0, GatewayCounter::kZoneFallback), 0u);
}

TEST(GatewaySelectors, LeavingAZoneIsCounted) {
  World world;
  world.start_login();
  const TcpPeer in_a = world.link(2, 0);
  world.publish(kEntries);
  const WorldClient client = world.login(0);
  world.publish(kEntries, kim_in("c"));
  const std::uint64_t before = world.count(GatewayCounter::kZoneFallback);
  expect_on(in_a, client, 7);
  EXPECT_EQ(world.count(0, GatewayCounter::kZoneFallback), before + 1);
}

// Sign-outs go where the sign-in went: where the zone of the app is, by its account's service.
TEST(GatewaySelectors, ASignOutFollowsItsSignIn) {
  World world;
  world.start_login();
  std::vector<CatalogueEntry> entries = {{1, "login", "login01", "a", true, false},
                                         {4, "login", "login02", "b", true, false}};
  world.publish(entries, kim_in("a"));
  const TcpPeer in_b = world.link(4, 0);
  WorldClient client = world.login(0);
  world.publish(entries, kim_in("a"));
  client.socket.close();
  // login() may have had to try, and the attempts are signed out too.
  const auto signed_out = [](const TcpPeer& link, const std::string& channel) {
    for (;;) {
      const auto packet = receive(link);
      if (packet.header.command() != kCommandSignOut) return false;
      if (packet.header.channelid() == channel) return true;
    }
  };
  EXPECT_TRUE(signed_out(*world.login_link, client.channel));
  // The other way round, for a channel whose login service is gone when it ends.
  WorldClient later = world.login(1, "bob");
  entries[0].draining = entries[1].draining = true;
  world.publish(entries, kim_in("b"));
  later.socket.close();
  EXPECT_TRUE(world.until(
      [&] { return world.group->shard(1).counters().get(GatewayGauge::kSignoutsWaiting) == 1; }));
  entries[0].draining = entries[1].draining = false;
  world.publish(entries, kim_in("b"));
  EXPECT_TRUE(signed_out(in_b, later.channel));
}

}  // namespace
}  // namespace ringgate
