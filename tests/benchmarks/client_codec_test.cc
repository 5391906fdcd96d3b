#include "benchmarks/ringbench/client_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "codec/message_body.h"
#include "codec/packet.h"
#include "codec/pkt.pb.h"
#include "codec/ws_message.h"

namespace ringgate::bench {
namespace {

using Bytes = std::vector<std::uint8_t>;
using testing::ElementsAreArray;

constexpr std::array<std::uint8_t, 3> kBody = {1, 2, 3};
constexpr std::size_t kMost = 1 << 20;

// What a gateway sends: unmasked.
Bytes from_gateway(Transport transport, Opcode opcode, ByteView payload) {
  Bytes bytes(frame_head_bytes(transport, payload.size()));
  write_frame_head(bytes.data(), transport, opcode, payload.size());
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

Bytes packet(const OutgoingHeader& header) {
  Bytes bytes(packet_bytes(header, kBody.size()));
  write_packet(bytes.data(), header, kBody);
  return bytes;
}

// The payload of the one frame that a client has written.
Bytes payload_of(Transport transport, Bytes frame, Opcode opcode) {
  if (transport == Transport::kTcp) {
    const FrameStep step = next_tcp_frame(frame, kMost);
    EXPECT_EQ(step.status, FrameStatus::kFrame);
    EXPECT_EQ(step.frame.opcode, opcode);
    EXPECT_EQ(step.consumed, frame.size());
    return {step.frame.payload.begin(), step.frame.payload.end()};
  }
  const WsFrameStep step = next_ws_frame(frame, WsMessage().rules(kMost));
  EXPECT_EQ(step.status, WsFrameStatus::kFrame);
  EXPECT_EQ(step.head.opcode, opcode);
  EXPECT_TRUE(step.head.fin);
  EXPECT_NE(step.head.key, WsMaskKey{}) << "a client masks";
  EXPECT_EQ(step.consumed, frame.size());
  const MutableBytes payload =
      MutableBytes(frame).subspan(step.head.head_bytes, step.head.payload_bytes);
  unmask(payload, step.head.key);
  return {payload.begin(), payload.end()};
}

class ClientCodecTest : public testing::TestWithParam<Transport> {
 protected:
  Incoming read(ByteView bytes) { return reader_.next(bytes); }
  Incoming read_packet(const OutgoingHeader& header) {
    kept_ = from_gateway(GetParam(), Opcode::kBinary, packet(header));
    return read(kept_);
  }

  IncomingReader reader_{GetParam()};
  Bytes kept_;
};

TEST_P(ClientCodecTest, PingsAsTheGoldenBytesSay) {
  const ByteView ping = ping_frame(GetParam());
  const Bytes payload = payload_of(GetParam(), {ping.begin(), ping.end()}, Opcode::kBinary);
  EXPECT_THAT(payload, ElementsAreArray({0xc3, 0x15, 0xa7, 0x65, 0, 1, 0, 0}));
}

TEST_P(ClientCodecTest, WritesRequestsOfEveryLength) {
  OutgoingHeader header;
  header.command = "echo.ping";
  header.sequence = 7;
  header.dest = "bob";
  for (const std::size_t size : {0UL, 1UL, 80UL, 110UL, 300UL, 65'000UL, 70'000UL}) {
    const Bytes body(size, 0xab);
    Bytes frame(request_bytes(GetParam(), header, size));
    EXPECT_EQ(write_request(frame.data(), GetParam(), header, body), frame.data() + frame.size());
    const Bytes payload = payload_of(GetParam(), frame, Opcode::kBinary);
    const Packet parsed = parse_packet(payload, 4096);
    ASSERT_EQ(parsed.status, PacketStatus::kLogic);
    HeaderScan scan;
    ASSERT_EQ(scan_header(parsed.header, 8, scan), ScanStatus::kCanonical);
    EXPECT_EQ(scan.command, "echo.ping");
    EXPECT_EQ(scan.sequence, 7U);
    EXPECT_EQ(scan.dest, "bob");
    EXPECT_THAT(parsed.body, ElementsAreArray(body));
  }
}

TEST_P(ClientCodecTest, WritesControlFrames) {
  Bytes frame(control_bytes(GetParam(), kBody.size()));
  EXPECT_EQ(write_control(frame.data(), GetParam(), Opcode::kPong, kBody),
            frame.data() + frame.size());
  EXPECT_THAT(payload_of(GetParam(), frame, Opcode::kPong), ElementsAreArray(kBody));
}

TEST_P(ClientCodecTest, TellsAnswersPushesAndKickOutsApart) {
  OutgoingHeader header;
  header.command = "echo.ping";
  header.sequence = 9;
  header.status = Status::kSystemException;
  header.flag = Flag::kResponse;
  const Incoming answer = read_packet(header);
  EXPECT_EQ(answer.kind, IncomingKind::kAnswer);
  EXPECT_EQ(answer.sequence, 9U);
  EXPECT_EQ(answer.status, 300U);
  EXPECT_THAT(answer.body, ElementsAreArray(kBody));
  EXPECT_EQ(answer.consumed, kept_.size());
  header.flag = Flag::kPush;
  EXPECT_EQ(read_packet(header).kind, IncomingKind::kPush);
  header.command = "login.signin";
  EXPECT_EQ(read_packet(header).kind, IncomingKind::kKickOut);
  header.flag = Flag::kRequest;
  EXPECT_EQ(read_packet(header).kind, IncomingKind::kOther);
}

TEST_P(ClientCodecTest, ReadsFramesThatAreNoPackets) {
  const ByteView pong = ByteView(kTcpPong).subspan(kTcpFrameHeadBytes);
  EXPECT_EQ(read(from_gateway(GetParam(), Opcode::kBinary, pong)).kind, IncomingKind::kPong);
  const Bytes ping = from_gateway(GetParam(), Opcode::kPing, kBody);
  EXPECT_EQ(read(ping).kind, IncomingKind::kPingFrame);
  EXPECT_THAT(read(ping).body, ElementsAreArray(kBody));
  EXPECT_EQ(read(from_gateway(GetParam(), Opcode::kClose, {})).kind, IncomingKind::kClose);
  EXPECT_EQ(read(from_gateway(GetParam(), Opcode::kBinary, kBody)).kind, IncomingKind::kMalformed);
  EXPECT_EQ(read(Bytes{0xff, 0xff, 0xff, 0xff, 0xff}).kind, IncomingKind::kMalformed);
}

TEST_P(ClientCodecTest, WaitsForTheRestOfAFrame) {
  OutgoingHeader header;
  header.command = "echo.ping";
  header.flag = Flag::kResponse;
  const Bytes frame = from_gateway(GetParam(), Opcode::kBinary, packet(header));
  for (std::size_t cut = 0; cut < frame.size(); ++cut) {
    EXPECT_EQ(read(ByteView(frame).first(cut)).kind, IncomingKind::kNeedMore) << cut;
  }
  EXPECT_EQ(read(frame).kind, IncomingKind::kAnswer);
}

// Other services may write a header's fields in any order, or twice.
TEST_P(ClientCodecTest, ReadsHeadersThatAreNotCanonical) {
  const std::string header("\x20\x00\x20\x01\x18\x85\x00", 7);  // flag twice, a long varint
  Bytes payload(8);
  store_be(payload.data(), kLogicMagic);
  store_be(payload.data() + 4, static_cast<std::uint32_t>(header.size()));
  payload.insert(payload.end(), header.begin(), header.end());
  payload.insert(payload.end(), 4, 0);
  const Bytes frame = from_gateway(GetParam(), Opcode::kBinary, payload);
  const Incoming answer = read(frame);
  EXPECT_EQ(answer.kind, IncomingKind::kAnswer);
  EXPECT_EQ(answer.sequence, 5U);
}

Bytes ws_part(Opcode opcode, ByteView payload, bool fin) {
  Bytes frame = from_gateway(Transport::kWebSocket, opcode, payload);
  if (!fin) frame[0] &= 0x7f;
  return frame;
}

// RFC 6455, section 5.4: any message may come in parts, and control frames between them.
TEST(FragmentedMessage, IsPutTogetherForEachStream) {
  OutgoingHeader header;
  header.command = "echo.ping";
  header.sequence = 7;
  header.flag = Flag::kResponse;
  const Bytes whole = packet(header);
  const ByteView all(whole);
  IncomingReader reader(Transport::kWebSocket);
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    EXPECT_EQ(reader.next(ws_part(Opcode::kBinary, all.first(cut), false), 5).kind,
              IncomingKind::kPart);
    EXPECT_EQ(reader.next(ws_part(Opcode::kPing, kBody, true), 5).kind, IncomingKind::kPingFrame);
    const Bytes unbroken = ws_part(Opcode::kBinary, all, true);
    EXPECT_EQ(reader.next(unbroken, 6).kind, IncomingKind::kAnswer) << "another stream";
    EXPECT_EQ(reader.next(ws_part(Opcode::kContinuation, {}, false), 5).kind, IncomingKind::kPart);
    const Bytes last = ws_part(Opcode::kContinuation, all.subspan(cut), true);
    const Incoming answer = reader.next(last, 5);
    ASSERT_EQ(answer.kind, IncomingKind::kAnswer) << cut;
    EXPECT_EQ(answer.sequence, 7U);
    EXPECT_THAT(answer.body, ElementsAreArray(kBody));
    EXPECT_EQ(answer.consumed, last.size());
  }
}

TEST(FragmentedMessage, OutOfOrderIsMalformed) {
  IncomingReader reader(Transport::kWebSocket);
  const Bytes first = ws_part(Opcode::kBinary, kBody, false);
  EXPECT_EQ(reader.next(ws_part(Opcode::kContinuation, kBody, true)).kind,
            IncomingKind::kMalformed);
  EXPECT_EQ(reader.next(first).kind, IncomingKind::kPart);
  EXPECT_EQ(reader.next(first).kind, IncomingKind::kMalformed);
  reader.forget(0);
  EXPECT_EQ(reader.next(first).kind, IncomingKind::kPart) << "a new connection";
}

TEST(FragmentedMessage, HasTheBoundOfAWholeOne) {
  IncomingReader reader(Transport::kWebSocket);
  const Bytes large(std::size_t{9} << 20, 0);
  EXPECT_EQ(reader.next(ws_part(Opcode::kBinary, large, false)).kind, IncomingKind::kPart);
  EXPECT_EQ(reader.next(ws_part(Opcode::kContinuation, large, true)).kind,
            IncomingKind::kMalformed);
}

INSTANTIATE_TEST_SUITE_P(Transports, ClientCodecTest,
                         testing::Values(Transport::kTcp, Transport::kWebSocket),
                         [](const auto& transport) {
                           return std::string(describe(transport.param));
                         });

TEST(TalkBody, IsAMessageReqWhoseTextHasAStamp) {
  for (const std::size_t text : {kTalkStampBytes, std::size_t{100}, std::size_t{127},
                                 std::size_t{128}, std::size_t{20'000}}) {
    Bytes body(text_message_bytes(text));
    EXPECT_EQ(write_talk_body(body.data(), text, {123'456, 7}, 0xabcd), body.data() + body.size());
    pkt::MessageReq request;
    ASSERT_TRUE(request.ParseFromArray(body.data(), static_cast<int>(body.size())));
    EXPECT_EQ(request.type(), 1);
    ASSERT_EQ(request.body().size(), text);
    const auto stamp = read_push_stamp(as_bytes(request.body()));
    ASSERT_TRUE(stamp);
    EXPECT_EQ(stamp->sent_ns, 123'456U);
    EXPECT_EQ(stamp->number, 7U);
    EXPECT_EQ(read_talk_receiver(as_bytes(request.body())), 0xabcdU);
  }
}

TEST(TalkBody, WithoutAReceiverIsNone) {
  Bytes text(kTalkStampBytes);
  write_push_body(text, {1, 2});
  EXPECT_FALSE(read_talk_receiver(text));
  write_talk_text(text, {1, 2}, 0);
  EXPECT_EQ(read_talk_receiver(text), 0U);
  EXPECT_FALSE(read_talk_receiver(ByteView(text).first(kTalkStampBytes - 1)));
}

TEST(PushBody, ReadsBackWhatItWrote) {
  Bytes body(40);
  write_push_body(body, {0xfedcba9876543210, 0xffffffff});
  EXPECT_EQ(as_text(body), "fedcba9876543210ffffffffxxxxxxxxxxxxxxxx");
  EXPECT_EQ(read_push_stamp(body)->sent_ns, 0xfedcba9876543210U);
  EXPECT_EQ(read_push_stamp(body)->number, 0xffffffffU);
  EXPECT_FALSE(read_push_stamp(ByteView(body).first(23)));
  body[3] = ' ';
  EXPECT_FALSE(read_push_stamp(body));
}

TEST(UpgradeAnswer, IsReadWhole) {
  const std::string accepted =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
  const std::string with_more = accepted + "\x82";
  const UpgradeResult result = read_upgrade_answer(as_bytes(with_more));
  EXPECT_EQ(result.answer, UpgradeAnswer::kAccepted);
  EXPECT_EQ(result.consumed, accepted.size());
  for (std::size_t cut = 0; cut < accepted.size(); ++cut) {
    EXPECT_EQ(read_upgrade_answer(as_bytes(accepted).first(cut)).answer, UpgradeAnswer::kNeedMore);
  }
  const std::string refused = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(read_upgrade_answer(as_bytes(refused)).answer, UpgradeAnswer::kRefused);
  EXPECT_EQ(read_upgrade_answer(as_bytes(refused)).status_line, "HTTP/1.1 403 Forbidden");
  const std::string wrong_key = "HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: nonsense\r\n\r\n";
  EXPECT_EQ(read_upgrade_answer(as_bytes(wrong_key)).answer, UpgradeAnswer::kRefused);
  const std::string endless(8192, 'a');
  EXPECT_EQ(read_upgrade_answer(as_bytes(endless)).answer, UpgradeAnswer::kRefused);
}

}  // namespace
}  // namespace ringgate::bench
