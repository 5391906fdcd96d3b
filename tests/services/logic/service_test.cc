// Links, answers and pushes of a logic service, over real sockets.
#include <gtest/gtest.h>

#include <string>

#include "services/handlers/echo.h"
#include "services/store/mail_kinds.h"
#include "services/store/memory.h"
#include "tests/services/logic/test_service.h"

namespace ringgate {
namespace {

std::string hex_bytes(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// test.push: to the channel "there" of the gateway named in dest.
void push_to_dest(Request& request) {
  const std::vector<Location> receivers = {{"there", std::string(request.dest())}};
  pkt::MessagePush message;
  message.set_body(std::string(as_text(request.body())));
  request.push(receivers, message);
  request.respond(Status::kSuccess);
}

// test.large: a packet that no link takes.
void answer_much(Request& request) {
  const std::vector<std::uint8_t> body(17 << 20, 'x');
  request.respond(Status::kSuccess, body);
}

void fill(Router& router) {
  router.handle("test.large", answer_much);
  add_echo_handlers(router);
  router.handle("test.push", push_to_dest);
}

OutgoingHeader request(std::string_view command, std::string_view channel, std::uint32_t sequence) {
  OutgoingHeader header;
  header.command = command;
  header.channel_id = channel;
  header.sequence = sequence;
  header.app = "kim";
  header.account = "alice";
  header.dest_server = "g1";
  return header;
}

struct LogicServiceTest : testing::Test {
  void start(const TestServiceOptions& options = {}) {
    service.emplace(options, MakeSessions(), fill);
    service->start();
  }
  std::optional<TestService> service;
};

TEST_F(LogicServiceTest, AnAnswerThatNoLinkTakesIsAnError) {
  start();
  TestGateway gateway(service->port(), "g1");
  gateway.send(request("test.large", "c", 1));
  const ReceivedPacket answer = gateway.receive();
  EXPECT_EQ(answer.header.sequence(), 1U);
  EXPECT_EQ(answer.header.status(), pkt::Status::SystemException);
  EXPECT_FALSE(answer.parse<pkt::ErrorResp>().message().empty());
  EXPECT_EQ(service->count(LogicCounter::kLinkFrameTooLong), 1U);
}

// Neither the service nor its store knows it.
TEST_F(LogicServiceTest, MailOfAnUnknownKindIsCounted) {
  start();
  service->group().post(0, MailBytes{kOwnStoreMail.first}, as_bytes("what"));
  service->group().flush();
  EXPECT_TRUE(service->wait_for(Counter::kMailUnknown, 1));
  EXPECT_EQ(service->group().shard(0).unknown_mail().kind(), kOwnStoreMail.first);
}

TEST_F(LogicServiceTest, AnswersByteForByte) {
  start();
  TestGateway gateway(service->port(), "g1");
  gateway.send(request("echo.x", "c", 1), "hi");
  const std::string header = hex_bytes(
      "0a066563686f2e78"
      "120163"
      "1801"
      "2001"
      "3a130a0b646573742e7365727665721202673118"
      "01"
      "3a140a0d646573742e6368616e6e656c73120163"
      "1801");
  const auto length = static_cast<char>(header.size());
  std::string expected = hex_bytes("02000000");
  expected += static_cast<char>(header.size() + 12 + 2);
  expected += hex_bytes("c311a365000000");
  expected += length;
  expected += header + hex_bytes("000000026869");
  EXPECT_EQ(gateway.receive_frame(), expected);
}

TEST_F(LogicServiceTest, AnswersCarryDestAndSequence) {
  start();
  TestGateway gateway(service->port(), "g1");
  OutgoingHeader header = request("echo.anything", "g1_alice_1", 4294967295);
  header.dest = "bob";
  gateway.send(header, std::string(100'000, 'x'));
  const ReceivedPacket answer = gateway.receive();
  EXPECT_EQ(answer.header.dest(), "bob");
  EXPECT_EQ(answer.header.sequence(), 4294967295);
  EXPECT_EQ(answer.header.flag(), pkt::Flag::Response);
  EXPECT_EQ(answer.header.status(), pkt::Status::Success);
  EXPECT_EQ(answer.meta("dest.channels"), "g1_alice_1");
  EXPECT_EQ(answer.header.meta_size(), 2);
  EXPECT_EQ(answer.body, std::string(100'000, 'x'));
}

TEST_F(LogicServiceTest, TheLinkSaysWhichGatewayItIs) {
  start();
  TestGateway gateway(service->port(), "real");
  OutgoingHeader header = request("echo.x", "c", 1);
  header.dest_server = "pretended";
  gateway.send(header);
  EXPECT_EQ(gateway.receive().meta("dest.server"), "real");
}

TEST_F(LogicServiceTest, AFirstFrameThatIsNoHandshakeClosesTheLink) {
  start();
  for (const std::string& first : {std::string("\xFF\xFF"), std::string()}) {
    TestGateway gateway(service->port());
    gateway.send_frame(first);
    EXPECT_TRUE(gateway.closed_by_peer());
  }
}

TEST_F(LogicServiceTest, ALinkThatSaysNothingIsClosed) {
  TestServiceOptions options;
  options.logic.handshake_wait_ms = 1;
  start(options);
  TestGateway gateway(service->port());
  EXPECT_TRUE(gateway.closed_by_peer());
}

TEST_F(LogicServiceTest, AMalformedPacketKeepsTheLink) {
  start();
  TestGateway gateway(service->port(), "g1");
  gateway.send_frame("nonsense");
  gateway.send_frame(hex_bytes("c311a365000000ff0a"));
  gateway.send_frame(
      hex_bytes("c311a3650000000300000000"
                "ffffff"));
  gateway.send_frame(hex_bytes("c311a36500000003") + "\xFF\xFF\xFF" + hex_bytes("00000000"));
  gateway.send(request("echo.x", "", 3));  // nobody to answer
  gateway.send(request("echo.x", "c", 4));
  EXPECT_EQ(gateway.receive().header.sequence(), 4);
  EXPECT_EQ(service->count(LogicCounter::kLinkPacketMalformed), 5);
}

TEST_F(LogicServiceTest, TakesAnyValidEncodingOfAHeader) {
  start();
  TestGateway gateway(service->port(), "g1");
  // The sequence stands there twice, the last one counts.
  const std::string header = hex_bytes(
      "0a066563686f2e78"
      "120163"
      "1801"
      "1807");
  gateway.send_frame(hex_bytes("c311a365000000") + static_cast<char>(header.size()) + header +
                     hex_bytes("00000000"));
  const ReceivedPacket answer = gateway.receive();
  EXPECT_EQ(answer.header.sequence(), 7);
  EXPECT_EQ(answer.header.command(), "echo.x");
}

TEST_F(LogicServiceTest, AnUnknownCommandIsNotImplemented) {
  start();
  TestGateway gateway(service->port(), "g1");
  gateway.send(request("chat.nothing", "c", 5), "body");
  const ReceivedPacket answer = gateway.receive();
  EXPECT_EQ(answer.header.status(), pkt::Status::NotImplemented);
  EXPECT_EQ(answer.header.sequence(), 5);
  EXPECT_FALSE(answer.parse<pkt::ErrorResp>().message().empty());
}

TEST_F(LogicServiceTest, NoCommandIsAnInvalidOne) {
  start();
  TestGateway gateway(service->port(), "g1");
  gateway.send(request("", "c", 6));
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::InvalidCommand);
}

TEST_F(LogicServiceTest, ANewerLinkReplacesTheOlderOnOneShard) {
  start();
  TestGateway older(service->port(), "g1");
  older.send(request("echo.x", "c", 1));
  EXPECT_EQ(older.receive().header.sequence(), 1);
  TestGateway newer(service->port(), "g1");
  EXPECT_TRUE(older.closed_by_peer());
  newer.send(request("echo.x", "c", 2));
  EXPECT_EQ(newer.receive().header.sequence(), 2);
}

TEST_F(LogicServiceTest, ANewerLinkReplacesTheOlderAcrossShards) {
  start({.shards = 2});
  TestGateway older(service->port(), "g1");
  older.send(request("echo.x", "c", 1));
  EXPECT_EQ(older.receive().header.sequence(), 1);
  TestGateway newer(service->port(), "g1");  // sockets are handed out in turn
  EXPECT_TRUE(older.closed_by_peer());
  newer.send(request("echo.x", "c", 2));
  EXPECT_EQ(newer.receive().header.sequence(), 2);
  EXPECT_EQ(service->group().shard(0).counters().get(LogicCounter::kPacketsIn), 1);
  EXPECT_EQ(service->group().shard(1).counters().get(LogicCounter::kPacketsIn), 1);
}

TEST_F(LogicServiceTest, LanesStandSideBySideAndAnswerEachTheirOwn) {
  start({.shards = 2});
  TestGateway lane0(service->port(), "g1", 0);
  TestGateway lane1(service->port(), "g1", 1);
  TestGateway lane2(service->port(), "g1", 2);
  for (std::uint32_t round = 0; round < 20; ++round) {
    lane2.send(request("echo.x", "c2", round));
    lane0.send(request("echo.x", "c0", round));
    lane1.send(request("echo.x", "c1", round));
    EXPECT_EQ(lane0.receive().header.channelid(), "c0");
    EXPECT_EQ(lane1.receive().header.channelid(), "c1");
    EXPECT_EQ(lane2.receive().header.channelid(), "c2");
  }
}

TEST_F(LogicServiceTest, PushesReachAGatewayWhoseLinkIsOnAnotherShard) {
  start({.shards = 2});
  TestGateway asking(service->port(), "g1");
  TestGateway receiving(service->port(), "g2");
  OutgoingHeader header = request("test.push", "c", 1);
  header.dest = "g2";
  do {  // until the other shard's link is known
    asking.send(header, "text");
    EXPECT_EQ(asking.receive().header.status(), pkt::Status::Success);
  } while (!receiving.readable(10) && !HasFailure());
  const ReceivedPacket push = receiving.receive();
  EXPECT_EQ(push.header.flag(), pkt::Flag::Push);
  EXPECT_EQ(push.header.command(), "test.push");
  EXPECT_EQ(push.meta("dest.server"), "g2");
  EXPECT_EQ(push.meta("dest.channels"), "there");
  EXPECT_EQ(push.parse<pkt::MessagePush>().body(), "text");
}

TEST_F(LogicServiceTest, APushWithoutALinkIsCounted) {
  start();
  TestGateway gateway(service->port(), "g1");
  OutgoingHeader header = request("test.push", "c", 1);
  header.dest = "nowhere";
  gateway.send(header);
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::Success);
  EXPECT_EQ(service->count(LogicCounter::kNoGateway), 1);
}

TEST_F(LogicServiceTest, AGatewayThatIsGoneEverywhereIsForgotten) {
  start({.shards = 2});
  {
    TestGateway gone(service->port(), "g2");
    gone.send(request("echo.x", "c", 1));
    EXPECT_EQ(gone.receive().header.sequence(), 1);
  }
  ASSERT_TRUE(service->wait_for(Counter::kClosed, 1));
  TestGateway gateway(service->port(), "g1");
  OutgoingHeader header = request("test.push", "c", 1);
  header.dest = "g2";
  gateway.send(header);
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::Success);
  EXPECT_EQ(service->count(LogicCounter::kNoGateway), 1);
}

}  // namespace
}  // namespace ringgate
