// Who gets a push, and in how many packets.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "codec/packet.h"
#include "services/store/memory.h"
#include "tests/services/logic/test_service.h"

namespace ringgate {
namespace {

// The body lists receivers: "channel@gateway channel@gateway …".
void push_to_listed(Request& request) {
  std::vector<Location> receivers;
  std::string_view rest = as_text(request.body());
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    const std::size_t at = word.find('@');
    receivers.push_back({std::string(word.substr(0, at)), std::string(word.substr(at + 1))});
  }
  pkt::MessagePush message;
  message.set_sender("somebody");
  request.push(receivers, message);
  request.respond(Status::kSuccess);
}

struct LogicPushTest : testing::Test {
  LogicPushTest() { service.start(); }
  void push(TestGateway& gateway, const std::string& receivers) {
    OutgoingHeader header;
    header.command = "test.push";
    header.channel_id = "mine";
    header.sequence = 9;
    header.dest = "group";
    gateway.send(header, receivers);
  }
  TestService service{
      {}, memory_sessions(), [](Router& router) { router.handle("test.push", push_to_listed); }};
};

TEST_F(LogicPushTest, OnePacketForEachGateway) {
  TestGateway first(service.port(), "g1");
  TestGateway second(service.port(), "g2");
  first.send_bytes(as_text(kTcpPing));  // both links are known once they have answered
  second.send_bytes(as_text(kTcpPing));
  EXPECT_EQ(first.receive_frame(), as_text(kTcpPong));
  EXPECT_EQ(second.receive_frame(), as_text(kTcpPong));

  push(first, "a@g1 b@g2 c@g1 mine@g1 d@g2 e@g3");
  const ReceivedPacket here = first.receive();
  EXPECT_EQ(here.meta("dest.channels"), "a,c");
  EXPECT_EQ(here.meta("dest.server"), "g1");
  EXPECT_EQ(here.header.flag(), pkt::Flag::Push);
  EXPECT_EQ(here.header.channelid(), "mine");
  EXPECT_EQ(here.header.sequence(), 9);
  EXPECT_EQ(here.header.dest(), "group");
  EXPECT_EQ(here.parse<pkt::MessagePush>().sender(), "somebody");
  EXPECT_EQ(first.receive().header.flag(), pkt::Flag::Response);

  const ReceivedPacket there = second.receive();
  EXPECT_EQ(there.meta("dest.channels"), "b,d");
  EXPECT_EQ(there.meta("dest.server"), "g2");
  EXPECT_EQ(service.count(LogicCounter::kNoGateway), 1);  // g3
}

TEST_F(LogicPushTest, ManyReceiversTakeSeveralPackets) {
  TestGateway gateway(service.port(), "g1");
  constexpr std::size_t kReceivers = 4000;
  const std::string name(100, 'n');
  std::string receivers;
  for (std::size_t i = 0; i < kReceivers; ++i) {
    receivers += name + std::to_string(i) + "@g1 ";
  }
  receivers.pop_back();
  push(gateway, receivers);
  std::size_t reached = 0;
  std::size_t packets = 0;
  for (;;) {
    const ReceivedPacket packet = gateway.receive();
    if (packet.header.flag() != pkt::Flag::Push) break;
    const std::string channels = packet.meta("dest.channels");
    EXPECT_LT(channels.size(), Outbox::kMaxDestChannelsBytes + 200);
    reached += 1 + static_cast<std::size_t>(std::ranges::count(channels, ','));
    ++packets;
  }
  EXPECT_EQ(reached, kReceivers);
  EXPECT_EQ(packets, 2);
}

TEST_F(LogicPushTest, NobodyButOneselfIsNobody) {
  TestGateway gateway(service.port(), "g1");
  push(gateway, "mine@g1");
  EXPECT_EQ(gateway.receive().header.flag(), pkt::Flag::Response);
}

}  // namespace
}  // namespace ringgate
