// Pushes to channels, and what is dropped. Answers and mail: delivery_answers_test.cc.
#include <string>
#include <vector>

#include "tests/services/gateway/parts/pushes/deliveries_fixture.h"

namespace ringgate {
namespace {

using test::Bodies;
using test::DeliveriesPart;
using test::Got;
using test::kEcho;
using test::PacketBytes;
using test::TestClient;

// --- What is dropped ----------------------------------------------------------------------------

TEST_F(DeliveriesPart, WhatMakesNoSenseIsCountedAndTheLinkStays) {
  const TestClient alice = gateway_.channel("alice");
  const std::string her = id(alice);
  send(*echo_, {.command = "echo.push", .flag = Flag::kPush, .dest_channels = her});
  send(*echo_, {.command = "echo.push", .flag = Flag::kPush, .dest_server = "g1"});
  echo_->send(test::frame(Opcode::kBinary, "no packet at all"));
  const std::vector<std::uint8_t> pong = {0xc3, 0x15, 0xa7, 0x65, 0, 2, 0, 0};
  echo_->send(test::frame(Opcode::kBinary, pong));
  const std::vector<std::uint8_t> bad = {0xc3, 0x11, 0xa3, 0x65, 0, 0, 0, 1, 0xff, 0, 0, 0, 0};
  echo_->send(test::frame(Opcode::kBinary, bad));
  gateway_.settle();
  EXPECT_EQ(count(GatewayCounter::kLinkPacketMalformed), 5u);
  EXPECT_EQ(count(GatewayCounter::kPushesIn), 0u);
  push(her, "fine");
  EXPECT_EQ(bodies(alice), Bodies{"fine"});
}

TEST_F(DeliveriesPart, HeadersBeyondTheirBoundsAreCountedAndTheLinkStays) {
  const TestClient alice = gateway_.channel("alice");
  gateway_.context.options.max_link_metas = 1;
  push(id(alice), "two metas");
  gateway_.context.options.max_link_metas = 2;
  gateway_.context.options.max_link_header_bytes = 20;
  push(id(alice), "a long header");
  EXPECT_EQ(count(GatewayCounter::kLinkPacketMalformed), 2u);
  gateway_.context.options.max_link_header_bytes = 200;
  push(id(alice), "fine");
  EXPECT_EQ(bodies(alice), Bodies{"fine"});
}

TEST_F(DeliveriesPart, WhatIsForAnotherGatewayIsDropped) {
  const TestClient alice = gateway_.channel("alice");
  send(*echo_, {.command = "echo.push",
                .flag = Flag::kPush,
                .dest_server = "g2",
                .dest_channels = id(alice)});
  EXPECT_EQ(count(GatewayCounter::kPushNotForUs), 1u);
  EXPECT_TRUE(bodies(alice).empty());
}

TEST_F(DeliveriesPart, AChannelThatIsNotThereGetsNothingAndOthersGetTheirs) {
  const TestClient alice = gateway_.channel("alice");
  gateway_.connect();
  std::string earlier = id(alice);  // the login before hers
  earlier.back() = earlier.back() == '0' ? '1' : '0';
  std::string of_another_start = id(alice);
  of_another_start[of_another_start.size() - kChannelUniqueDigits] = '9';
  push(earlier + ",nonsense," + of_another_start + "," + id_on(0, 19) + ",," + id(alice) + ",",
       "hers");
  EXPECT_EQ(bodies(alice), Bodies{"hers"});
  EXPECT_EQ(count(GatewayCounter::kPushToGoneChannel), 4u);
  EXPECT_EQ(count(GatewayCounter::kDelivered), 1u);
}

TEST_F(DeliveriesPart, OneThatIsClosingIsGone) {
  const TestClient alice = gateway_.channel("alice");
  const std::string her = id(alice);
  gateway_.it.shard.finish(*alice.connection, CloseReason::kDraining);
  push(her, "too late");
  EXPECT_EQ(count(GatewayCounter::kPushToGoneChannel), 1u);
}

TEST_F(DeliveriesPart, TheAnswerToASignOutIsNotMissedByAnybody) {
  send(*login_, {.command = kCommandSignOut,
                 .flag = Flag::kResponse,
                 .dest_server = "g1",
                 .dest_channels = id_on(0)});
  EXPECT_EQ(count(GatewayCounter::kPushToGoneChannel), 0u);
  EXPECT_EQ(count(GatewayCounter::kAnswerLate), 0u);
}

// --- Pushes -------------------------------------------------------------------------------------

TEST_F(DeliveriesPart, APushGoesToAllWithoutSayingToWhom) {
  const TestClient alice = gateway_.channel("alice");
  const TestClient bob = gateway_.channel("bob");
  push(id(alice) + "," + id(bob), "to both");
  for (const TestClient& client : {alice, bob}) {
    const std::vector<Got> got = gateway_.got(*client.peer);
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0].header.command(), "echo.push");
    EXPECT_EQ(got[0].header.meta_size(), 0);
    EXPECT_EQ(got[0].body, "to both");
  }
  EXPECT_EQ(count(GatewayCounter::kPushesIn), 1u);
  EXPECT_EQ(count(GatewayCounter::kPushesSlow), 0u);
  EXPECT_EQ(count(GatewayCounter::kDelivered), 2u);
}

