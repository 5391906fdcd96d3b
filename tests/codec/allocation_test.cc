// Replaces operator new to see what the codec takes from the heap: the fast path nothing, the slow
// path never more over time.
#include <gtest/gtest.h>

#include <string>

#include "codec/login_scan.h"
#include "codec/tcp_frame.h"
#include "tests/codec/header_oracle.h"
#include "tests/common/counted_new.h"

namespace ringgate {
namespace {

TEST(Allocation, CounterSeesTheSlowPath) {
  const std::size_t before = test::allocations();
  SlowPath slow;
  EXPECT_GT(test::allocations(), before);
}

TEST(Allocation, FastPathTakesNothing) {
  pkt::Header header;
  header.set_command("chat.user.talk");
  header.set_sequence(70'000);
  header.set_dest("bob \xe2\x82\xac");
  const std::string client = header.SerializeAsString();
  header.add_meta()->set_key("dest.server");
  header.add_meta()->set_key("dest.channels");
  const std::string service = header.SerializeAsString();
  const Bytes suffix = suffix_of(kOracleIdentity);
  const Bytes tail = hex("00000000");
  Bytes out(1024);
  HeaderScan scan;
  ASSERT_EQ(scan_header(as_bytes(client), 8, scan),
            ScanStatus::kCanonical);  // picks simdjson's code
  const std::size_t before = test::allocations();
  std::size_t wrong = 0;
  for (int i = 0; i < 1'000; ++i) {
    wrong += scan_header(as_bytes(client), 8, scan) != ScanStatus::kCanonical;
    const std::uint8_t* end = write_forward(out.data(), as_bytes(client), suffix, tail);
    const ByteView frame(out.data(), end);
    const FrameStep step = next_tcp_frame(frame, 1024);
    wrong += parse_packet(step.frame.payload, 1024).status != PacketStatus::kLogic;
    wrong += scan_header(as_bytes(service), 8, scan) != ScanStatus::kCanonical;
    write_push_packet(out.data(), strip_dest_metas(as_bytes(service), scan), tail);
    write_framed_packet(out.data(), {.command = "c", .dest_server = "g"}, tail);
  }
  EXPECT_EQ(test::allocations(), before);
  EXPECT_EQ(wrong, 0U);
}

// Nothing is built from a login's body, or from a header with too many metas, before it is refused.
TEST(Allocation, HostileLoginsTakeNothing) {
  pkt::LoginReq good;
  good.set_token(std::string(500, 't'));
  good.add_tags("tag");
  const std::string bodies[] = {good.SerializeAsString(), std::string(30'000, '\x22'),
                                std::string(30'000, '\x28'), std::string(30'000, '\x2b')};
  std::string metas = "\x48\x01";
  for (int i = 0; i < 2'000; ++i) metas.append("\x3a\x00", 2);
  LoginScan scan;
  std::size_t good_ones = 0;
  std::size_t refused = 0;
  const std::size_t before = test::allocations();
  for (int i = 0; i < 100; ++i) {
    for (const std::string& body : bodies) {
      good_ones += scan_login(as_bytes(body), kMostLoginTags, scan) == LoginScanStatus::kOk;
    }
    refused += has_more_metas(as_bytes(metas), 64);
  }
  EXPECT_EQ(test::allocations(), before);
  EXPECT_EQ(good_ones, 100U);
  EXPECT_EQ(refused, 100U);
}

// Headers of very different sizes, taken, refused and rewritten.
std::size_t live_after(SlowPath& slow, int rounds) {
  pkt::Header header;
  header.set_command(std::string(100, 'c'));
  for (int i = 0; i < 1'000; ++i) header.add_meta()->set_key(std::string(50, 'k'));
  const std::string large = header.SerializeAsString();
  const Bytes small = hex("0a0161 0a0162 4a0161");
  const Bytes refused = hex("0a0161 0a05");
  const std::size_t before = test::live_bytes();
  HeaderScan scan;
  for (int i = 0; i < rounds; ++i) {
    if (!slow.parse(as_bytes(large), scan)) return 0;
    if (slow.rewrite_for_forward(kOracleIdentity).size() < large.size()) return 0;
    if (slow.rewrite_for_push().empty()) return 0;
    if (!slow.parse(small, scan) || slow.parse(refused, scan)) return 0;
  }
  return test::live_bytes() - before;
}

TEST(Allocation, SlowPathIsBoundedOverManyCalls) {
  SlowPath slow;
  const std::size_t first = live_after(slow, 3);
  EXPECT_GT(first, 0U);  // the output it keeps
  EXPECT_EQ(live_after(slow, 500), 0U);
}

TEST(Allocation, SlowPathGivesALargeOutputBack) {
  SlowPath slow;
  HeaderScan scan;
  const std::size_t before = test::live_bytes();
  {
    pkt::Header header;
    header.set_command(std::string(std::size_t{1} << 20U, 'c'));
    ASSERT_TRUE(slow.parse(as_bytes(header.SerializeAsString()), scan));
  }
  ASSERT_GT(slow.rewrite_for_push().size(), std::size_t{1} << 20U);
  ASSERT_TRUE(slow.parse(hex("0a0161"), scan));
  ASSERT_EQ(slow.rewrite_for_push().size(), 3U);
  EXPECT_LT(test::live_bytes() - before, std::size_t{128} * 1024);
}

TEST(Allocation, SlowPathOfOrdinaryHeadersTakesLittle) {
  SlowPath slow;
  HeaderScan scan;
  const Bytes odd = hex("0a0e636861742e757365722e74616c6b 1801 1802 3203626f62");
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(slow.parse(odd, scan));
    ASSERT_FALSE(slow.rewrite_for_forward(kOracleIdentity).empty());
  }
  const std::size_t live = test::live_bytes();
  for (int i = 0; i < 10'000; ++i) {
    if (!slow.parse(odd, scan)) FAIL();
    if (slow.rewrite_for_forward(kOracleIdentity).empty()) FAIL();
  }
  EXPECT_EQ(test::live_bytes(), live);
}

}  // namespace
}  // namespace ringgate
