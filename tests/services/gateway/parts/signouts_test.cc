// Sign-outs take the way that their sign-ins took, wherever they have to wait meanwhile.
#include "control/routing/selector_set.h"
#include "tests/services/gateway/world.h"

namespace ringgate {
namespace {

using test::receive;
using test::TcpPeer;
using test::World;
using test::WorldClient;
using test::WorldOptions;
using test::WorldPacket;

constexpr std::uint32_t kInA = 1;  // upstreams of the login service
constexpr std::uint32_t kInB = 4;

// The app kim is at home in zone b; without its app, everybody is in zone a.
std::shared_ptr<const SelectorSet> by_app() {
  auto table = ZoneTable::make(RouteBy::kAccount, {{"a", 1}, {"b", 0}}, {{"kim", "b"}});
  EXPECT_TRUE(table);
  return std::make_shared<const SelectorSet>(Selectors{SelectorKind::kRoute, {}},
                                             std::make_shared<const ZoneTable>(std::move(*table)));
}

const std::vector<CatalogueEntry> kEntries = {{kInA, "login", "login01", "a", true, false},
                                              {kInB, "login", "login02", "b", true, false}};

// As another shard would hand it over.
void post_signout(World& world, std::uint32_t home, std::uint32_t upstream, std::uint32_t epoch,
                  std::string_view id, std::string_view app) {
  const SignoutHead head{upstream, epoch, crc32_ieee(id), static_cast<std::uint16_t>(id.size()),
                         static_cast<std::uint16_t>(app.size())};
  world.group->post(home, kMailSignout, head, as_bytes(std::string(id).append(app)));
  world.group->flush();
}

std::uint64_t waiting(World& world, std::uint32_t shard) {
  return world.group->shard(shard).counters().get(GatewayGauge::kSignoutsWaiting);
}

TEST(Signouts, ForADeadLinkGoesToTheNext) {
  World world;
  world.publish({test::login_entry()});
  TcpPeer link = world.link(1, 0);
  const std::uint32_t first = world.next_epoch - 1;
  link.close();
  EXPECT_TRUE(world.until([&] { return world.closed.size() == 1; }));
  post_signout(world, 0, 1, first, "g1_alice_1", "kim");
  link = world.link(1, 0);
  const WorldPacket kept = receive(link);
  EXPECT_EQ(kept.header.command(), kCommandSignOut);
  EXPECT_EQ(kept.header.channelid(), "g1_alice_1");
  post_signout(world, 0, 1, first + 1, "g1_bob_1", "kim");
  EXPECT_EQ(receive(link).header.channelid(), "g1_bob_1");  // and the first came once
}

TEST(Signouts, ForADeadLinkKeepsItsApp) {
  World world;
  world.publish(kEntries, by_app());
  const TcpPeer in_a = world.link(kInA, 0);
  const TcpPeer in_b = world.link(kInB, 0);
  const std::uint32_t epoch = world.next_epoch - 1;
  post_signout(world, 0, kInB, epoch + 7, "g1_alice_1", "kim");
  post_signout(world, 0, kInB, epoch + 7, "g1_bob_1", "another");
  EXPECT_EQ(receive(in_b).header.channelid(), "g1_alice_1");
  EXPECT_EQ(receive(in_a).header.channelid(), "g1_bob_1");
}

// All of its way: a channel of shard 1 ends, whose login service's link is another's; when its
// sign-out gets there, the link is not there any more. The test stands in for the shard between.
TEST(Signouts, BouncedFromTheDeadLinkOfAnotherShardKeepsItsApp) {
  constexpr std::uint32_t kDeadEpoch = 99;
  World world;
  world.publish(kEntries, by_app());
  const TcpPeer in_a = world.link(kInA, 0);
  world.login_link = std::make_unique<TcpPeer>(world.link(kInB, 0));
  WorldClient client = world.login(1);
  world.login_link->close();
  EXPECT_TRUE(world.until([&] { return world.closed.size() == 1; }));
  world.group->post(1, kMailLinkUp, LinkEvent{kInB, kNoLane, kDeadEpoch, CloseReason::kNone});
  EXPECT_TRUE(world.until([&] { return world.seen[kDeadEpoch] == 1; }));
  client.socket.close();
  EXPECT_TRUE(world.until([&] { return !world.signouts.empty(); }));
  const TcpPeer in_b = world.link(kInB, 0);
  ByteView texts = as_bytes(world.signouts.front());
  const SignoutHead head = kMailSignout.read(texts);
  world.group->post(0, kMailSignout, head, texts);
  world.group->flush();
  const WorldPacket got = receive(in_b);
  EXPECT_EQ(got.header.command(), kCommandSignOut);
  EXPECT_EQ(got.header.channelid(), client.channel);
  EXPECT_EQ(waiting(world, 1), 0u);
}

TEST(Signouts, MoreThanMayWaitAreDroppedAndCounted) {
  WorldOptions options;
  options.gateway.max_signouts = 2;
  World world(options);
  for (const char* const id : {"g1_a_1", "g1_b_1", "g1_c_1"}) {
    post_signout(world, 0, kInA, 1, id, "kim");
  }
  EXPECT_TRUE(world.until([&] { return world.count(0, GatewayCounter::kSignoutsDropped) == 1; }));
  EXPECT_EQ(waiting(world, 0), 2u);
}

TEST(Signouts, ThatWaitTooLongAreDropped) {
  WorldOptions options;
  options.gateway.signout_keep_ms = 1;
  World world(options);
  post_signout(world, 0, kInA, 1, "g1_a_1", "kim");
  EXPECT_TRUE(world.until([&] { return world.count(0, GatewayCounter::kSignoutsDropped) == 1; }));
  EXPECT_EQ(waiting(world, 0), 0u);
}

}  // namespace
}  // namespace ringgate
