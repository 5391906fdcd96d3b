// A link that breaks: every request that hangs on it is answered with 300, once.
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

class LinkDown : public testing::Test {
 protected:
  LinkDown() { world_.start_login(); }
  // The echo link is at home on shard 0; clients of shard 1 use it too.
  World world_;
};

void expect_working(const WorldClient& client, const TcpPeer& link, std::uint32_t sequence) {
  ASSERT_TRUE(client.send(sequence, "body"));
  const WorldPacket request = receive(link);
  EXPECT_EQ(request.header.sequence(), sequence);
  EXPECT_EQ(request.header.channelid(), client.channel);
  EXPECT_EQ(request.body, "body");
  World::answer(link, request, "answer");
  const WorldPacket answer = receive(client.socket);
  EXPECT_EQ(answer.header.sequence(), sequence);
  EXPECT_EQ(answer.header.status(), pkt::Success);
  EXPECT_EQ(answer.body, "answer");
}

TEST_F(LinkDown, FailsTheRequestsOfBothShardsOnceEach) {
  TcpPeer link = world_.link(2, 0);
  const WorldClient here = world_.login(0);
  const WorldClient there = world_.login(1);
  for (std::uint32_t round = 0; round < 5; ++round) {
    expect_working(here, link, 1000 + round);
    expect_working(there, link, 2000 + round);
    for (const std::uint32_t sequence : {1u, 2u, 3u, 3u}) {
      EXPECT_TRUE(here.send(sequence));
      EXPECT_TRUE(there.send(sequence));
    }
    for (int i = 0; i < 8; ++i) EXPECT_FALSE(receive(link).ended);
    EXPECT_EQ(world_.outstanding(0), 4u);
    EXPECT_EQ(world_.outstanding(1), 4u);
    link.close();
    EXPECT_EQ(sequences(here.socket, 4, Status::kSystemException), (Sequences{1, 2, 3, 3}));
    EXPECT_EQ(sequences(there.socket, 4, Status::kSystemException), (Sequences{1, 2, 3, 3}));
    EXPECT_TRUE(world_.until([&] { return world_.closed.size() == round + 1; }));
    EXPECT_EQ(world_.closed.back().upstream, 2u);
    EXPECT_EQ(world_.closed.back().lane, kNoLane);
    EXPECT_EQ(world_.closed.back().epoch, world_.next_epoch - 1);
    link = world_.link(2, round % 2 == 0 ? 1 : 0);  // control chose the other shard
  }
  // Had there been a second answer, it would come before these.
  expect_working(here, link, 9);
  expect_working(there, link, 9);
  EXPECT_EQ(world_.outstanding(0) + world_.outstanding(1), 0u);
  EXPECT_EQ(world_.count(GatewayCounter::kAnswersFailedByLink), 40u);
  EXPECT_EQ(world_.count(GatewayCounter::kAnswerLate), 0u);
}

TEST_F(LinkDown, RequestsAfterItAreAnsweredAtOnce) {
  TcpPeer link = world_.link(2, 0);
  const WorldClient here = world_.login(0);
  const WorldClient there = world_.login(1);
  link.close();
  EXPECT_TRUE(world_.until([&] { return !world_.closed.empty(); }));
  // Shard 1 hears of it when it can; a request that is faster fails with the link.
  EXPECT_TRUE(here.send(7));
  EXPECT_TRUE(there.send(8));
  EXPECT_EQ(sequences(here.socket, 1, Status::kSystemException), Sequences{7});
  EXPECT_EQ(sequences(there.socket, 1, Status::kSystemException), Sequences{8});
}

