// Connections before their login, and what is said on the level of frames.
#include <gtest/gtest.h>

#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

void expect_closed(FrameSocket& client, std::string_view reason) {
  const Event close = client.next();
  EXPECT_EQ(close.kind, Event::Kind::kClose) << close;
  EXPECT_EQ(close.payload, reason);
  EXPECT_EQ(client.next().kind, Event::Kind::kEnd);
}

TEST(FirstPacket, ThatIsNoLoginIsAnsweredWith103ThenClosed) {
  Bench bench;
  FrameSocket client = bench.gateway.connect();
  client.send(talk("bob", "hello", 77));
  const Event answer = client.next();
  EXPECT_TRUE(answer.is_answer(77, pkt::InvalidCommand)) << answer;
  EXPECT_EQ(answer.header.command(), "chat.user.talk");
  expect_closed(client, "not_a_login");
  EXPECT_FALSE(bench.link.has_next());
}

TEST(FirstPacket, ALoginThatClaimsToBeAResponseIsNone) {
  Bench bench;
  pkt::Header forged = header("login.signin", 3);
  forged.set_flag(pkt::Response);
  FrameSocket client = bench.gateway.connect();
  client.send(packet(forged));
  EXPECT_TRUE(client.next().is_answer(3, pkt::InvalidCommand));
  expect_closed(client, "not_a_login");
}

struct Garbage {
  std::string name;
  std::string bytes;
  std::string reason;
};
void PrintTo(const Garbage& garbage, std::ostream* to) {
  *to << garbage.name;
}

class GarbageFirst : public testing::TestWithParam<Garbage> {};

TEST_P(GarbageFirst, ClosesOnlyThatConnection) {
  Bench bench;
  Client other = bench.log_in("other");
  FrameSocket client = bench.gateway.connect();
  client.send(GetParam().bytes);
  expect_closed(client, GetParam().reason);
  other.send(ping());
  EXPECT_EQ(other.next().kind, Event::Kind::kPong);
}

INSTANTIATE_TEST_SUITE_P(
    FirstPacket, GarbageFirst,
    testing::Values(
        Garbage{"Http", "GET / HTTP/1.1\r\n\r\n", "bad_frame"},
        Garbage{"TextFrame", frame(Opcode::kText, "hello"), "bad_frame"},
        Garbage{"WrongMagic", frame(Opcode::kBinary, "not a packet"), "bad_packet"},
        Garbage{"EmptyFrame", frame(Opcode::kBinary, ""), "bad_packet"},
        Garbage{"UnknownBasicCode",
                frame(Opcode::kBinary, std::string("\xc3\x15\xa7\x65\0\7\0\0", 8)), "bad_packet"},
        Garbage{"LengthsDisagree",
                frame(Opcode::kBinary, std::string("\xc3\x11\xa3\x65\0\0\0\x09\0\0\0\0", 12)),
                "bad_packet"},
        Garbage{"HeaderIsNoProtobuf", raw_packet("\x0a\xff\xff"), "bad_packet"},
        Garbage{"HeaderTooLong", raw_packet(std::string(4097, 'x')), "header_too_long"},
        // Just the head: that is enough to know.
        Garbage{"FrameTooLong", std::string("\x02\x00\x01\x00\x01", 5), "frame_too_long"},
        Garbage{"FrameOf4GiB", std::string("\x02\xff\xff\xff\xff", 5), "frame_too_long"}),
    [](const auto& test) { return test.param.name; });

TEST(FirstPacket, TooManyMetasCloseTheConnection) {
  Bench bench{{{"MaxMetas", "4"}}};
  pkt::Header many = header("login.signin", 1);
  for (int i = 0; i < 5; ++i) add_meta(many, "k" + std::to_string(i), "v");
  FrameSocket client = bench.gateway.connect();
  client.send(packet(many));
  expect_closed(client, "too_many_metas");
}

