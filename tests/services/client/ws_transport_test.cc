#include "services/client/ws_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "codec/ws_frame.h"
#include "tests/services/client/ws_gateway.h"

namespace ringgate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = client::Event::Kind;

class ClientWsTransportTest : public ::testing::Test {
 protected:
  client::Event receive(const std::string& bytes) {
    transport_->receive(as_bytes(bytes));
    return transport_->next();
  }

  std::vector<WsSent> take_sent() {
    const std::vector<WsSent> all = parse_ws_sent(transport_->unsent());
    transport_->sent(transport_->unsent().size());
    return all;
  }

  // One frame that closes with `code`, and nothing after it.
  void expect_closed_with(WsCloseCode code) {
    transport_->send_packet(as_bytes("too late"));
    transport_->send_close();
    const std::vector<WsSent> sent = take_sent();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(close_code_in(sent[0]), code);
  }

  std::unique_ptr<client::Transport> transport_ = client::make_ws_transport();
};

TEST_F(ClientWsTransportTest, HandsOutPackets) {
  client::Event event = receive(ws_frame(Opcode::kBinary, "one") +
                                ws_frame(Opcode::kBinary, std::string(70'000, 'x')));
  EXPECT_EQ(event.kind, Kind::kPacket);
  EXPECT_EQ(as_text(event.payload), "one");
  event = transport_->next();
  EXPECT_EQ(event.kind, Kind::kPacket);
  EXPECT_EQ(event.payload.size(), 70'000U);
  EXPECT_EQ(transport_->next().kind, Kind::kNeedMore);
}

TEST_F(ClientWsTransportTest, ReadsWhatFollowedTheUpgrade) {
  const std::string bytes = ws_frame(Opcode::kBinary, "first");
  transport_ = client::make_ws_transport(bytes.substr(0, 3));
  EXPECT_EQ(transport_->next().kind, Kind::kNeedMore);
  const client::Event event = receive(bytes.substr(3));
  EXPECT_EQ(as_text(event.payload), "first");
}

TEST_F(ClientWsTransportTest, ReassemblesMessages) {
  const std::string bytes =
      ws_frame(Opcode::kBinary, "in ", false) + ws_frame(Opcode::kPing, "now") +
      ws_frame(Opcode::kContinuation, "three ", false) + ws_frame(Opcode::kContinuation, "parts") +
      ws_frame(Opcode::kBinary, "a", false) + ws_frame(Opcode::kContinuation, "b");
  std::vector<std::string> packets;
  for (const char byte : bytes) {
    const client::Event event = receive(std::string(1, byte));
    ASSERT_NE(event.kind, Kind::kProblem) << event.text;
    if (event.kind == Kind::kPacket) packets.emplace_back(as_text(event.payload));
  }
  EXPECT_THAT(packets, ElementsAre("in three parts", "ab"));
}

TEST_F(ClientWsTransportTest, AnswersPings) {
  EXPECT_EQ(receive(ws_frame(Opcode::kPing, "payload") + ws_frame(Opcode::kPong, "unasked")).kind,
            Kind::kNeedMore);
  const std::vector<WsSent> sent = take_sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].opcode, Opcode::kPong);
  EXPECT_EQ(sent[0].payload, "payload");
}

TEST_F(ClientWsTransportTest, WritesEveryLengthMasked) {
  for (const std::size_t size : std::vector<std::size_t>{0, 1, 125, 126, 65'535, 65'536}) {
    const std::string packet(size, 'x');
    transport_->send_packet(as_bytes(packet));
    EXPECT_EQ(transport_->unsent().size(), ws_frame_head_bytes(size) + sizeof(WsMaskKey) + size);
    const std::vector<WsSent> sent = take_sent();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].opcode, Opcode::kBinary);
    EXPECT_EQ(sent[0].payload, packet);
  }
}

TEST_F(ClientWsTransportTest, MasksEveryFrameWithAnotherKey) {
  for (int i = 0; i < 8; ++i) transport_->send_packet(as_bytes("x"));
  std::set<WsMaskKey> keys;
  for (const WsSent& sent : take_sent()) keys.insert(sent.key);
  EXPECT_GE(keys.size(), 7U);  // two may be equal, once in 10^8 times
}

TEST_F(ClientWsTransportTest, ClosesOnceAndThenIsSilent) {
  transport_->send_close();
  EXPECT_EQ(receive(ws_frame(Opcode::kPing, "not answered any more")).kind, Kind::kNeedMore);
  expect_closed_with(WsCloseCode::kNormal);
  EXPECT_EQ(receive(ws_close(WsCloseCode::kNormal)).kind, Kind::kClose);
  EXPECT_THAT(take_sent(), IsEmpty());
}

