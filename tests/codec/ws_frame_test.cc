#include "codec/ws_frame.h"

#include <gtest/gtest.h>

#include "codec/packet.h"
#include "tests/codec/hex.h"

namespace ringgate {
namespace {

constexpr WsFrameRules kClient = {.max_data_bytes = 70'000};
constexpr WsFrameRules kClientInMessage = {.max_data_bytes = 70'000, .in_message = true};
constexpr WsFrameRules kServer = {.max_data_bytes = 70'000, .from_client = false};

std::string payload_of(Bytes frame, const WsFrameStep& step) {
  const MutableBytes payload =
      MutableBytes(frame).subspan(step.head.head_bytes, step.head.payload_bytes);
  unmask(payload, step.head.key);
  return std::string(as_text(payload));
}

void expect_hello(std::string_view frame_hex, const WsFrameRules& rules, Opcode opcode) {
  const Bytes frame = hex(frame_hex);
  const WsFrameStep step = next_ws_frame(frame, rules);
  ASSERT_EQ(step.status, WsFrameStatus::kFrame) << frame_hex;
  EXPECT_EQ(step.head.opcode, opcode);
  EXPECT_TRUE(step.head.fin);
  EXPECT_EQ(step.consumed, frame.size());
  EXPECT_EQ(payload_of(frame, step), "Hello");
}

// RFC 6455, section 5.7.
TEST(WsFrame, ExamplesOfTheRfc) {
  expect_hello("81 05 48656c6c6f", kServer, Opcode::kText);
  expect_hello("81 85 37fa213d 7f9f4d5158", kClient, Opcode::kText);
  expect_hello("89 05 48656c6c6f", kServer, Opcode::kPing);
  expect_hello("8a 85 37fa213d 7f9f4d5158", kClient, Opcode::kPong);
  const WsFrameStep first = next_ws_frame(hex("01 03 48656c"), kServer);
  EXPECT_EQ(first.status, WsFrameStatus::kFrame);
  EXPECT_FALSE(first.head.fin);
  WsFrameRules in_message = kServer;
  in_message.in_message = true;
  const WsFrameStep second = next_ws_frame(hex("80 02 6c6f"), in_message);
  EXPECT_EQ(second.status, WsFrameStatus::kFrame);
  EXPECT_TRUE(second.head.fin);
  EXPECT_EQ(next_ws_frame(hex("82 7e 0100"), kServer).need, 4U + 256);
  EXPECT_EQ(next_ws_frame(hex("82 7f 0000000000010000"), kServer).need, 10U + 65'536);
}

TEST(WsFrame, HeadsOfTheRfc) {
  Bytes head(kMaxWsFrameHeadBytes);
  const auto written = [&head](std::size_t payload_bytes) {
    std::uint8_t* const end = write_ws_frame_head(head.data(), Opcode::kBinary, payload_bytes);
    EXPECT_EQ(static_cast<std::size_t>(end - head.data()), ws_frame_head_bytes(payload_bytes));
    return Bytes(head.data(), end);
  };
  EXPECT_EQ(written(0), hex("82 00"));
  EXPECT_EQ(written(125), hex("82 7d"));
  EXPECT_EQ(written(126), hex("82 7e 007e"));
  EXPECT_EQ(written(65'535), hex("82 7e ffff"));
  EXPECT_EQ(written(65'536), hex("82 7f 0000000000010000"));
  std::uint8_t* const end =
      write_ws_client_head(head.data(), Opcode::kText, 5, {0x37, 0xfa, 0x21, 0x3d});
  EXPECT_EQ(Bytes(head.data(), end), hex("81 85 37fa213d"));
}

TEST(WsFrame, ThePongIsABasicPongInABinaryFrame) {
  const WsFrameStep step = next_ws_frame(kWsPong, kServer);
  ASSERT_EQ(step.status, WsFrameStatus::kFrame);
  EXPECT_EQ(step.consumed, kWsPong.size());
  EXPECT_EQ(step.head.opcode, Opcode::kBinary);
  const Packet packet = parse_packet(ByteView(kWsPong).subspan(step.head.head_bytes), 0);
  EXPECT_EQ(packet.status, PacketStatus::kBasic);
  EXPECT_EQ(packet.code, kBasicPong);
}

TEST(WsFrame, OneByteDecidesOpcodeReservedBitsAndSequence) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const std::array<std::uint8_t, 1> input = {static_cast<std::uint8_t>(byte)};
    const unsigned opcode = byte & 0x0fU;
    const bool fin = byte >= 0x80;
    const bool known = opcode <= 2 || (opcode >= 8 && opcode <= 10);
    const auto judged = [&](bool in_message) {
      if ((byte & 0x70U) != 0) return WsFrameStatus::kReservedBits;
      if (!known) return WsFrameStatus::kBadOpcode;
      if (opcode >= 8) return fin ? WsFrameStatus::kNeedMore : WsFrameStatus::kBadControl;
      return (opcode == 0) == in_message ? WsFrameStatus::kNeedMore : WsFrameStatus::kBadSequence;
    };
    EXPECT_EQ(next_ws_frame(input, kClient).status, judged(false)) << byte;
    EXPECT_EQ(next_ws_frame(input, kClientInMessage).status, judged(true)) << byte;
  }
}

TEST(WsFrame, TwoBytesDecideMaskAndControlLength) {
  EXPECT_EQ(next_ws_frame(hex("82 05"), kClient).status, WsFrameStatus::kBadMask);
  EXPECT_EQ(next_ws_frame(hex("82 00"), kClient).status, WsFrameStatus::kBadMask);
  EXPECT_EQ(next_ws_frame(hex("82 85"), kServer).status, WsFrameStatus::kBadMask);
  for (const char* head : {"88 fe", "89 fe", "8a fe", "88 ff", "89 ff"}) {
    EXPECT_EQ(next_ws_frame(hex(head), kClient).status, WsFrameStatus::kBadControl) << head;
  }
  EXPECT_EQ(next_ws_frame(hex("89 fd"), kClient).need, 6U + 125);
}

TEST(WsFrame, ControlFramesKnowNoDataBound) {
  const WsFrameRules nothing_left = {.max_data_bytes = 0, .in_message = true};
  EXPECT_EQ(next_ws_frame(hex("89 fd 00000000"), nothing_left).need, 6U + 125);
  EXPECT_EQ(next_ws_frame(hex("80 80 00000000"), nothing_left).status, WsFrameStatus::kFrame);
  EXPECT_EQ(next_ws_frame(hex("80 81"), nothing_left).status, WsFrameStatus::kTooLong);
}

TEST(WsFrame, LengthsHaveTheirShortestForm) {
  EXPECT_EQ(next_ws_frame(hex("82 fe 007d"), kClient).status, WsFrameStatus::kBadLength);
  EXPECT_EQ(next_ws_frame(hex("82 fe 0000"), kClient).status, WsFrameStatus::kBadLength);
  EXPECT_EQ(next_ws_frame(hex("82 fe 007e"), kClient).need, 8U + 126);
  EXPECT_EQ(next_ws_frame(hex("82 ff 000000000000ffff"), kClient).status,
            WsFrameStatus::kBadLength);
  EXPECT_EQ(next_ws_frame(hex("82 ff 0000000000010000"), kClient).need, 14U + 65'536);
  EXPECT_EQ(next_ws_frame(hex("82 ff 8000000000010000"), kClient).status,
            WsFrameStatus::kBadLength);
}

TEST(WsFrame, LengthsAboveTheBoundAreRefusedWithTheirLastByte) {
  const WsFrameRules small = {.max_data_bytes = 200};
  EXPECT_EQ(next_ws_frame(hex("82 fe 00"), small).status, WsFrameStatus::kNeedMore);
  EXPECT_EQ(next_ws_frame(hex("82 fe 00c9"), small).status, WsFrameStatus::kTooLong);
  EXPECT_EQ(next_ws_frame(hex("82 fe 00c8"), small).need, 208U);
  EXPECT_EQ(next_ws_frame(hex("82 ff 7fffffffffffffff"), small).status, WsFrameStatus::kTooLong);
  const WsFrameRules tiny = {.max_data_bytes = 5};
  EXPECT_EQ(next_ws_frame(hex("82 86"), tiny).status, WsFrameStatus::kTooLong);
  EXPECT_EQ(next_ws_frame(hex("82 85"), tiny).need, 11U);
}

TEST(WsFrame, NeedsTheShortestHeadThenTheHeadThenTheWhole) {
  Bytes frame = hex("82 fe 0080 01020304");
  frame.resize(8 + 128);
  for (std::size_t size = 0; size < frame.size(); ++size) {
    const WsFrameStep step = next_ws_frame(ByteView(frame).first(size), kClient);
    ASSERT_EQ(step.status, WsFrameStatus::kNeedMore) << size;
    EXPECT_EQ(step.need, size < 2 ? 6U : size < 4 ? 8U : frame.size()) << size;
    EXPECT_EQ(step.head.head_bytes, size < 8 ? 0U : 8U) << size;
    EXPECT_EQ(step.head.payload_bytes, size < 8 ? 0U : 128U) << size;
  }
  frame.push_back(0x82);
  const WsFrameStep step = next_ws_frame(frame, kClient);
  EXPECT_EQ(step.status, WsFrameStatus::kFrame);
  EXPECT_EQ(step.consumed, frame.size() - 1);
  EXPECT_EQ(step.head.key, (WsMaskKey{1, 2, 3, 4}));
}

TEST(WsFrame, CloseCodes) {
  EXPECT_EQ(close_code_of(WsFrameStatus::kTooLong), WsCloseCode::kTooBig);
  for (const WsFrameStatus status :
       {WsFrameStatus::kReservedBits, WsFrameStatus::kBadOpcode, WsFrameStatus::kBadSequence,
        WsFrameStatus::kBadControl, WsFrameStatus::kBadMask, WsFrameStatus::kBadLength}) {
    EXPECT_EQ(close_code_of(status), WsCloseCode::kProtocolError);
  }
}

}  // namespace
}  // namespace ringgate
