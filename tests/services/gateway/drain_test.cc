// Upstreams that drain and are retired, and a gateway that drains.
#include "tests/services/gateway/world.h"

namespace ringgate {
namespace {

using test::echo_entry;
using test::login_entry;
using test::receive;
using test::sequences;
using test::TcpPeer;
using test::World;
using test::WorldClient;
using test::WorldPacket;

using Sequences = std::multiset<std::uint32_t>;
using Drained = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

TEST(UpstreamDrain, AShardReportsOnceWhenNothingIsOutstanding) {
  World world;
  world.start_login();
  const TcpPeer link = world.link(2, 0);
  const WorldClient here = world.login(0);
  const WorldClient there = world.login(1);
  EXPECT_TRUE(there.send(1));
  const WorldPacket request = receive(link);
  world.publish({echo_entry(true), login_entry()});
  EXPECT_TRUE(world.until([&] { return !world.drained.empty(); }));
  EXPECT_EQ(world.drained, (Drained{{0, 2}}));
  // No new requests; the old one's answer still comes.
  EXPECT_TRUE(here.send(2));
  EXPECT_EQ(sequences(here.socket, 1, Status::kSystemException), Sequences{2});
  World::answer(link, request);
  EXPECT_EQ(sequences(there.socket, 1, Status::kSuccess), Sequences{1});
  EXPECT_TRUE(world.until([&] { return world.drained.size() == 2; }));
  EXPECT_EQ(world.drained, (Drained{{0, 2}, {1, 2}}));
}

TEST(UpstreamRetire, AnswersWhatIsOutstandingAndClosesTheLink) {
  World world;
  world.start_login();
  TcpPeer link = world.link(2, 0);
  const WorldClient here = world.login(0);
  const WorldClient there = world.login(1);
  for (const std::uint32_t sequence : {1u, 2u}) {
    EXPECT_TRUE(here.send(sequence));
    EXPECT_TRUE(there.send(sequence));
  }
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(receive(link).ended);
  world.publish({login_entry()});
  world.retire(2);
  EXPECT_EQ(sequences(here.socket, 2, Status::kSystemException), (Sequences{1, 2}));
  EXPECT_EQ(sequences(there.socket, 2, Status::kSystemException), (Sequences{1, 2}));
  EXPECT_TRUE(link.ends());
  link.close();
  EXPECT_TRUE(world.until([&] { return !world.closed.empty(); }));
  EXPECT_EQ(world.closed[0].reason, GatewayClose::kLinkRemoved);
  EXPECT_EQ(world.outstanding(0) + world.outstanding(1), 0u);
  world.retire(2);   // known no more
  world.retire(77);  // never known
  EXPECT_TRUE(here.send(3));
  EXPECT_TRUE(there.send(3));
  EXPECT_EQ(sequences(here.socket, 1, Status::kSystemException), Sequences{3});
  EXPECT_EQ(sequences(there.socket, 1, Status::kSystemException), Sequences{3});
}

// Retired while a catalogue still names it, and with a link that has just broken.
TEST(UpstreamRetire, InAnyOrderWithTheEndOfItsLink) {
  for (int round = 0; round < 20; ++round) {
    World world;
    world.start_login();
    TcpPeer link = world.link(2, static_cast<std::uint32_t>(round % 2));
    const WorldClient client = world.login(1);
    EXPECT_TRUE(client.send(1));
    EXPECT_FALSE(receive(link).ended);
    link.close();
    world.retire(2);
    EXPECT_EQ(sequences(client.socket, 1, Status::kSystemException), Sequences{1});
    EXPECT_TRUE(world.until([&] { return !world.closed.empty(); }));
    EXPECT_TRUE(client.send(2));
    EXPECT_EQ(sequences(client.socket, 1, Status::kSystemException), Sequences{2});
  }
}

TEST(GatewayDrain, ClosesItsClientsTellsLoginAndThenSaysSo) {
  World world;
  world.start_login();
  const WorldClient here = world.login(0);
  const WorldClient there = world.login(1);
  for (const std::uint32_t shard : {0u, 1u}) {
    world.group->post(shard, kMailDrain, DrainMail{100'000'000, 0, 10'000, {}});
  }
  world.group->flush();
  for (const WorldClient* const client : {&here, &there}) {
    EXPECT_EQ(receive(client->socket).close_words, "draining; retry_in_ms=0");
    EXPECT_TRUE(receive(client->socket).ended);
  }
  std::set<std::string> signed_out;
  while (!signed_out.contains(here.channel) || !signed_out.contains(there.channel)) {
    const WorldPacket packet = receive(*world.login_link);
    ASSERT_FALSE(packet.ended);
    EXPECT_EQ(packet.header.command(), kCommandSignOut);
    EXPECT_TRUE(signed_out.insert(packet.header.channelid()).second) << "twice";
  }
  EXPECT_TRUE(world.until([&] { return world.all_drained.size() == 2; }));
}

}  // namespace
}  // namespace ringgate