TEST_F(LinkDown, AnswersTheClientsThatStayAndNotThoseThatLeft) {
  TcpPeer link = world_.link(2, 0);
  const WorldClient stays = world_.login(1, "alice");
  WorldClient leaves = world_.login(1, "bob");
  EXPECT_TRUE(stays.send(1));
  EXPECT_TRUE(leaves.send(1));
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(receive(link).ended);
  // With a reset: one that ends properly would stay for its answer.
  const linger at_once{1, 0};
  setsockopt(leaves.socket.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  leaves.socket.close();
  EXPECT_TRUE(world_.until(
      [&] { return world_.group->shard(1).counters().get(GatewayGauge::kChannels) == 1; }));
  const WorldClient newer = world_.login(1, "carol");  // perhaps in the same slot
  link.close();
  EXPECT_EQ(sequences(stays.socket, 1, Status::kSystemException), Sequences{1});
  link = world_.link(2, 1);
  expect_working(newer, link, 5);
  expect_working(stays, link, 5);
  // Nothing of it is under way any more, so it has been signed out.
  while (receive(*world_.login_link).header.channelid() != leaves.channel) {
  }
}

TEST_F(LinkDown, ALoginThatWaitsIsAnsweredAndClosed) {
  for (int round = 0; round < 8; ++round) {  // some of them on each shard
    pkt::LoginReq request;
    request.set_token(
        sign_token({"alice", "kim", std::time(nullptr) + 3600}, world_.options.gateway.secrets[0]));
    const TcpPeer client = TcpPeer::connect_to(world_.listener.sockets.port());
    client.send(
        test::packet({.command = kCommandSignIn, .sequence = 3}, request.SerializeAsString()));
    const WorldPacket forwarded = receive(*world_.login_link);
    world_.login_link.reset();
    EXPECT_EQ(sequences(client, 1, Status::kSystemException), Sequences{3});
    EXPECT_EQ(receive(client).close_words, describe(GatewayClose::kNoLoginService).name);
    EXPECT_TRUE(receive(client).ended);
    // Its sign-in was forwarded, so its sign-out is, as soon as there is a link.
    world_.login_link = std::make_unique<TcpPeer>(world_.link(1, 0));
    const WorldPacket signout = receive(*world_.login_link);
    EXPECT_EQ(signout.header.command(), kCommandSignOut);
    EXPECT_EQ(signout.header.channelid(), forwarded.header.channelid());
  }
}

// --- Lanes --------------------------------------------------------------------------------------

TEST_F(LinkDown, OfALaneFailsTheRequestsOfItsShardAlone) {
  TcpPeer lane0 = world_.link(2, 0, 0);
  TcpPeer lane1 = world_.link(2, 1, 1);
  const WorldClient here = world_.login(0);
  const WorldClient there = world_.login(1);
  expect_working(here, lane0, 1);
  expect_working(there, lane1, 1);
  EXPECT_TRUE(here.send(2));
  EXPECT_TRUE(there.send(2));
  const WorldPacket kept = receive(lane0);
  EXPECT_FALSE(receive(lane1).ended);
  lane1.close();
  EXPECT_EQ(sequences(there.socket, 1, Status::kSystemException), Sequences{2});
  EXPECT_TRUE(world_.until([&] { return world_.closed.size() == 1; }));
  EXPECT_EQ(world_.closed[0].lane, 1u);
  World::answer(lane0, kept);
  EXPECT_EQ(sequences(here.socket, 1, Status::kSuccess), Sequences{2});
  expect_working(here, lane0, 3);
  lane1 = world_.link(2, 1, 1);
  expect_working(there, lane1, 3);
}

// An answer may come on any lane: the request is known by its upstream.
TEST_F(LinkDown, APushOnAnotherLaneFindsItsClient) {
  const TcpPeer lane0 = world_.link(2, 0, 0);
  const TcpPeer lane1 = world_.link(2, 1, 1);
  const WorldClient here = world_.login(0);
  const WorldClient there = world_.login(1);
  World::push(lane1, here, "to shard 0");
  World::push(lane0, there, "to shard 1");
  EXPECT_EQ(receive(here.socket).body, "to shard 0");
  EXPECT_EQ(receive(there.socket).body, "to shard 1");
  EXPECT_TRUE(there.send(4));
  World::answer(lane0, receive(lane1));
  EXPECT_EQ(sequences(there.socket, 1, Status::kSuccess), Sequences{4});
  EXPECT_EQ(world_.outstanding(1), 0u);
}

}  // namespace
}  // namespace ringgate
