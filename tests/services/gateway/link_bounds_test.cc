// Bounds of requests and links: what does not fit is answered once.
#include <thread>

#include "tests/services/gateway/world.h"

namespace ringgate {
namespace {

using test::receive;
using test::sequences;
using test::TcpPeer;
using test::World;
using test::WorldClient;
using test::WorldOptions;
using test::WorldPacket;

using Sequences = std::multiset<std::uint32_t>;

TEST(LinkBounds, MoreRequestsThanMayBeOutstandingAreAnsweredAtOnce) {
  WorldOptions options;
  options.gateway.max_outstanding = 2;
  World world(options);
  world.start_login();
  const TcpPeer link = world.link(2, 0);
  for (const std::uint32_t shard : {0u, 1u}) {  // the bound is each shard's
    const WorldClient client = world.login(shard);
    for (const std::uint32_t sequence : {1u, 2u, 3u}) EXPECT_TRUE(client.send(sequence));
    EXPECT_EQ(sequences(client.socket, 1, Status::kSystemException), Sequences{3});
    EXPECT_EQ(world.count(shard, GatewayCounter::kOutstandingFull), 1u);
    const WorldPacket first = receive(link);
    const WorldPacket second = receive(link);
    World::answer(link, second);
    EXPECT_EQ(sequences(client.socket, 1, Status::kSuccess), Sequences{2});
    EXPECT_TRUE(client.send(4));  // there is room again
    const WorldPacket fourth = receive(link);
    EXPECT_EQ(fourth.header.sequence(), 4u);
    World::answer(link, first);
    World::answer(link, fourth);
    EXPECT_EQ(sequences(client.socket, 2, Status::kSuccess), (Sequences{1, 4}));
    EXPECT_EQ(world.outstanding(shard), 0u);
  }
}

TEST(LinkBounds, AClientHasAShareOfWhatIsOutstanding) {
  WorldOptions options;
  options.gateway.max_client_outstanding = 2;
  World world(options);
  world.start_login();
  TcpPeer link = world.link(2, 0);
  for (const std::uint32_t shard : {0u, 1u}) {
    const WorldClient busy = world.login(shard, "alice");
    const WorldClient other = world.login(shard, "bob");
    for (const std::uint32_t sequence : {1u, 2u, 3u}) EXPECT_TRUE(busy.send(sequence));
    EXPECT_EQ(sequences(busy.socket, 1, Status::kSystemException), Sequences{3});
    const WorldPacket first = receive(link);
    EXPECT_FALSE(receive(link).ended);
    EXPECT_TRUE(other.send(1));  // is not his neighbour's
    World::answer(link, receive(link));
    EXPECT_EQ(sequences(other.socket, 1, Status::kSuccess), Sequences{1});
    World::answer(link, first);
    EXPECT_EQ(sequences(busy.socket, 1, Status::kSuccess), Sequences{1});
    EXPECT_TRUE(busy.send(4));
    EXPECT_FALSE(receive(link).ended);
    link.close();  // what fails with a link is not held against the client
    EXPECT_EQ(sequences(busy.socket, 2, Status::kSystemException), (Sequences{2, 4}));
    link = world.link(2, 0);
    for (const std::uint32_t sequence : {5u, 6u, 7u}) EXPECT_TRUE(busy.send(sequence));
    EXPECT_EQ(sequences(busy.socket, 1, Status::kSystemException), Sequences{7});
    EXPECT_EQ(world.count(shard, GatewayCounter::kClientOutstandingFull), 2u);
    for (int i = 0; i < 2; ++i) World::answer(link, receive(link));
    EXPECT_EQ(sequences(busy.socket, 2, Status::kSuccess), (Sequences{5, 6}));
  }
}

// The service reads nothing until the first request was refused; then it answers what it got.
class FullLink : public testing::TestWithParam<std::uint32_t> {};

TEST_P(FullLink, RefusesWhatDoesNotFitAndDeliversTheRest) {
  constexpr std::uint32_t kRequests = 120;
  const std::string body(32 * 1024, 'b');
  WorldOptions options;
  options.shards.shard.limits[1].max_queued_bytes = 128 * 1024;
  World world(options);
  world.start_login();
  const TcpPeer link = world.link(2, 0, kNoLane, 8 * 1024);
  const WorldClient client = world.login(GetParam());
  std::thread sender([&] {
    for (std::uint32_t sequence = 1; sequence <= kRequests; ++sequence) {
      EXPECT_TRUE(client.send(sequence, body));
    }
  });
  const WorldPacket refused = receive(client.socket);
  EXPECT_EQ(refused.header.status(), pkt::SystemException);
  std::atomic<std::uint32_t> served = 0;
  std::thread service([&] {
    for (;;) {
      const WorldPacket request = receive(link);
      if (request.ended) return;
      EXPECT_TRUE(request.body == body);
      ++served;
      World::answer(link, request);
    }
  });
  Sequences all{refused.header.sequence()};
  std::uint32_t refusals = 1;
  for (std::uint32_t i = 1; i < kRequests; ++i) {
    const WorldPacket got = receive(client.socket);
    all.insert(got.header.sequence());
    if (got.header.status() == pkt::SystemException) ++refusals;
  }
  for (std::uint32_t sequence = 1; sequence <= kRequests; ++sequence) {
    EXPECT_EQ(all.count(sequence), 1u) << sequence;
  }
  EXPECT_EQ(served + refusals, kRequests);
  EXPECT_GT(world.count(0, GatewayCounter::kForwardFailedBytes), 0u);
  EXPECT_EQ(world.count(GetParam(), GatewayCounter::kForwardFailed), refusals);
  EXPECT_EQ(world.outstanding(GetParam()), 0u);
  EXPECT_TRUE(client.send(kRequests + 1, body));
  EXPECT_EQ(sequences(client.socket, 1, Status::kSuccess), Sequences{kRequests + 1});
  sender.join();
  world.group->stop();
  service.join();
}

// On the link's home shard, and on the one that hands its requests over.
INSTANTIATE_TEST_SUITE_P(LinkBounds, FullLink, testing::Values(0u, 1u));

// A packet that with what the gateway adds is a byte too long for the link, or for what its service
// says it takes, is refused to whoever sent it; one that just fits arrives.
TEST(LinkBounds, WhatALinkDoesNotTakeIsRefusedToItsSender) {
  WorldOptions options;
  options.shards.shard.limits[0].max_frame_bytes = 8 * 1024;
  options.shards.shard.limits[1].max_frame_bytes = 8 * 1024;
  World world(options);
  world.start_login();
  const TcpPeer link = world.link(2, 0);
  std::uint64_t refused = 0;
  for (const std::size_t service_takes : {std::size_t{8 * 1024}, std::size_t{4 * 1024}}) {
    CatalogueEntry echo = test::echo_entry();
    echo.max_frame_bytes = service_takes;
    world.publish({echo, test::login_entry()});
    for (const std::uint32_t shard : {0u, 1u}) {
      const WorldClient client = world.login(shard);
      const ClientIdentity identity{client.channel, "kim", "alice", "g1"};
      const OutgoingHeader header{.command = "echo.test", .sequence = 1};
      const std::size_t added = packet_bytes(header, 0) + client_suffix_bytes(identity);
      EXPECT_TRUE(client.send(1, std::string(service_takes - added, 'b')));
      EXPECT_TRUE(client.send(2, std::string(service_takes - added + 1, 'b')));
      EXPECT_EQ(sequences(client.socket, 1, Status::kSystemException), Sequences{2});
      const WorldPacket first = receive(link);
      EXPECT_EQ(first.body.size(), service_takes - added);
      World::answer(link, first);
      EXPECT_EQ(sequences(client.socket, 1, Status::kSuccess), Sequences{1});
      EXPECT_EQ(world.count(GatewayCounter::kLinkFrameTooLong), ++refused);
      EXPECT_EQ(world.outstanding(shard), 0u);
    }
  }
}

}  // namespace
}  // namespace ringgate