TEST(FirstPacket, SilenceIsClosedAfterLoginWait) {
  Bench bench{{{"LoginWait", "150ms"}}};
  FrameSocket client = bench.gateway.connect();
  expect_closed(client, "login_timeout");
}

TEST(FirstPacket, HalfAFrameThenSilenceIsClosedAfterLoginWait) {
  Bench bench{{{"LoginWait", "150ms"}}};
  const std::string whole = login(token("alice"));
  FrameSocket client = bench.gateway.connect();
  client.send(whole.substr(0, whole.size() / 2));
  expect_closed(client, "login_timeout");
  EXPECT_FALSE(bench.link.has_next());
}

TEST(FirstPacket, PingsDoNotPutLoginWaitOff) {
  Bench bench{{{"LoginWait", "150ms"}}};
  FrameSocket client = bench.gateway.connect();
  Event event;
  do {
    client.send(ping());
    event = client.next();
  } while (event.kind == Event::Kind::kPong);
  EXPECT_EQ(event.payload, "login_timeout");
}

TEST(Frames, APingIsAnsweredBeforeAndAfterTheLogin) {
  Bench bench;
  Socket early = bench.gateway.connect_raw();
  early.write_all(ping());
  std::string bytes;
  while (bytes.size() < pong().size()) ASSERT_TRUE(early.read_some(bytes));
  EXPECT_EQ(bytes, pong());

  Client client = bench.log_in("alice");
  client.send(ping());
  const Event event = client.next();
  EXPECT_EQ(event.kind, Event::Kind::kPong);
  EXPECT_EQ(event.payload, pong().substr(kTcpFrameHeadBytes));
  EXPECT_FALSE(bench.link.has_next()) << "pings never reach a service";
}

TEST(Frames, ABasicPingsBodyIsEchoed) {
  Bench bench;
  Client client = bench.log_in("alice");
  client.send(frame(Opcode::kBinary, std::string("\xc3\x15\xa7\x65\0\1\0\3abc", 11)));
  const Event event = client.next();
  EXPECT_EQ(event.kind, Event::Kind::kPong);
  EXPECT_EQ(event.body, "abc");
}

TEST(Frames, APingFrameIsEchoedInAPongFrame) {
  Bench bench;
  FrameSocket client = bench.gateway.connect();
  for (const std::string& payload : {std::string(), std::string("x"), std::string(1000, 'y')}) {
    client.send(frame(Opcode::kPing, payload));
    const Event event = client.next();
    EXPECT_EQ(event.opcode, Opcode::kPong);
    EXPECT_EQ(event.payload, payload);
  }
}

TEST(Frames, ACloseFrameIsAnsweredWithOneAndTheEnd) {
  Bench bench;
  Client client = bench.log_in("alice");
  client.send(frame(Opcode::kClose, "bye"));
  expect_closed(client.frames, "");
  EXPECT_EQ(bench.link.request("login.signout").header.channelid(), client.channel);
}

TEST(Frames, WhatIsSentBeforeTheCloseFrameIsStillAnswered) {
  Bench bench;
  FrameSocket client = bench.gateway.connect();
  client.send(ping() + ping() + frame(Opcode::kClose, ""));
  EXPECT_EQ(client.next().kind, Event::Kind::kPong);
  EXPECT_EQ(client.next().kind, Event::Kind::kPong);
  expect_closed(client, "");
}

TEST(Frames, AnOverlongFrameAfterLoginClosesTheConnection) {
  Bench bench{{{"MaxFrame", "8192"}}};
  Client client = bench.log_in("alice");
  client.send(std::string("\x02\x00\x00\x20\x01", 5));
  expect_closed(client.frames, "frame_too_long");
}

TEST(Frames, SilenceBeyondIdleTimeoutIsClosed) {
  Bench bench{{{"IdleTimeout", "200ms"}}};
  Client client = bench.log_in("alice");
  expect_closed(client.frames, "idle_timeout");
  EXPECT_EQ(bench.link.request("login.signout").header.channelid(), client.channel);
}

}  // namespace
}  // namespace ringgate::test
