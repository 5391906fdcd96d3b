#include "codec/packet.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/codec/hex.h"

namespace ringgate {
namespace {

constexpr std::size_t kMaxHeaderBytes = 16;

Packet parse(const Bytes& payload) {
  return parse_packet(payload, kMaxHeaderBytes);
}
PacketStatus status(std::string_view text) {
  return parse(hex(text)).status;
}

constexpr std::string_view kGolden = "c311a365 00000010 0a0c6c6f67696e2e7369676e696e1801 00000000";

TEST(Packet, GoldenLogic) {
  const Bytes payload = hex(kGolden);
  const Packet packet = parse(payload);
  ASSERT_EQ(packet.status, PacketStatus::kLogic);
  EXPECT_EQ(packet.header.data(), payload.data() + 8);
  EXPECT_EQ(packet.header.size(), 16U);
  EXPECT_TRUE(packet.body.empty());
  EXPECT_EQ(packet.tail.size(), 4U);
}

TEST(Packet, BodyAndTail) {
  const Bytes payload = hex("c311a365 00000002 1801 00000003 616263");
  const Packet packet = parse(payload);
  ASSERT_EQ(packet.status, PacketStatus::kLogic);
  EXPECT_EQ(as_text(packet.body), "abc");
  EXPECT_EQ(packet.tail.data(), payload.data() + 10);
  EXPECT_EQ(packet.tail.size(), 7U);
  EXPECT_EQ(as_text(body_of_tail(packet.tail)), "abc");
  Bytes tail = hex("00000000 616263");
  write_body_length(tail.data(), 3);
  EXPECT_EQ(as_text(tail), as_text(packet.tail));
}

TEST(Packet, EmptyHeader) {
  const Bytes payload = hex("c311a365 00000000 00000001 61");
  const Packet packet = parse(payload);
  ASSERT_EQ(packet.status, PacketStatus::kLogic);
  EXPECT_TRUE(packet.header.empty());
  EXPECT_EQ(as_text(packet.body), "a");
}

TEST(Packet, Basic) {
  const Packet ping = parse(hex("c315a765 0001 0000"));
  ASSERT_EQ(ping.status, PacketStatus::kBasic);
  EXPECT_EQ(ping.code, kBasicPing);
  const Bytes payload = hex("c315a765 0102 0003 616263");
  const Packet other = parse(payload);
  ASSERT_EQ(other.status, PacketStatus::kBasic);
  EXPECT_EQ(other.code, 0x0102);
  EXPECT_EQ(as_text(other.body), "abc");
  EXPECT_TRUE(other.header.empty());
  EXPECT_TRUE(other.tail.empty());
}

TEST(Packet, BasicIsWrittenAsItIsRead) {
  for (const std::string_view body : {std::string_view{}, std::string_view{"echo this"}}) {
    Bytes packet(kBasicHeadBytes + body.size());
    EXPECT_EQ(write_basic_packet(packet.data(), kBasicPong, as_bytes(body)),
              packet.data() + packet.size());
    const Packet read = parse(packet);
    EXPECT_EQ(read.status, PacketStatus::kBasic);
    EXPECT_EQ(read.code, kBasicPong);
    EXPECT_EQ(as_text(read.body), body);
  }
  Bytes pong(kBasicHeadBytes);
  write_basic_packet(pong.data(), kBasicPong, {});
  EXPECT_EQ(as_text(pong), as_text(ByteView(kTcpPong).subspan(kTcpPong.size() - kBasicHeadBytes)));
}

TEST(Packet, BadMagic) {
  EXPECT_EQ(status(""), PacketStatus::kBadMagic);
  EXPECT_EQ(status("c311a3"), PacketStatus::kBadMagic);
  EXPECT_EQ(status("c311a366 00000000 00000000"), PacketStatus::kBadMagic);
  EXPECT_EQ(status("c311a765 00000000 00000000"), PacketStatus::kBadMagic);
}

TEST(Packet, LengthsMustAddUp) {
  EXPECT_EQ(status("c311a365 00000001 18 00000001"), PacketStatus::kBadLength);     // body short
  EXPECT_EQ(status("c311a365 00000001 18 00000000 61"), PacketStatus::kBadLength);  // left over
  EXPECT_EQ(status("c311a365 00000001 18 ffffffff 61"), PacketStatus::kBadLength);  // far short
  EXPECT_EQ(status("c311a365 00000001 00000000"), PacketStatus::kBadLength);        // no header
  EXPECT_EQ(status("c311a365 00000010 00000000"), PacketStatus::kBadLength);        // header short
  EXPECT_EQ(status("c311a365 00000000"), PacketStatus::kBadLength);  // no body length
  EXPECT_EQ(status("c315a765 0001 0001"), PacketStatus::kBadLength);
  EXPECT_EQ(status("c315a765 0001 0000 61"), PacketStatus::kBadLength);
  EXPECT_EQ(status("c315a765 0001 ffff 61"), PacketStatus::kBadLength);
}

TEST(Packet, CutAnywhereIsRefused) {
  const Bytes logic = hex("c311a365 00000002 1801 00000003 616263");
  const Bytes basic = hex("c315a765 0001 0003 616263");
  for (const Bytes& whole : {logic, basic}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(parse(cut).status, size < 4 ? PacketStatus::kBadMagic : PacketStatus::kBadLength)
          << size;
    }
  }
}

TEST(Packet, HeaderBound) {
  const std::string sixteen(32, '0');
  EXPECT_EQ(status("c311a365 00000010" + sixteen + "00000000"), PacketStatus::kLogic);
  EXPECT_EQ(status("c311a365 00000011" + sixteen + "00 00000000"), PacketStatus::kHeaderTooLong);
  EXPECT_EQ(status("c311a365 ffffffff"), PacketStatus::kHeaderTooLong);
}

}  // namespace
}  // namespace ringgate
