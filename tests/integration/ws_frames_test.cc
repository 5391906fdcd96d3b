// What WebSocket clients say on the level of frames, right and wrong, and what time does to them.
#include <gtest/gtest.h>

#include "tests/integration/ws_client.h"

namespace ringgate::test {
namespace {

// --- Pings --------------------------------------------------------------------------------------

TEST(WsFrames, ABasicPingIsAnsweredBeforeAndAfterTheLogin) {
  Bench bench{with_ws()};
  WsSocket early = WsSocket::open(bench.gateway.ws_port());
  early.send_packets(ping());
  const std::string expected("\x82\x08\xc3\x15\xa7\x65\0\2\0\0", 10);
  while (early.input().size() < expected.size()) {
    ASSERT_TRUE(early.socket().read_some(early.input()));
  }
  EXPECT_EQ(early.input(), expected);

  AnyClient client = log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
  client.send(ping());
  EXPECT_EQ(client.next().kind, Event::Kind::kPong);
  client.send(frame(Opcode::kBinary, std::string("\xc3\x15\xa7\x65\0\1\0\3abc", 11)));
  const Arrival echoed = client.next();
  EXPECT_EQ(echoed.kind, Event::Kind::kPong);
  EXPECT_EQ(echoed.body, "abc");
  EXPECT_FALSE(bench.link.has_next()) << "pings never reach a service";
}

TEST(WsFrames, AWebSocketPingIsEchoedInAPong) {
  Bench bench{with_ws()};
  WsSocket client = WsSocket::open(bench.gateway.ws_port());
  for (const std::string& payload : {std::string(), std::string("x"), std::string(125, 'y')}) {
    client.send(ws_frame(Opcode::kPing, payload));
    const Arrival pong = client.next();
    EXPECT_EQ(pong.opcode, Opcode::kPong);
    EXPECT_EQ(pong.payload, payload);
  }
  client.send(ws_frame(Opcode::kPong, "unasked") + ws_frames_of(ping()));
  EXPECT_EQ(client.next().kind, Event::Kind::kPong) << "an unasked pong is fine";
  EXPECT_EQ(bench.gateway.metric("ringgate_pings_total"), 4);
}

// --- Fragments ----------------------------------------------------------------------------------

TEST(WsFrames, APacketInFragmentsAbove16KiBIsForwardedWhole) {
  ChatBench bench{with_ws()};
  AnyClient alice = log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
  std::string body(60 * 1024, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 + i / 509);
  const std::string one = packet(header("chat.user.talk", 2, "bob"), body);
  for (const std::size_t fragment : {16'384U, 16'383U, 1'000U, 62'000U}) {
    alice.ws().send(ws_fragments_of(one, fragment));
    const Event request = bench.chat_link.request("chat.user.talk");
    EXPECT_EQ(request.meta("account"), "alice");
    EXPECT_TRUE(request.body == body) << fragment;
    bench.chat_link.respond(request);
    EXPECT_TRUE(alice.next().is_answer(2));
  }
}

TEST(WsFrames, ControlFramesBetweenFragmentsAreAnsweredAtOnce) {
  ChatBench bench{with_ws()};
  AnyClient alice = log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
  const std::string payload = talk("bob", "in three parts", 2).substr(kTcpFrameHeadBytes);
  alice.ws().send(ws_frame(Opcode::kBinary, payload.substr(0, 5), false) +
                  ws_frame(Opcode::kPing, "between") + ws_frame(Opcode::kContinuation, "", false));
  EXPECT_EQ(alice.next().payload, "between");
  alice.ws().send(ws_frame(Opcode::kContinuation, payload.substr(5, 7), false) +
                  ws_frame(Opcode::kPong, "") +
                  ws_frame(Opcode::kContinuation, payload.substr(12)));
  EXPECT_EQ(bench.chat_link.request("chat.user.talk").parse<pkt::MessageReq>().body(),
            "in three parts");
}

TEST(WsFrames, APacketOfExactlyMaxFrameIsForwardedWholeOrInFragments) {
  ChatBench bench{with_ws({{"MaxFrame", "8192"}})};
  AnyClient alice = log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
  const pkt::Header talk_header = header("chat.user.talk", 2, "bob");
  const std::size_t around = packet(talk_header).size() - kTcpFrameHeadBytes;
  const std::string most = packet(talk_header, std::string(8192 - around, 'm'));
  for (const std::size_t fragment : {8'192U, 100U}) {
    alice.ws().send(ws_fragments_of(most, fragment));
    EXPECT_EQ(bench.chat_link.request("chat.user.talk").body.size(), 8192 - around);
  }
  alice.ws().send(ws_fragments_of(packet(talk_header, std::string(8193 - around, 'm')), 100));
  expect_closed(alice, WsCloseCode::kTooBig, "frame_too_long");
  EXPECT_EQ(bench.link.request("login.signout").header.channelid(), alice.channel);
  EXPECT_FALSE(bench.chat_link.has_next());
}

TEST(WsFrames, AnUnfinishedMessageIsForgottenWithItsConnection) {
  ChatBench bench{with_ws()};
  for (int round = 0; round < 3; ++round) {  // the same slot each time
    AnyClient alice = log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
    alice.send(packet(header("chat.user.talk", 1), "first"));
    EXPECT_EQ(bench.chat_link.request("chat.user.talk").body, "first");
    alice.ws().send(ws_fragments_of(talk("bob", "whole", 2), 7));
    EXPECT_EQ(bench.chat_link.request("chat.user.talk").parse<pkt::MessageReq>().body(), "whole");
    alice.ws().send(ws_frame(Opcode::kBinary, std::string(5000, 'x'), false) +
                    ws_frame(Opcode::kPing, "taken"));
    EXPECT_EQ(alice.next().payload, "taken");
    alice.socket().reset();
    EXPECT_EQ(bench.link.request("login.signout").header.channelid(), alice.channel);
    bench.gateway.wait_metric_is("ringgate_clients", 0);
  }
}

// --- What is wrong ------------------------------------------------------------------------------

struct Wrong {
  std::string name;
  std::string bytes;
  WsCloseCode code;
  std::string reason;
};
void PrintTo(const Wrong& wrong, std::ostream* to) {
  *to << wrong.name;
}

class WsWrong : public testing::TestWithParam<Wrong> {};

TEST_P(WsWrong, FirstBytesCloseOnlyThatConnectionWithTheCode) {
  Bench bench{with_ws()};
  AnyClient other = log_in(bench.gateway, bench.link, "other", Transport::kWebSocket);
  WsSocket client = WsSocket::open(bench.gateway.ws_port());
  client.send(GetParam().bytes);
  expect_closed(client, GetParam().code, GetParam().reason);
  other.send(ping());
  EXPECT_EQ(other.next().kind, Event::Kind::kPong);
}

TEST_P(WsWrong, BytesAfterTheLoginCloseItTheSameWayAndSignOut) {
  Bench bench{with_ws()};
  AnyClient alice = log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
  alice.ws().send(ws_frames_of(ping()) + GetParam().bytes + ws_frames_of(ping()));
  EXPECT_EQ(alice.next().kind, Event::Kind::kPong) << "what came before is answered";
  expect_closed(alice, GetParam().code, GetParam().reason);
  EXPECT_EQ(bench.link.request("login.signout").header.channelid(), alice.channel);
}

std::vector<Wrong> wrong_bytes() {
  constexpr auto kProtocol = WsCloseCode::kProtocolError;
  constexpr auto kInvalid = WsCloseCode::kInvalidPayload;
  constexpr auto kTooBig = WsCloseCode::kTooBig;
  const auto with_first_byte = [](char first) {
    std::string bytes = ws_frame(Opcode::kBinary, "payload");
    bytes[0] = first;
    return bytes;
  };
  const auto binary = [](std::string_view payload) { return ws_frame(Opcode::kBinary, payload); };
  return {
      {"Text", ws_frame(Opcode::kText, "hello"), WsCloseCode::kUnsupportedData, "text_message"},
      {"TextThatIsNoUtf8", ws_frame(Opcode::kText, "\xff\xfe"), kInvalid, "bad_text"},
      {"FirstFragmentOfText", ws_frame(Opcode::kText, "hello", false),
       WsCloseCode::kUnsupportedData, "text_message"},
      {"NotMasked", std::string("\x82\x08\xc3\x15\xa7\x65\0\1\0\0", 10), kProtocol, "bad_frame"},
      {"ReservedOpcode", with_first_byte('\x83'), kProtocol, "bad_frame"},
      {"Rsv1", with_first_byte('\xc2'), kProtocol, "bad_frame"},
      {"StrayContinuation", ws_frame(Opcode::kContinuation, "x"), kProtocol, "bad_frame"},
      {"MessageInAMessage", ws_frame(Opcode::kBinary, "x", false) + ws_frame(Opcode::kBinary, "y"),
       kProtocol, "bad_frame"},
      {"PingInFragments", ws_frame(Opcode::kPing, "x", false), kProtocol, "bad_frame"},
      {"LongPing", ws_frame_head(Opcode::kPing, 126), kProtocol, "bad_frame"},
      {"CloseOfOneByte", ws_frame(Opcode::kClose, "x"), kProtocol, "bad_frame"},
      {"CloseWithABadCode", ws_close(1005), kProtocol, "bad_frame"},
      {"CloseWithABadReason", ws_close(1000, "\xff"), kInvalid, "bad_text"},
      {"Tcp", ping(), kProtocol, "bad_frame"},
      {"WrongMagic", binary("not a packet"), kInvalid, "bad_packet"},
      {"EmptyMessage", binary(""), kInvalid, "bad_packet"},
      {"LengthsDisagree", binary(std::string("\xc3\x11\xa3\x65\0\0\0\x09\0\0\0\0", 12)), kInvalid,
       "bad_packet"},
      {"HeaderIsNoProtobuf", ws_frames_of(raw_packet("\x0a\xff\xff")), kInvalid, "bad_packet"},
      {"HeaderTooLong", ws_frames_of(raw_packet(std::string(4097, 'x'))), kTooBig,
       "header_too_long"},
      // Just the heads: that is enough to know.
      {"FrameTooLong", ws_frame_head(Opcode::kBinary, 64 * 1024 + 1), kTooBig, "frame_too_long"},
      {"FrameOf1TiB", ws_frame_head(Opcode::kBinary, std::size_t{1} << 40), kTooBig,
       "frame_too_long"},
      {"FragmentsTooLong",
       ws_frame(Opcode::kBinary, std::string(60'000, 'x'), false) +
           ws_frame_head(Opcode::kContinuation, 6'000),
       kTooBig, "frame_too_long"},
  };
}

INSTANTIATE_TEST_SUITE_P(WsFrames, WsWrong, testing::ValuesIn(wrong_bytes()),
                         [](const auto& test) { return test.param.name; });

// --- Closing ------------------------------------------------------------------------------------

class WsClientCloses : public testing::TestWithParam<int> {};

TEST_P(WsClientCloses, IsAnsweredWithTheSameCodeAndSignedOutOnce) {
  Bench bench{with_ws()};
  AnyClient alice = log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
  const int code = GetParam();
  const std::string close = code == 1005 ? ws_frame(Opcode::kClose, "")
                                         : ws_close(static_cast<std::uint16_t>(code), "bye");
  alice.ws().send(ws_frames_of(ping()) + close + ws_frames_of(ping()));
  EXPECT_EQ(alice.next().kind, Event::Kind::kPong);
  expect_closed(alice.ws(), static_cast<WsCloseCode>(code), "");
  alice.socket().close();
  EXPECT_EQ(bench.link.request("login.signout").header.channelid(), alice.channel);
  bench.gateway.wait_metric_is("ringgate_clients", 0);
  EXPECT_FALSE(bench.link.has_next());
  EXPECT_EQ(bench.gateway.metric("ringgate_signouts_total"), 1);
  EXPECT_EQ(bench.gateway.metric("ringgate_closed_by_reason_total", "peer_close_frame"), 1);
}

INSTANTIATE_TEST_SUITE_P(WsFrames, WsClientCloses,
                         testing::Values(1000, 1001, 1005, 1011, 3000, 4000, 4999),
                         testing::PrintToStringParamName());

TEST(WsFrames, AClientThatJustGoesIsSignedOut) {
  Bench bench{with_ws()};
  for (const bool reset : {false, true}) {
    AnyClient alice = log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
    reset ? alice.socket().reset() : alice.socket().close();
    EXPECT_EQ(bench.link.request("login.signout").header.channelid(), alice.channel);
  }
  bench.gateway.wait_metric_is("ringgate_clients", 0);
  EXPECT_EQ(bench.gateway.metric("ringgate_websockets"), 0);
}

// --- Time ---------------------------------------------------------------------------------------

TEST(WsIdle, SilenceBeyondIdleTimeoutIsClosedWith1001AndNothingIsSentBefore) {
  Bench bench{with_ws({{"IdleTimeout", "300ms"}})};
  AnyClient alice = log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
  expect_closed(alice, WsCloseCode::kGoingAway, "idle_timeout");
  EXPECT_EQ(bench.link.request("login.signout").header.channelid(), alice.channel);
}

TEST(WsIdle, AClientThatAnswersThePingStays) {
  Bench bench{with_ws({{"IdleTimeout", "2s"}, {"WebSocketPing", "100ms"}})};
  AnyClient alice = log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
  const auto until = SteadyClock::now() + 3s;  // well beyond IdleTimeout
  int pings = 0;
  while (SteadyClock::now() < until) {
    const Arrival ping = alice.next();
    ASSERT_EQ(ping.opcode, Opcode::kPing) << ping;
    EXPECT_EQ(ping.payload, "");
    alice.ws().send(ws_frame(Opcode::kPong, ping.payload));
    ++pings;
  }
  EXPECT_GT(pings, 1);
  EXPECT_EQ(bench.gateway.metric("ringgate_closed_total"), 0);
  EXPECT_FALSE(bench.link.has_next());
}

TEST(WsIdle, AClientThatDoesNotAnswerThePingIsSentOneAndClosed) {
  Bench bench{with_ws({{"IdleTimeout", "600ms"}, {"WebSocketPing", "100ms"}})};
  AnyClient alice = log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
  EXPECT_EQ(alice.next().opcode, Opcode::kPing);
  expect_closed(alice, WsCloseCode::kGoingAway, "idle_timeout");
}

TEST(WsIdle, PingsAreForWebSocketClientsOnly) {
  Bench bench{with_ws({{"IdleTimeout", "600ms"}, {"WebSocketPing", "100ms"}})};
  AnyClient tcp = log_in(bench.gateway, bench.link, "alice", Transport::kTcp);
  WsSocket upgrading(Socket::connect(bench.gateway.ws_port()));
  upgrading.send("GET / HTTP/1.1\r\n");
  expect_closed(tcp, WsCloseCode::kGoingAway, "idle_timeout");
  EXPECT_EQ(upgrading.next().kind, Event::Kind::kEnd);
}

}  // namespace
}  // namespace ringgate::test
