#include "codec/header_slow.h"

#include <gtest/gtest.h>

#include <string>

#include "codec/growth.h"
#include "codec/names.h"
#include "tests/codec/header_oracle.h"
#include "tests/codec/hex.h"

namespace ringgate {
namespace {

pkt::Header parse_header(ByteView header) {
  pkt::Header parsed;
  EXPECT_TRUE(parsed.ParseFromArray(header.data(), static_cast<int>(header.size())));
  return parsed;
}

void add_meta(pkt::Header& header, const std::string& key, const std::string& value) {
  pkt::Meta* meta = header.add_meta();
  meta->set_key(key);
  meta->set_value(value);
  meta->set_type(pkt::MetaType::string);
}

pkt::Header push_from_service() {
  pkt::Header header;
  header.set_command("chat.user.talk");
  header.set_channelid("g1_alice_1");
  header.set_sequence(9);
  header.set_flag(pkt::Flag::Push);
  header.set_status(pkt::Status::NoDestination);
  header.set_dest("bob");
  add_meta(header, "trace", "1");
  add_meta(header, "dest.server", "g1");
  add_meta(header, "dest.channels", "g1_bob_1,g1_bob_2");
  add_meta(header, "dest.channels", "again");
  return header;
}

TEST(SlowPath, ParseFillsTheScan) {
  SlowPath slow;
  HeaderScan scan;
  const std::string bytes = push_from_service().SerializeAsString();
  ASSERT_TRUE(slow.parse(as_bytes(bytes), scan));
  EXPECT_EQ(scan.command, "chat.user.talk");
  EXPECT_EQ(scan.channel_id, "g1_alice_1");
  EXPECT_EQ(scan.sequence, 9U);
  EXPECT_EQ(scan.flag, 2U);
  EXPECT_EQ(scan.status, 100U);
  EXPECT_EQ(scan.dest, "bob");
  EXPECT_EQ(scan.metas, 4U);
  EXPECT_TRUE(scan.has_reserved);
  EXPECT_EQ(scan.dest_server.count, 1U);
  EXPECT_EQ(scan.dest_server.value, "g1");
  EXPECT_EQ(scan.dest_server.type, MetaType::kString);
  EXPECT_EQ(scan.dest_channels.count, 2U);
  EXPECT_EQ(scan.dest_channels.value, "g1_bob_1,g1_bob_2");
  EXPECT_EQ(scan.app.count, 0U);
}

TEST(SlowPath, LastScalarAndLastKeyWinAsWithProtobuf) {
  SlowPath slow;
  HeaderScan scan;
  ASSERT_TRUE(slow.parse(hex("0a0161 0a0162 1801 9800 05 3a08 0a0161 0a03617070"), scan));
  EXPECT_EQ(scan.command, "b");
  EXPECT_EQ(scan.sequence, 5U);
  EXPECT_EQ(scan.app.count, 1U);
}

TEST(SlowPath, NegativeAndUnknownEnumsAreNobodysValue) {
  SlowPath slow;
  HeaderScan scan;
  ASSERT_TRUE(slow.parse(hex("20 ffffffffffffffffff01 3a08 0a03617070 188102"), scan));
  EXPECT_EQ(scan.flag, 0xffffffffU);
  EXPECT_NE(scan.app.type, MetaType::kString);  // 257 is not 1
}

TEST(SlowPath, ForwardDropsWhatAClientMayNotSet) {
  pkt::Header client = push_from_service();
  add_meta(client, "app", "root");
  add_meta(client, "account", "mallory");
  SlowPath slow;
  HeaderScan scan;
  ASSERT_TRUE(slow.parse(as_bytes(client.SerializeAsString()), scan));
  const pkt::Header forwarded = parse_header(slow.rewrite_for_forward(kOracleIdentity));
  EXPECT_EQ(forwarded.SerializeAsString(),
            expected_forward(client, kOracleIdentity).SerializeAsString());
  ASSERT_EQ(forwarded.meta_size(), 4);
  EXPECT_EQ(forwarded.meta(0).key(), "trace");
  EXPECT_EQ(forwarded.meta(2).value(), "alice");
  EXPECT_EQ(forwarded.sequence(), 9U);
  EXPECT_EQ(forwarded.flag(), pkt::Flag::Request);
}

TEST(SlowPath, PushDropsOnlyDestMetas) {
  pkt::Header header = push_from_service();
  add_meta(header, "app", "kim");
  SlowPath slow;
  HeaderScan scan;
  ASSERT_TRUE(slow.parse(as_bytes(header.SerializeAsString()), scan));
  const pkt::Header pushed = parse_header(slow.rewrite_for_push());
  EXPECT_EQ(pushed.SerializeAsString(), expected_push(header).SerializeAsString());
  ASSERT_EQ(pushed.meta_size(), 2);
  EXPECT_EQ(pushed.meta(1).key(), "app");
}

TEST(SlowPath, UnknownFieldsStayButNotMistypedOnes) {
  SlowPath slow;
  HeaderScan scan;
  // Number 9 is nobody's; number 2 as a varint and 7 as a group are ours, mistyped.
  ASSERT_TRUE(slow.parse(hex("4a0161 1001 3b 0a03617070 3c 0a0163"), scan));
  const ByteView forwarded = slow.rewrite_for_forward(kOracleIdentity);
  std::string expected;
  pkt::Header known;
  known.set_command("c");
  expected = expected_forward(known, kOracleIdentity).SerializeAsString() + "\x4a\x01\x61";
  EXPECT_EQ(as_text(forwarded), expected);
}

TEST(SlowPath, WhatProtobufRefusesIsRefusedAndForgotten) {
  SlowPath slow;
  HeaderScan scan;
  ASSERT_TRUE(slow.parse(hex("0a0161"), scan));
  EXPECT_FALSE(slow.parse(hex("0a0162 0a05"), scan));
  EXPECT_EQ(scan.command, "");
  EXPECT_TRUE(slow.rewrite_for_push().empty());
}

// The type of a meta in five bytes, which protobuf writes in ten: with it the meta's own length
// takes a byte more.
TEST(SlowPath, GrowsByWhatIsPromisedAtMost) {
  constexpr std::size_t kMetas = 20;
  std::string header = "\x0a\x01\x63";
  const std::string key(116, 'k');
  for (std::size_t i = 0; i < kMetas; ++i) {
    header += "\x3a\x7c\x0a\x74" + key + "\x18\xff\xff\xff\xff\x0f";
  }
  const std::string id(kMaxChannelIdBytes, 'c');
  const std::string app(kMaxAppBytes, 'k');
  const std::string account(kMaxAccountBytes, 'a');
  const std::string gateway(kMaxServiceIdBytes, 'g');
  SlowPath slow;
  HeaderScan scan;
  ASSERT_TRUE(slow.parse(as_bytes(header), scan));
  ASSERT_EQ(scan.metas, kMetas);
  // Request and Success are left out where protobuf writes them.
  constexpr std::size_t kFlagAndStatusBytes = 4;
  EXPECT_EQ(slow.rewrite_for_forward({id, app, account, gateway}).size() + kFlagAndStatusBytes,
            header.size() + max_header_growth_bytes(kMetas));
}

TEST(SlowPath, MetasCanBeCountedBeforeAnythingIsBuilt) {
  const std::string five = "\x08\x01" + std::string("\x3a\x00\x3a\x00\x3a\x00\x3a\x00\x3a\x00", 10);
  EXPECT_TRUE(has_more_metas(as_bytes(five), 4));
  EXPECT_FALSE(has_more_metas(as_bytes(five), 5));
  EXPECT_TRUE(has_more_metas(as_bytes("\x43" + five), 4)) << "also in a group";
  EXPECT_FALSE(has_more_metas(as_bytes("\xff" + five), 4)) << "protobuf refuses it anyway";
  EXPECT_FALSE(has_more_metas({}, 0));
}

TEST(SlowPath, DeepGroupsAreRefused) {
  SlowPath slow;
  HeaderScan scan;
  Bytes deep(100'000, 0x43);
  deep.insert(deep.end(), 100'000, 0x44);
  EXPECT_FALSE(slow.parse(deep, scan));
}

TEST(SlowPath, IsReused) {
  SlowPath slow;
  HeaderScan scan;
  const std::string header = push_from_service().SerializeAsString();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(slow.parse(hex("0a0161 0a0162"), scan));
    EXPECT_EQ(scan.command, "b");
    EXPECT_EQ(scan.metas, 0U);
    ASSERT_TRUE(slow.parse(as_bytes(header), scan));
    EXPECT_EQ(scan.metas, 4U);
    EXPECT_EQ(parse_header(slow.rewrite_for_push()).meta_size(), 1);
  }
}

}  // namespace
}  // namespace ringgate
