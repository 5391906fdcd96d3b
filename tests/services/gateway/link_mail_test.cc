// Mail between shards that comes late, or for a link that is not there any more.
#include "tests/services/gateway/world.h"

namespace ringgate {
namespace {

using test::receive;
using test::sequences;
using test::TcpPeer;
using test::World;
using test::WorldClient;
using test::WorldPacket;

using Sequences = std::multiset<std::uint32_t>;

// As another shard would hand over a request.
void post_to_link(World& world, std::uint32_t home, std::uint32_t upstream, std::uint32_t epoch,
                  std::string_view frame) {
  const ToLinkHead head{upstream, epoch, 7, 1};
  world.group->post(home, kMailToLink, head, as_bytes(frame));
  world.group->flush();
}

TEST(LinkMail, ForADeadLinkIsDropped) {
  World world;
  world.start_login();
  TcpPeer link = world.link(2, 0);
  const std::uint32_t first = world.next_epoch - 1;
  link.close();
  EXPECT_TRUE(world.until([&] { return world.closed.size() == 1; }));
  post_to_link(world, 0, 2, first, test::packet({.command = "no link is there"}));
  link = world.link(2, 0);
  post_to_link(world, 0, 2, first, test::packet({.command = "of the dead link"}));
  post_to_link(world, 0, 2, first + 7, test::packet({.command = "of a link to come"}));
  post_to_link(world, 0, 77, first, test::packet({.command = "of nobody's link"}));
  post_to_link(world, 1, 2, first + 1, test::packet({.command = "to the wrong shard"}));
  post_to_link(world, 0, 2, first + 1, test::packet({.command = "of this link"}));
  EXPECT_EQ(receive(link).header.command(), "of this link");
}

TEST(LinkMail, OfAnUnknownKindIsCountedAndTheGatewayGoesOn) {
  World world;
  world.start_login();
  world.group->post(1, MailBytes{kGatewayMail.first + kGatewayMail.count}, as_bytes("what"));
  EXPECT_TRUE(world.until([&] { return world.count(1, Counter::kMailUnknown) == 1; }));
  const WorldClient client = world.login(1);
  EXPECT_FALSE(client.channel.empty());
}

TEST(LinkMail, ThatADeadLinkIsDownDoesNotEndANewerOne) {
  World world;
  world.start_login();
  TcpPeer link = world.link(2, 0);
  const std::uint32_t first = world.next_epoch - 1;
  link.close();
  EXPECT_TRUE(world.until([&] { return world.closed.size() == 1; }));
  link = world.link(2, 0);
  const WorldClient there = world.login(1);
  EXPECT_TRUE(there.send(1));
  const WorldPacket request = receive(link);
  const LinkEvent late{2, kNoLane, first, CloseReason::kPeerClosed};
  world.group->post(0, kMailLinkDown, late);
  world.group->post(1, kMailLinkDown, late);
  world.group->post(1, kMailLinkDown, LinkEvent{77, kNoLane, first, CloseReason::kPeerClosed});
  world.publish({test::echo_entry(), test::login_entry()});  // the shards have read it
  World::answer(link, request, "still there");
  EXPECT_EQ(receive(there.socket).body, "still there");
}

TEST(LinkMail, RefusingWhatNobodyWaitsForIsNoAnswer) {
  World world;
  world.start_login();
  const TcpPeer link = world.link(2, 0);
  const WorldClient there = world.login(1);
  world.group->post(1, kMailRefused, ToLinkHead{2, world.next_epoch - 1, 4711, 1});
  world.group->post(1, kMailRefused, ToLinkHead{77, 1, 1, 1});
  world.publish({test::echo_entry(), test::login_entry()});
  EXPECT_TRUE(there.send(5));
  World::answer(link, receive(link));
  EXPECT_EQ(sequences(there.socket, 1, Status::kSuccess), Sequences{5});
}

TEST(LinkMail, ThatALinkIsThereMayComeBeforeTheCatalogue) {
  World world;
  const TcpPeer link = world.link(2, 0);  // neither shard has heard of upstream 2
  world.start_login();
  const WorldClient there = world.login(1);
  EXPECT_TRUE(there.send(5));
  World::answer(link, receive(link));
  EXPECT_EQ(sequences(there.socket, 1, Status::kSuccess), Sequences{5});
}

// A shard may hear of the link after it was told to forget the upstream: the two come in
// mailboxes of their own. What is left over must not be used.
TEST(LinkMail, ThatARetiredUpstreamHadALinkIsHarmless) {
  World world;
  world.start_login();
  const TcpPeer link = world.link(2, 0);
  const std::uint32_t epoch = world.next_epoch - 1;
  world.publish({test::login_entry()});
  world.retire(2);
  EXPECT_TRUE(link.ends());
  world.group->post(1, kMailLinkUp, LinkEvent{2, kNoLane, epoch, CloseReason::kNone});
  world.group->post(1, kMailLinkDown, LinkEvent{2, kNoLane, epoch, GatewayClose::kLinkRemoved});
  const WorldClient there = world.login(1);
  EXPECT_TRUE(there.send(5));
  EXPECT_EQ(sequences(there.socket, 1, Status::kSystemException), Sequences{5});
}

TEST(LinkMail, AnAdoptedSocketWithoutRoomIsClosedAndSaid) {
  test::WorldOptions options;
  options.shards.shard.max_links = 1;
  World world(options);
  const TcpPeer link = world.link(1, 0);
  const test::TcpService service;
  UniqueFd ours = TcpPeer::connected(service.port());
  const TcpPeer theirs = service.accept();
  const AdoptMail mail{ours.release(), 0, PeerAddress(), AdoptedFor{2, kNoLane, 99}};
  world.group->post(0, kMailAdopt, mail);
  EXPECT_TRUE(world.until([&] { return !world.closed.empty(); }));
  EXPECT_EQ(world.closed[0].upstream, 2u);
  EXPECT_EQ(world.closed[0].epoch, 99u);
  EXPECT_TRUE(theirs.ends());
}

}  // namespace
}  // namespace ringgate
