#include "codec/header_scan.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/codec/header_oracle.h"
#include "tests/codec/hex.h"
#include "tests/codec/odd_headers.h"

namespace ringgate {
namespace {

constexpr std::uint32_t kMaxMetas = 16;

ScanStatus scan_status(const Bytes& header) {
  HeaderScan scan;
  return scan_header(header, kMaxMetas, scan);
}

TEST(HeaderScan, GoldenSignin) {
  const Bytes header = hex("0a0c6c6f67696e2e7369676e696e1801");
  HeaderScan scan;
  ASSERT_EQ(scan_header(header, kMaxMetas, scan), ScanStatus::kCanonical);
  EXPECT_EQ(scan.command, "login.signin");
  EXPECT_EQ(scan.sequence, 1U);
  EXPECT_EQ(scan.channel_id, "");
  EXPECT_EQ(scan.dest, "");
  EXPECT_EQ(scan.flag, 0U);
  EXPECT_EQ(scan.status, 0U);
  EXPECT_EQ(scan.metas, 0U);
  EXPECT_FALSE(scan.has_reserved);
}

TEST(HeaderScan, GoldenDestServer) {
  const Bytes header = hex("1801 3a13 0a0b646573742e736572766572 12026731 1801 2801");
  HeaderScan scan;
  ASSERT_EQ(scan_header(header, kMaxMetas, scan), ScanStatus::kCanonical);
  EXPECT_TRUE(scan.has_reserved);
  EXPECT_EQ(scan.metas, 1U);
  EXPECT_EQ(scan.dest_server.count, 1U);
  EXPECT_EQ(scan.dest_server.value, "g1");
  EXPECT_EQ(scan.dest_server.type, MetaType::kString);
  EXPECT_EQ(scan.dest_server.begin, 2U);
  EXPECT_EQ(scan.dest_server.end, 23U);
  EXPECT_EQ(scan.dest_channels.count, 0U);
}

TEST(HeaderScan, EmptyHeaderIsCanonical) {
  HeaderScan scan;
  EXPECT_EQ(scan_header({}, 0, scan), ScanStatus::kCanonical);
  EXPECT_EQ(scan.command, "");
}

TEST(HeaderScan, OldContentsOfTheScanAreForgotten) {
  pkt::Header full;
  full.set_command("c");
  full.set_channelid("i");
  full.set_dest("d");
  full.set_sequence(1);
  full.set_flag(pkt::Flag::Push);
  full.set_status(pkt::Status::NoDestination);
  for (const char* key : {"app", "account", "dest.server", "dest.channels"}) {
    pkt::Meta* meta = full.add_meta();
    meta->set_key(key);
    meta->set_value("v");
    meta->set_type(pkt::MetaType::string);
  }
  const std::string bytes = full.SerializeAsString();
  HeaderScan scan;
  ASSERT_EQ(scan_header(as_bytes(bytes), kMaxMetas, scan), ScanStatus::kCanonical);
  ASSERT_TRUE(scan.has_reserved);
  ASSERT_EQ(scan_header({}, kMaxMetas, scan), ScanStatus::kCanonical);
  EXPECT_EQ(scan.command, "");
  EXPECT_EQ(scan.channel_id, "");
  EXPECT_EQ(scan.dest, "");
  EXPECT_EQ(scan.sequence + scan.flag + scan.status + scan.metas, 0U);
  EXPECT_FALSE(scan.has_reserved);
  for (const MetaField& field : {scan.app, scan.account, scan.dest_server, scan.dest_channels}) {
    EXPECT_EQ(field.count + field.begin + field.end, 0U);
    EXPECT_EQ(field.value, "");
    EXPECT_EQ(field.type, MetaType::kInt);
  }
}

TEST(HeaderScan, LegalButUnusualIsCanonical) {
  for (const char* text : {
           "2000", "2800", "1800", "0a00", "3200",  // defaults spelt out
           "2863 18ffffffff0f 0a0161",              // another order of fields
           "20ffffffff0f",                          // an unknown flag of 32 bits
           "3a00",                                  // an empty meta
           "3a05 1800 120161",                      // a meta without key, fields in another order
           "0a03e282ac", "3204f09f9880",            // text beyond ASCII
           "0a0100",                                // a zero byte in a text
           "3a05 0a0161 1802",                      // a float
       }) {
    EXPECT_EQ(scan_status(hex(text)), ScanStatus::kCanonical) << text;
  }
}

TEST(HeaderScan, OddHeadersAreNeverCanonical) {
  SlowPath slow;
  for (const OddHeader& odd : kOddHeaders) {
    EXPECT_EQ(scan_status(hex(odd.hex)), ScanStatus::kNotCanonical) << odd.name;
    pkt::Header header;
    EXPECT_EQ(header.ParseFromString(std::string(as_text(hex(odd.hex)))), odd.parses) << odd.name;
    EXPECT_EQ(judge_header(hex(odd.hex), slow), "") << odd.name;
  }
}

TEST(HeaderScan, OddHeadersAreNotMadeCanonicalByTheirNeighbours) {
  SlowPath slow;
  const Bytes before = hex("0a0e636861742e757365722e74616c6b");
  const Bytes after = hex("3a05 0a0161 1801");
  for (const OddHeader& odd : kOddHeaders) {
    Bytes whole = before;
    const Bytes middle = hex(odd.hex);
    whole.insert(whole.end(), middle.begin(), middle.end());
    whole.insert(whole.end(), after.begin(), after.end());
    EXPECT_NE(scan_status(whole), ScanStatus::kCanonical) << odd.name;
    EXPECT_EQ(judge_header(whole, slow), "") << odd.name;
  }
}

TEST(HeaderScan, SequenceTakesAllOf32Bits) {
  for (unsigned bit = 0; bit < 32; ++bit) {
    for (const std::uint32_t sequence : {1U << bit, (1U << bit) - 1U, ~0U << bit}) {
      pkt::Header header;
      header.set_command("a");
      header.set_sequence(sequence);
      const std::string bytes = header.SerializeAsString();
      HeaderScan scan;
      ASSERT_EQ(scan_header(as_bytes(bytes), kMaxMetas, scan), ScanStatus::kCanonical) << sequence;
      EXPECT_EQ(scan.sequence, sequence);
    }
  }
}

TEST(HeaderScan, MetasAreBounded) {
  const Bytes three = hex("3a030a0161 3a030a0162 3a030a0163");
  HeaderScan scan;
  EXPECT_EQ(scan_header(three, 3, scan), ScanStatus::kCanonical);
  EXPECT_EQ(scan.metas, 3U);
  EXPECT_EQ(scan_header(three, 2, scan), ScanStatus::kTooManyMetas);
  EXPECT_EQ(scan_header(three, 0, scan), ScanStatus::kTooManyMetas);
}

TEST(HeaderScan, RepeatedReservedMetaIsCounted) {
  const Bytes header = hex("3a08 0a03617070 120178 3a0a 0a03617070 120179 1801 3a03 0a0161");
  HeaderScan scan;
  ASSERT_EQ(scan_header(header, kMaxMetas, scan), ScanStatus::kCanonical);
  EXPECT_EQ(scan.app.count, 2U);
  EXPECT_EQ(scan.app.value, "x");
  EXPECT_EQ(scan.app.type, MetaType::kInt);
  EXPECT_EQ(scan.app.begin, 0U);
  EXPECT_EQ(scan.app.end, 10U);
  EXPECT_EQ(scan.metas, 3U);
}

TEST(HeaderScan, ReservedKeysAreExact) {
  for (const char* key : {"app", "account", "dest.server", "dest.channels"}) {
    EXPECT_TRUE(is_reserved_meta(key)) << key;
    pkt::Header header;
    header.add_meta()->set_key(key);
    HeaderScan scan;
    ASSERT_EQ(scan_header(as_bytes(header.SerializeAsString()), kMaxMetas, scan),
              ScanStatus::kCanonical);
    EXPECT_TRUE(scan.has_reserved) << key;
  }
  for (const char* key : {"", "App", "apps", "ap", "accoun", "account ", "dest", "dest.serveR",
                          "dest.channel", "abc", "dest.channelz"}) {
    EXPECT_FALSE(is_reserved_meta(key)) << key;
    pkt::Header header;
    header.add_meta()->set_key(key);
    HeaderScan scan;
    ASSERT_EQ(scan_header(as_bytes(header.SerializeAsString()), kMaxMetas, scan),
              ScanStatus::kCanonical);
    EXPECT_FALSE(scan.has_reserved) << key;
  }
}

// Nothing is read past the end: each cut has a heap block of its own for the sanitizer to guard.
TEST(HeaderScan, EveryCutIsJudgedAlike) {
  pkt::Header header;
  header.set_command("chat.user.talk");
  header.set_channelid("g1_alice_1");
  header.set_sequence(300);
  header.set_flag(pkt::Flag::Push);
  header.set_status(pkt::Status::SessionNotFound);
  header.set_dest(std::string(200, 'b'));
  header.add_meta()->set_key("dest.server");
  header.add_meta()->set_key("other");
  const std::string whole = header.SerializeAsString();
  SlowPath slow;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(judge_header(cut, slow), "") << size;
  }
}

}  // namespace
}  // namespace ringgate
