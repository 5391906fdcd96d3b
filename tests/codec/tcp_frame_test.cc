#include "codec/tcp_frame.h"

#include <gtest/gtest.h>

#include <array>

#include "codec/packet.h"
#include "tests/codec/hex.h"

namespace ringgate {
namespace {

constexpr std::size_t kMaxPayloadBytes = 16;

FrameStep step(const Bytes& input) {
  return next_tcp_frame(input, kMaxPayloadBytes);
}

TEST(TcpFrame, GoldenPingAndPong) {
  const Bytes ping = hex("02 00000008 c315a765 0001 0000");
  const Bytes pong = hex("02 00000008 c315a765 0002 0000");
  EXPECT_EQ(ping, Bytes(kTcpPing.begin(), kTcpPing.end()));
  EXPECT_EQ(pong, Bytes(kTcpPong.begin(), kTcpPong.end()));
  const FrameStep taken = step(ping);
  ASSERT_EQ(taken.status, FrameStatus::kFrame);
  EXPECT_EQ(taken.frame.opcode, Opcode::kBinary);
  EXPECT_EQ(taken.consumed, 13U);
  EXPECT_EQ(taken.frame.payload.data(), ping.data() + 5);
  EXPECT_EQ(taken.frame.payload.size(), 8U);
}

TEST(TcpFrame, EmptyPayload) {
  const FrameStep taken = step(hex("09 00000000"));
  ASSERT_EQ(taken.status, FrameStatus::kFrame);
  EXPECT_EQ(taken.frame.opcode, Opcode::kPing);
  EXPECT_TRUE(taken.frame.payload.empty());
  EXPECT_EQ(taken.consumed, 5U);
}

TEST(TcpFrame, NeedsTheHeadThenTheWhole) {
  const Bytes frame = hex("02 00000003 616263");
  for (std::size_t size = 0; size < frame.size(); ++size) {
    const FrameStep taken = next_tcp_frame(ByteView(frame).first(size), kMaxPayloadBytes);
    EXPECT_EQ(taken.status, FrameStatus::kNeedMore) << size;
    EXPECT_EQ(taken.need, size < 5 ? kTcpFrameHeadBytes : frame.size()) << size;
  }
}

TEST(TcpFrame, LeavesTheNextFrameAlone) {
  const Bytes two = hex("02 00000001 61 01 00000001 62");
  const FrameStep first = step(two);
  ASSERT_EQ(first.status, FrameStatus::kFrame);
  EXPECT_EQ(first.consumed, 6U);
  const FrameStep second = next_tcp_frame(ByteView(two).subspan(6), kMaxPayloadBytes);
  ASSERT_EQ(second.status, FrameStatus::kFrame);
  EXPECT_EQ(second.frame.opcode, Opcode::kText);
}

TEST(TcpFrame, OneByteDecidesTheOpcode) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const std::array<std::uint8_t, 1> input = {static_cast<std::uint8_t>(byte)};
    const bool known = byte <= 2 || (byte >= 8 && byte <= 10);
    EXPECT_EQ(next_tcp_frame(input, kMaxPayloadBytes).status,
              known ? FrameStatus::kNeedMore : FrameStatus::kBadOpcode)
        << byte;
  }
}

TEST(TcpFrame, FiveBytesDecideTheLength) {
  EXPECT_EQ(step(hex("02 00000011")).status, FrameStatus::kTooLong);
  EXPECT_EQ(step(hex("02 ffffffff")).status, FrameStatus::kTooLong);
  EXPECT_EQ(step(hex("02 000000")).status, FrameStatus::kNeedMore);
  const FrameStep largest = step(hex("02 00000010"));
  EXPECT_EQ(largest.status, FrameStatus::kNeedMore);
  EXPECT_EQ(largest.need, 21U);
}

TEST(TcpFrame, BoundOfZeroTakesOnlyEmptyFrames) {
  EXPECT_EQ(next_tcp_frame(hex("02 00000000"), 0).status, FrameStatus::kFrame);
  EXPECT_EQ(next_tcp_frame(hex("02 00000001"), 0).status, FrameStatus::kTooLong);
}

TEST(TcpFrame, HeadIsBigEndian) {
  Bytes head(kTcpFrameHeadBytes);
  write_tcp_frame_head(head.data(), Opcode::kPong, 0x01020304);
  EXPECT_EQ(head, hex("0a 01020304"));
}

}  // namespace
}  // namespace ringgate
