// Packets of clients on their way to services. Their answers: forwarding_answers_test.cc.
#include <vector>

#include "tests/services/gateway/parts/forwarding_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::ForwardingPart;
using test::Got;
using test::kEcho;
using test::kLogin;
using test::TestClient;

// --- On their way -------------------------------------------------------------------------------

TEST_F(ForwardingPart, ARequestGoesToItsServiceWithWhoAsks) {
  FakePeer& service = gateway_.link(kEcho);
  const TestClient client = gateway_.channel("alice");
  ask(client, 1);
  const std::vector<Got> got = gateway_.got(service);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].header.command(), "echo.test");
  EXPECT_EQ(got[0].header.channelid(), channel_of(*client.connection)->id());
  EXPECT_EQ(got[0].body, "a question");
  ASSERT_EQ(got[0].header.meta_size(), 3);
  EXPECT_EQ(got[0].header.meta(0).value(), "kim");
  EXPECT_EQ(got[0].header.meta(1).value(), "alice");
  EXPECT_EQ(got[0].header.meta(2).value(), "g1");
  EXPECT_EQ(channel_of(*client.connection)->outstanding, 1u);
  EXPECT_EQ(outstanding(), 1u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kForwarded), 1u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kForwardedSlow), 0u);
}

// What a client says itself of who it is counts for nothing.
TEST_F(ForwardingPart, AForgedIdentityIsRewritten) {
  FakePeer& service = gateway_.link(kEcho);
  const TestClient client = gateway_.channel("alice");
  send(client, {.command = "echo.test", .sequence = 1, .account = "bob", .dest_server = "g9"});
  const std::vector<Got> got = gateway_.got(service);
  ASSERT_EQ(got.size(), 1u);
  for (const pkt::Meta& meta : got[0].header.meta()) {
    EXPECT_NE(meta.value(), "bob");
    EXPECT_NE(meta.value(), "g9");
  }
  EXPECT_EQ(got[0].header.channelid(), channel_of(*client.connection)->id());
  EXPECT_EQ(gateway_.count(GatewayCounter::kForwardedSlow), 1u);
}

TEST_F(ForwardingPart, WhatAClientMayNotSayIsAnsweredAndItStays) {
  gateway_.link(kLogin);
  const TestClient client = gateway_.channel("alice");
  for (const OutgoingHeader& header :
       {OutgoingHeader{.sequence = 1}, OutgoingHeader{.command = kCommandSignOut, .sequence = 1},
        OutgoingHeader{.command = kCommandSignIn, .sequence = 1},
        OutgoingHeader{.command = "echo.test", .sequence = 1, .flag = Flag::kPush}}) {
    send(client, header);
    const std::vector<Got> got = gateway_.got(*client.peer);
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0].header.status(), pkt::InvalidCommand);
  }
  EXPECT_EQ(gateway_.count(GatewayCounter::kRefusedCommands), 4u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kForwarded), 0u);
  EXPECT_TRUE(client.connection->open());
}

TEST_F(ForwardingPart, AHeaderThatIsNoneEndsTheConnection) {
  const TestClient client = gateway_.channel("alice");
  const std::vector<std::uint8_t> bad = {0xc3, 0x11, 0xa3, 0x65, 0, 0, 0, 1, 0xff, 0, 0, 0, 0};
  client.peer->send(test::frame(Opcode::kBinary, bad));
  const std::vector<Got> got = gateway_.got(*client.peer);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].closed, "bad_packet");
}

TEST_F(ForwardingPart, MoreMetasThanMayBeEndTheConnection) {
  gateway_.context.options.max_metas = 1;
  const TestClient client = gateway_.channel("alice");
  send(client, {.command = "echo.test", .sequence = 1, .app = "kim", .account = "alice"});
  const std::vector<Got> got = gateway_.got(*client.peer);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].closed, "too_many_metas");
}

TEST_F(ForwardingPart, WithoutItsServiceItIsAnsweredAtOnce) {
  const TestClient client = gateway_.channel("alice");
  ask(client, 1);
  expect_failed(client, {1}, "no such service is connected");
  EXPECT_EQ(gateway_.count(GatewayCounter::kNoService), 1u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kForwardFailed), 1u);
  EXPECT_EQ(channel_of(*client.connection)->outstanding, 0u);
}

TEST_F(ForwardingPart, BeyondItsShareAClientIsRefusedUntilAnAnswerComes) {
  gateway_.link(kEcho);
  gateway_.context.options.max_client_outstanding = 2;
  const TestClient client = gateway_.channel("alice");
  for (const std::uint32_t sequence : {1u, 2u, 3u}) ask(client, sequence);
  expect_failed(client, {3}, "too many requests without an answer");
  EXPECT_EQ(gateway_.count(GatewayCounter::kClientOutstandingFull), 1u);
  EXPECT_TRUE(answer(place(client), 1));
  ask(client, 4);
  expect_failed(client, {}, "");
  EXPECT_EQ(outstanding(), 2u);
}

TEST_F(ForwardingPart, InADryRunOneWithTooManyIsCountedAndForwarded) {
  gateway_.link(kEcho);
  gateway_.context.options.max_client_outstanding = 2;
  ShardLimits limits = gateway_.it.shard.options();
  limits.limits_dry_run = true;
  gateway_.it.shard.reconfigure(limits, std::vector<WsUpgradeOptions>(1));
  const TestClient client = gateway_.channel("alice");
  for (const std::uint32_t sequence : {1u, 2u, 3u}) ask(client, sequence);
  expect_failed(client, {}, "");
  EXPECT_EQ(gateway_.count(GatewayCounter::kClientOutstandingFull), 1u);
  EXPECT_EQ(outstanding(), 3u);
}

struct OneForAll : ForwardingPart {
  static GatewayOptions options() {
    GatewayOptions options = test::gateway_options();
    options.max_outstanding = 1;
    return options;
  }
  OneForAll() : ForwardingPart(options()) {}
};

TEST_F(OneForAll, WhatIsRefusedIsNotOutstanding) {
  gateway_.link(kEcho);
  const TestClient alice = gateway_.channel("alice");
  const TestClient bob = gateway_.channel("bob");
  ask(alice, 1);
  ask(bob, 1);
  expect_failed(bob, {1}, "the service cannot take more; try again");
  EXPECT_EQ(channel_of(*bob.connection)->outstanding, 0u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kOutstandingFull), 1u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kForwardFailed), 1u);
}

TEST_F(ForwardingPart, WhatIsTooLongForItsServiceIsRefused) {
  gateway_.link(kEcho);
  echo().max_frame_bytes = 20;
  const TestClient client = gateway_.channel("alice");
  ask(client, 1);
  expect_failed(client, {1}, "the packet is longer than the service takes");
  EXPECT_EQ(gateway_.count(GatewayCounter::kLinkFrameTooLong), 1u);
  EXPECT_EQ(outstanding(), 0u);
}

}  // namespace
}  // namespace ringgate
