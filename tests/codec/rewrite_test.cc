#include "codec/rewrite.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "codec/growth.h"
#include "codec/names.h"
#include "codec/tcp_frame.h"
#include "tests/codec/header_oracle.h"
#include "tests/codec/hex.h"

namespace ringgate {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20U;

// The packet in one TCP frame, or kBadMagic when it is not exactly that.
Packet unframe(const Bytes& frame) {
  const FrameStep step = next_tcp_frame(frame, kMaxBytes);
  if (step.status != FrameStatus::kFrame || step.consumed != frame.size()) return {};
  if (step.frame.opcode != Opcode::kBinary) return {};
  return parse_packet(step.frame.payload, kMaxBytes);
}

pkt::Header parse_header(ByteView header) {
  pkt::Header parsed;
  EXPECT_TRUE(parsed.ParseFromArray(header.data(), static_cast<int>(header.size())));
  return parsed;
}

Bytes packet_of(const OutgoingHeader& header, ByteView body) {
  Bytes packet(packet_bytes(header, body.size()));
  EXPECT_EQ(write_packet(packet.data(), header, body), packet.data() + packet.size());
  return packet;
}

TEST(Rewrite, GoldenSignin) {
  const OutgoingHeader header = {.command = "login.signin", .sequence = 1};
  EXPECT_EQ(packet_of(header, {}),
            hex("c311a365 00000010 0a0c6c6f67696e2e7369676e696e1801 00000000"));
}

TEST(Rewrite, GoldenDestServer) {
  const OutgoingHeader header = {.dest_server = "g1"};
  EXPECT_EQ(packet_of(header, as_bytes("b")),
            hex("c311a365 00000015 3a130a0b646573742e7365727665721202673118 01 00000001 62"));
}

TEST(Rewrite, SuffixBytes) {
  const ClientIdentity identity = {
      .channel_id = "c", .app = "k", .account = "a", .gateway_id = "g1"};
  EXPECT_EQ(suffix_of(identity), hex("120163 2000 2800"
                                     "3a0a 0a03617070 12016b 1801"
                                     "3a0e 0a076163636f756e74 120161 1801"
                                     "3a13 0a0b646573742e736572766572 12026731 1801"));
}

TEST(Rewrite, TheTextsOfASuffixStandWhereItSays) {
  const auto expect_there = [](std::size_t id_bytes, std::size_t app_bytes) {
    const std::string id(id_bytes, 'c');
    const std::string app(app_bytes, 'k');
    const ClientIdentity identity = {
        .channel_id = id, .app = app, .account = "a", .gateway_id = "g1"};
    const Bytes suffix = suffix_of(identity);
    const ClientSuffixTexts texts = client_suffix_texts(identity);
    EXPECT_EQ(as_text(suffix).substr(texts.channel_id_at, id_bytes), id);
    EXPECT_EQ(as_text(suffix).substr(texts.app_at, app_bytes), app);
  };
  // Also where a length takes a second byte.
  for (std::size_t bytes = 0; bytes <= kMaxChannelIdBytes; ++bytes) expect_there(bytes, 3);
  for (std::size_t bytes = 0; bytes <= 300; ++bytes) expect_there(20, bytes);
}

TEST(Rewrite, TheLongestSuffixIsWhatIsPromised) {
  const std::string id(kMaxChannelIdBytes, 'c');
  const std::string app(kMaxAppBytes, 'k');
  const std::string account(kMaxAccountBytes, 'a');
  const std::string gateway(kMaxServiceIdBytes, 'g');
  const ClientIdentity longest = {
      .channel_id = id, .app = app, .account = account, .gateway_id = gateway};
  EXPECT_EQ(client_suffix_bytes(longest), max_header_growth_bytes(0));
}

TEST(Rewrite, TheLongestSessionIsWhatIsPromised) {
  pkt::Session session;
  session.set_channelid(std::string(kMaxChannelIdBytes, 'c'));
  session.set_gateid(std::string(kMaxServiceIdBytes, 'g'));
  session.set_account(std::string(kMaxAccountBytes, 'a'));
  session.set_app(std::string(kMaxAppBytes, 'k'));
  session.set_remoteip("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255");
  EXPECT_EQ(session.ByteSizeLong(), max_forward_growth_bytes(0) - max_header_growth_bytes(0));
}

TEST(Rewrite, EmptyIdentityStillOverwrites) {
  pkt::Header client;
  client.set_channelid("spoofed");
  client.set_flag(pkt::Flag::Push);
  client.set_status(pkt::Status::SystemException);
  std::string bytes = client.SerializeAsString();
  const Bytes suffix = suffix_of({});
  ASSERT_FALSE(suffix.empty());
  bytes += as_text(suffix);
  const pkt::Header merged = parse_header(as_bytes(bytes));
  EXPECT_EQ(merged.channelid(), "");
  EXPECT_EQ(merged.flag(), pkt::Flag::Request);
  EXPECT_EQ(merged.status(), pkt::Status::Success);
}

TEST(Rewrite, ForwardIsOneFramedPacket) {
  const Bytes header = hex("0a0163 12057370 6f6f66 1807 2002 2864");
  const Bytes tail = hex("00000003 616263");
  const Bytes suffix = suffix_of(kOracleIdentity);
  Bytes frame(forward_bytes(header, suffix, tail));
  ASSERT_EQ(write_forward(frame.data(), header, suffix, tail), frame.data() + frame.size());
  const Packet packet = unframe(frame);
  ASSERT_EQ(packet.status, PacketStatus::kLogic);
  EXPECT_EQ(as_text(packet.body), "abc");
  EXPECT_EQ(packet.header.size(), header.size() + suffix.size());
  const pkt::Header merged = parse_header(packet.header);
  EXPECT_EQ(merged.SerializeAsString(),
            expected_forward(parse_header(header), kOracleIdentity).SerializeAsString());
  EXPECT_EQ(merged.sequence(), 7U);
}

TEST(Rewrite, ForwardOfTheSlowPathHasNoSuffix) {
  const Bytes header = hex("0a0163");
  const Bytes tail = hex("00000000");
  Bytes frame(forward_bytes(header, {}, tail));
  ASSERT_EQ(write_forward(frame.data(), header, {}, tail), frame.data() + frame.size());
  EXPECT_EQ(frame, hex("02 0000000f c311a365 00000003 0a0163 00000000"));
}

// Both dest metas in every order and place among the other fields.
TEST(Rewrite, StripsDestMetasWhereverTheyAre) {
  const Bytes server = hex("3a13 0a0b646573742e736572766572 12026731 1801");
  const Bytes channels = hex("3a14 0a0d646573742e6368616e6e656c73 120163 1800");
  const Bytes command = hex("0a0163");
  const Bytes other = hex("3a03 0a0161");
  const Bytes* parts[] = {&server, &channels, &command, &other};
  std::size_t order[] = {0, 1, 2, 3};
  do {
    Bytes header;
    Bytes rest;
    for (const std::size_t i : order) {
      header.insert(header.end(), parts[i]->begin(), parts[i]->end());
      if (i >= 2) rest.insert(rest.end(), parts[i]->begin(), parts[i]->end());
    }
    HeaderScan scan;
    ASSERT_EQ(scan_header(header, 4, scan), ScanStatus::kCanonical);
    const PushHeader stripped = strip_dest_metas(header, scan);
    EXPECT_EQ(stripped.bytes, rest.size());
    const Bytes tail = hex("00000002 6869");
    Bytes push(push_packet_bytes(stripped, tail));
    ASSERT_EQ(write_push_packet(push.data(), stripped, tail), push.data() + push.size());
    const Packet packet = parse_packet(push, kMaxBytes);
    ASSERT_EQ(packet.status, PacketStatus::kLogic);
    EXPECT_EQ(Bytes(packet.header.begin(), packet.header.end()), rest);
    EXPECT_EQ(as_text(packet.body), "hi");
  } while (std::next_permutation(std::begin(order), std::end(order)));
}

TEST(Rewrite, StripLeavesNothingOfAHeaderOfDestMetasOnly) {
  const Bytes header = hex("3a0d 0a0b646573742e736572766572 3a0f 0a0d646573742e6368616e6e656c73");
  HeaderScan scan;
  ASSERT_EQ(scan_header(header, 2, scan), ScanStatus::kCanonical);
  EXPECT_EQ(strip_dest_metas(header, scan).bytes, 0U);
}

TEST(Rewrite, WrittenPacketIsWhatProtobufReads) {
  const std::string long_text(300, 'x');
  const OutgoingHeader header = {.command = "chat.user.talk",
                                 .channel_id = long_text,
                                 .sequence = 0xffffffff,
                                 .flag = Flag::kPush,
                                 .status = Status::kSessionNotFound,
                                 .dest = "bob",
                                 .app = "kim",
                                 .account = "alice",
                                 .dest_server = "g1",
                                 .dest_channels = long_text};
  const Bytes body = hex("00ff");
  const Bytes bytes = packet_of(header, body);
  const Packet packet = parse_packet(bytes, kMaxBytes);
  ASSERT_EQ(packet.status, PacketStatus::kLogic);
  EXPECT_EQ(Bytes(packet.body.begin(), packet.body.end()), body);
  const pkt::Header read = parse_header(packet.header);
  EXPECT_EQ(read.command(), "chat.user.talk");
  EXPECT_EQ(read.channelid(), long_text);
  EXPECT_EQ(read.sequence(), 0xffffffffU);
  EXPECT_EQ(read.flag(), pkt::Flag::Push);
  EXPECT_EQ(read.status(), pkt::Status::SessionNotFound);
  EXPECT_EQ(read.dest(), "bob");
  ASSERT_EQ(read.meta_size(), 4);
  const std::pair<std::string, std::string> expected[] = {
      {"app", "kim"}, {"account", "alice"}, {"dest.server", "g1"}, {"dest.channels", long_text}};
  for (int i = 0; i < read.meta_size(); ++i) {
    EXPECT_EQ(read.meta(i).key(), expected[i].first);
    EXPECT_EQ(read.meta(i).value(), expected[i].second);
    EXPECT_EQ(read.meta(i).type(), pkt::MetaType::string);
  }
  EXPECT_EQ(read.SerializeAsString(), as_text(packet.header));
}

TEST(Rewrite, FramedPacketIsThePacketInAFrame) {
  const OutgoingHeader header = {
      .command = "chat.user.talk", .sequence = 300, .flag = Flag::kResponse};
  const Bytes body(200, 7);
  Bytes frame(framed_packet_bytes(header, body.size()));
  ASSERT_EQ(write_framed_packet(frame.data(), header, body), frame.data() + frame.size());
  const FrameStep step = next_tcp_frame(frame, kMaxBytes);
  ASSERT_EQ(step.status, FrameStatus::kFrame);
  EXPECT_EQ(step.consumed, frame.size());
  EXPECT_EQ(step.frame.opcode, Opcode::kBinary);
  EXPECT_EQ(Bytes(step.frame.payload.begin(), step.frame.payload.end()), packet_of(header, body));
}

TEST(Rewrite, EmptyHeaderIsTwelveBytes) {
  EXPECT_EQ(packet_of({}, {}), hex("c311a365 00000000 00000000"));
}

}  // namespace
}  // namespace ringgate