// No encoder writes a field twice; protobuf takes it.
TEST_F(DeliveriesPart, AHeaderThatOnlyProtobufReadsArrivesAllTheSame) {
  const TestClient alice = gateway_.channel("alice");
  const PacketBytes packet({.command = "echo.push",
                            .sequence = 5,
                            .flag = Flag::kPush,
                            .dest_server = "g1",
                            .dest_channels = id(alice)});
  pkt::Header other;
  other.set_command("another");
  std::string header = other.SerializeAsString();
  header += as_text(packet.parsed().header);
  std::vector<std::uint8_t> bytes(8);
  store_be(bytes.data(), kLogicMagic);
  store_be(bytes.data() + 4, static_cast<std::uint32_t>(header.size()));
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), 4, 0);  // no body
  echo_->send(test::frame(Opcode::kBinary, bytes));
  const std::vector<Got> got = gateway_.got(*alice.peer);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].header.command(), "echo.push");
  EXPECT_EQ(got[0].header.sequence(), 5u);
  EXPECT_EQ(got[0].header.meta_size(), 0);
  EXPECT_EQ(count(GatewayCounter::kPushesSlow), 1u);
}

// Above a KiB its receivers share one copy, which goes when the last has sent it.
TEST_F(DeliveriesPart, ALargePushIsKeptOnceForAllAndGivenBack) {
  const std::string body(8'000, 'b');
  std::vector<TestClient> clients;
  std::string all;
  for (const char* const account : {"alice", "bob", "carol"}) {
    clients.push_back(gateway_.channel(account));
    all += id(clients.back()) + ",";
  }
  push(all, "of which the flight recorder has a record now");
  for (const TestClient& client : clients) {
    EXPECT_EQ(bodies(client).size(), 1u);
    client.peer->window = 0;
  }
  const std::size_t before = gateway_.it.shard.pool().used_bytes();
  push(all, body);
  const std::size_t waits = gateway_.it.shard.pool().used_bytes() - before;
  EXPECT_GE(waits, body.size());
  EXPECT_LT(waits, 2 * 8'192 + 4'096u) << "not thrice";
  for (const TestClient& client : clients) client.peer->window = SIZE_MAX;
  for (const TestClient& client : clients) EXPECT_EQ(bodies(client), Bodies{body});
  EXPECT_EQ(gateway_.it.shard.pool().used_bytes(), before);
}

TEST_F(DeliveriesPart, WhoReadsNothingIsClosedAndTheOthersAreServed) {
  const TestClient slow = gateway_.channel("slow");
  const TestClient alice = gateway_.channel("alice");
  slow.peer->window = 0;
  const std::string both = id(slow) + "," + id(alice);
  const std::string body(60'000, 'b');
  for (int i = 0; i < 8; ++i) push(both, body);
  EXPECT_EQ(gateway_.it.handler.reasons, std::vector<CloseReason>{CloseReason::kSlowConsumer});
  EXPECT_EQ(bodies(alice).size(), 8u);
}

TEST_F(DeliveriesPart, ToWhoIsLoggingInItWaits) {
  const TestClient alice = gateway_.channel("alice", ChannelState::kLoggingIn);
  push(id(alice), "early");
  EXPECT_TRUE(bodies(alice).empty());
  EXPECT_NE(channel_of(*alice.connection)->waiting, nullptr);
  EXPECT_EQ(count(GatewayCounter::kDelivered), 0u);
}

TEST_F(DeliveriesPart, WhateverALinkSaysItIsThere) {
  Upstream& echo = *gateway_.context.upstreams.find(kEcho);
  echo.asked = true;
  push("nobody", "");
  EXPECT_FALSE(echo.asked);
}

}  // namespace
}  // namespace ringgate