TEST_F(ClientWsTransportTest, AnswersACloseWithItsCode) {
  const client::Event event = receive(ws_close(WsCloseCode::kPolicyViolation, "kicked out"));
  EXPECT_EQ(event.kind, Kind::kClose);
  EXPECT_EQ(event.text, "1008 kicked out");
  expect_closed_with(WsCloseCode::kPolicyViolation);
}

TEST_F(ClientWsTransportTest, NamesACloseWithoutAReason) {
  EXPECT_EQ(receive(ws_close(WsCloseCode::kGoingAway)).text, "1001 going away");
  expect_closed_with(WsCloseCode::kGoingAway);
  transport_ = client::make_ws_transport(ws_close(WsCloseCode{4000}));
  EXPECT_EQ(transport_->next().text, "4000 no reason given");
  expect_closed_with(WsCloseCode{4000});
}

TEST_F(ClientWsTransportTest, AnswersACloseWithoutACodeWithNone) {
  const client::Event event = receive(ws_frame(Opcode::kClose, ""));
  EXPECT_EQ(event.kind, Kind::kClose);
  EXPECT_EQ(event.text, "");
  const std::vector<WsSent> sent = take_sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].opcode, Opcode::kClose);
  EXPECT_EQ(sent[0].payload, "");
}

// --- What breaks the protocol -------------------------------------------------------------------

struct Breach {
  const char* name;
  std::string bytes;
  const char* says;
  WsCloseCode code;
};

std::string masked_frame() {
  const WsMaskKey key{1, 2, 3, 4};
  std::string bytes(kMaxWsFrameHeadBytes, '\0');
  auto* const begin = reinterpret_cast<std::uint8_t*>(bytes.data());
  bytes.resize(
      static_cast<std::size_t>(write_ws_client_head(begin, Opcode::kBinary, 0, key) - begin));
  return bytes;
}

std::string with_first_byte(char first) {
  std::string bytes = ws_frame(Opcode::kBinary, "x");
  bytes[0] = first;
  return bytes;
}

std::vector<Breach> breaches() {
  constexpr WsCloseCode kProtocol = WsCloseCode::kProtocolError;
  return {
      {"Masked", masked_frame(), "masked, as only a client's may be", kProtocol},
      {"ReservedBit", with_first_byte('\xc2'), "an extension", kProtocol},
      {"UnknownOpcode", with_first_byte('\x83'), "unknown opcode", kProtocol},
      {"StrayContinuation", with_first_byte('\x80'), "out of order", kProtocol},
      {"Interleaved", ws_frame(Opcode::kBinary, "a", false) + ws_frame(Opcode::kBinary, "b"),
       "out of order", kProtocol},
      {"FragmentedPing", ws_frame(Opcode::kPing, "", false), "control frame", kProtocol},
      {"LongPing", ws_frame(Opcode::kPing, std::string(126, 'x')), "control frame", kProtocol},
      {"OverlongLength", std::string("\x82\x7e\x00\x01x", 5), "length", kProtocol},
      {"TooLong", std::string("\x82\x7f\0\0\0\0\x01\0\0\x01", 10), "above 16 MiB",
       WsCloseCode::kTooBig},
      {"Text", ws_frame(Opcode::kText, "hello"), "packets are binary",
       WsCloseCode::kUnsupportedData},
      {"BadText", ws_frame(Opcode::kText, "\xff"), "not UTF-8", WsCloseCode::kInvalidPayload},
      {"CloseOfOneByte", ws_frame(Opcode::kClose, "x"), "close frame", kProtocol},
      {"CloseWithNoWireCode", ws_frame(Opcode::kClose, "\x03\xed"), "close frame", kProtocol},
      {"CloseWithBadReason", ws_frame(Opcode::kClose, "\x03\xe8\xff"), "close frame",
       WsCloseCode::kInvalidPayload},
  };
}

class ClientWsBreach : public ::testing::TestWithParam<Breach> {};

TEST_P(ClientWsBreach, IsSaidAndClosed) {
  const std::unique_ptr<client::Transport> transport = client::make_ws_transport(GetParam().bytes);
  const client::Event event = transport->next();
  EXPECT_EQ(event.kind, Kind::kProblem);
  EXPECT_THAT(event.text, HasSubstr("the gateway broke the WebSocket protocol: "));
  EXPECT_THAT(event.text, HasSubstr(GetParam().says));
  const std::vector<WsSent> sent = parse_ws_sent(transport->unsent());
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(close_code_in(sent[0]), GetParam().code);
}

INSTANTIATE_TEST_SUITE_P(All, ClientWsBreach, ::testing::ValuesIn(breaches()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace ringgate
