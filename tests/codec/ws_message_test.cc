#include "codec/ws_message.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/codec/ws_stream.h"

namespace ringgate {
namespace {

constexpr WsStreamLimits kLimits = {.max_message_bytes = 1'000};
constexpr WsMaskKey kKey = {0x11, 0x22, 0x33, 0x44};

// Frames of a client, one after the other.
class Frames {
 public:
  Frames& add(Opcode opcode, bool fin, std::string_view payload) {
    append_client_frame(stream_, opcode, fin, as_bytes(payload), kKey);
    return *this;
  }
  WsTranscript read() const { return read_ws_stream(stream_, kLimits); }
  WsTranscript read_by_byte() const {
    return read_ws_stream(stream_, kLimits, [] { return 1U; });
  }
  const Bytes& bytes() const { return stream_; }

 private:
  Bytes stream_;
};

WsRecord record(Opcode opcode, std::string_view payload) {
  return {opcode, Bytes(payload.begin(), payload.end())};
}

void expect_fails(const Frames& frames, WsCloseCode code) {
  const WsTranscript whole = frames.read();
  EXPECT_TRUE(whole.failed);
  EXPECT_EQ(whole.code, code);
  EXPECT_EQ(whole.broken_rule, "");
  EXPECT_EQ(frames.read_by_byte(), whole);
}

TEST(WsMessage, OneFrameIsAMessage) {
  WsMessage message;
  const WsFrameHead head = {.opcode = Opcode::kBinary, .fin = true};
  const Bytes payload = hex("010203");
  const WsAction action = message.take(head, payload);
  EXPECT_EQ(action.event, WsEvent::kData);
  EXPECT_TRUE(action.first && action.last);
  EXPECT_FALSE(action.text);
  EXPECT_FALSE(message.in_message());
}

TEST(WsMessage, FragmentsWithControlFramesBetween) {
  Frames frames;
  frames.add(Opcode::kBinary, false, "one ").add(Opcode::kPing, true, "p");
  frames.add(Opcode::kContinuation, false, "").add(Opcode::kPong, true, "");
  frames.add(Opcode::kContinuation, true, "two").add(Opcode::kText, true, "three");
  const WsTranscript read = frames.read();
  EXPECT_FALSE(read.failed);
  EXPECT_EQ(read.records, (std::vector<WsRecord>{
                              record(Opcode::kPing, "p"), record(Opcode::kPong, ""),
                              record(Opcode::kBinary, "one two"), record(Opcode::kText, "three")}));
  EXPECT_EQ(frames.read_by_byte(), read);
}

TEST(WsMessage, FragmentsTellFirstAndLast) {
  WsMessage message;
  const auto take = [&message](Opcode opcode, bool fin) {
    const WsAction action = message.take({.opcode = opcode, .fin = fin}, hex("61"));
    return std::string(action.first ? "first " : "") + (action.last ? "last " : "") +
           (action.text ? "text" : "binary");
  };
  EXPECT_EQ(take(Opcode::kText, false), "first text");
  EXPECT_EQ(take(Opcode::kContinuation, false), "text");
  EXPECT_EQ(message.message_bytes(), 2U);
  EXPECT_EQ(take(Opcode::kContinuation, true), "last text");
  EXPECT_EQ(take(Opcode::kBinary, false), "first binary");
  EXPECT_EQ(take(Opcode::kContinuation, true), "last binary");
}

TEST(WsMessage, ContinuationOfNothing) {
  expect_fails(Frames().add(Opcode::kContinuation, true, "x"), WsCloseCode::kProtocolError);
  expect_fails(Frames().add(Opcode::kBinary, true, "x").add(Opcode::kContinuation, false, "y"),
               WsCloseCode::kProtocolError);
}

TEST(WsMessage, NewMessageInsideOfAFragmentedOne) {
  for (const Opcode opcode : {Opcode::kText, Opcode::kBinary}) {
    expect_fails(Frames().add(Opcode::kBinary, false, "x").add(opcode, true, "y"),
                 WsCloseCode::kProtocolError);
  }
}

TEST(WsMessage, BoundIsOverAllFragments) {
  Frames fits;
  fits.add(Opcode::kBinary, false, std::string(600, 'a'));
  fits.add(Opcode::kContinuation, false, std::string(400, 'b'));
  fits.add(Opcode::kContinuation, true, "");
  EXPECT_EQ(fits.read().records.size(), 1U);
  Frames again = fits;  // the next message has the whole bound again
  again.add(Opcode::kBinary, true, std::string(1'000, 'c'));
  EXPECT_EQ(again.read().records.size(), 2U);

  Frames over;
  over.add(Opcode::kBinary, false, std::string(600, 'a'));
  const std::size_t fragment_at = over.bytes().size();
  over.add(Opcode::kContinuation, true, std::string(401, 'b'));
  expect_fails(over, WsCloseCode::kTooBig);
  EXPECT_EQ(over.read_by_byte().decided_at, fragment_at + 4);  // with the length's last byte
  expect_fails(Frames().add(Opcode::kText, true, std::string(1'001, 'a')), WsCloseCode::kTooBig);
}

TEST(WsMessage, BoundsAboveFourGigabytesAndLoweredOnes) {
  WsMessage message;
  EXPECT_EQ(message.rules(std::size_t{1} << 40U).max_data_bytes, 0xffff'ffffU);
  EXPECT_EQ(message.take({.opcode = Opcode::kBinary}, hex("010203")).event, WsEvent::kData);
  EXPECT_EQ(message.rules(10).max_data_bytes, 7U);
  EXPECT_EQ(message.rules(2).max_data_bytes, 0U);
}

TEST(WsMessage, TextIsUtf8OverFragments) {
  Frames euro;  // cut inside of a character
  euro.add(Opcode::kText, false, "\xe2").add(Opcode::kPing, true, "");
  euro.add(Opcode::kContinuation, false, "\x82").add(Opcode::kContinuation, true, "\xac!");
  const WsTranscript read = euro.read();
  EXPECT_FALSE(read.failed);
  EXPECT_EQ(read.records.back(), record(Opcode::kText, "\xe2\x82\xac!"));
  EXPECT_EQ(euro.read_by_byte(), read);

  expect_fails(Frames().add(Opcode::kText, true, "a\xff"), WsCloseCode::kInvalidPayload);
  expect_fails(Frames().add(Opcode::kText, true, "a\xe2\x82"), WsCloseCode::kInvalidPayload);
  expect_fails(Frames().add(Opcode::kText, false, "\xe2").add(Opcode::kContinuation, true, "\x82"),
               WsCloseCode::kInvalidPayload);
  expect_fails(Frames().add(Opcode::kText, false, "\xe2").add(Opcode::kContinuation, true, ""),
               WsCloseCode::kInvalidPayload);
  expect_fails(Frames().add(Opcode::kText, false, "\xed").add(Opcode::kContinuation, false, "\xa0"),
               WsCloseCode::kInvalidPayload);
}

TEST(WsMessage, TextIsRefusedWithItsFirstWrongByte) {
  Frames frames;
  frames.add(Opcode::kText, false, "\xf0").add(Opcode::kPing, true, "");
  const std::size_t fragment_at = frames.bytes().size();
  frames.add(Opcode::kContinuation, true, "\x9f\x98\x80 fine \xf4\x90 and much more");
  const WsTranscript read = frames.read_by_byte();
  EXPECT_TRUE(read.failed);
  EXPECT_EQ(read.code, WsCloseCode::kInvalidPayload);
  EXPECT_EQ(read.decided_at, fragment_at + 6 + 11);  // head, then up to 90 after f4
}

TEST(WsMessage, BinaryIsAnything) {
  Frames frames;
  frames.add(Opcode::kBinary, false, "\xff").add(Opcode::kContinuation, true, "\xfe");
  EXPECT_FALSE(frames.read().failed);
}

TEST(WsMessage, LookingTwiceChecksOnce) {
  Bytes frame;
  append_client_frame(frame, Opcode::kText, true, as_bytes("ab\xe2\x82\xac"), kKey);
  WsMessage message;
  for (std::size_t size = 0; size < frame.size(); ++size) {
    const ByteView input = ByteView(frame).first(size);
    const WsFrameStep step = next_ws_frame(input, message.rules(100));
    ASSERT_EQ(step.status, WsFrameStatus::kNeedMore);
    EXPECT_TRUE(message.can_go_on(step.head, input));
    EXPECT_TRUE(message.can_go_on(step.head, input));
  }
  const WsFrameStep step = next_ws_frame(frame, message.rules(100));
  const MutableBytes payload = MutableBytes(frame).subspan(step.head.head_bytes);
  unmask(payload, step.head.key);
  EXPECT_EQ(message.take(step.head, payload).event, WsEvent::kData);
}

TEST(WsMessage, CloseHasACodeAndAReason) {
  Frames frames;
  frames.add(Opcode::kClose, true, "\x03\xe8gone").add(Opcode::kBinary, true, "after");
  const WsTranscript read = frames.read();
  EXPECT_FALSE(read.failed);
  EXPECT_EQ(read.code, WsCloseCode::kNormal);
  EXPECT_EQ(read.records.size(), 1U);
  EXPECT_FALSE(Frames().add(Opcode::kClose, true, "").read().failed);
  expect_fails(Frames().add(Opcode::kClose, true, "\x03"), WsCloseCode::kProtocolError);
  expect_fails(Frames().add(Opcode::kClose, true, "\x03\xec"), WsCloseCode::kProtocolError);
  expect_fails(Frames().add(Opcode::kClose, true, "\x03\xe8\xff"), WsCloseCode::kInvalidPayload);
}

TEST(WsMessage, ServersDoNotMask) {
  Bytes stream;
  append_server_frame(stream, Opcode::kText, false, as_bytes("\xe2\x82"));
  append_server_frame(stream, Opcode::kContinuation, true, as_bytes("\xac"));
  const WsStreamLimits limits = {.max_message_bytes = 100, .from_client = false};
  const WsTranscript read = read_ws_stream(stream, limits, [] { return 1U; });
  EXPECT_FALSE(read.failed);
  ASSERT_EQ(read.records.size(), 1U);
  EXPECT_EQ(read.records[0], record(Opcode::kText, "\xe2\x82\xac"));
}

}  // namespace
}  // namespace ringgate
