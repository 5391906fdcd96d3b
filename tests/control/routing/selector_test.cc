#include "control/routing/selector.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "tests/control/routing/candidates.h"

namespace ringgate {
namespace {

using test::TestServices;

TEST(Crc32, IsTheProtocols) {
  EXPECT_EQ(crc32_ieee("test1"), 2326977762u);
  EXPECT_EQ(crc32_ieee("123456789"), 0xCBF43926u);  // the check value of CRC-32/ISO-HDLC
  EXPECT_EQ(crc32_ieee(""), 0u);
}

TEST(SelectorKind, NamesAreReadAsTheyAreWritten) {
  for (const SelectorKind kind :
       {SelectorKind::kHash, SelectorKind::kRoute, SelectorKind::kRendezvous}) {
    EXPECT_EQ(parse_selector(selector_name(kind)), kind);
  }
  EXPECT_EQ(parse_selector("Rendezvous"), SelectorKind::kRendezvous);
  EXPECT_EQ(parse_selector(""), std::nullopt);
  EXPECT_EQ(parse_selector("random"), std::nullopt);
}

TEST(HashSelector, IsTheChannelsCrcModuloTheCandidates) {
  for (std::size_t n = 1; n <= 7; ++n) {
    const TestServices services(n);
    const auto group = HashSelector().prepare(services.candidates());
    for (const char* const channel : {"g1_alice_0", "g1_bob_1", "test1", ""}) {
      const SelectionKey key{crc32_ieee(channel), {}, {}};
      EXPECT_EQ(group->select(key).index, crc32_ieee(channel) % n);
      EXPECT_FALSE(group->select(key).zone_fallback);
    }
  }
  const TestServices seven(7);
  EXPECT_EQ(HashSelector().prepare(seven.candidates())->select({2326977762u, {}, {}}).index,
            2326977762u % 7);
}

TEST(HashSelector, LooksAtTheChannelAlone) {
  const TestServices services(3);
  const auto group = HashSelector().prepare(services.candidates());
  for (std::uint32_t crc = 0; crc < 100; ++crc) {
    EXPECT_EQ(group->select({crc, "alice", "kim"}).index, group->select({crc, "bob", ""}).index);
  }
}

TEST(HashSelector, SpreadsChannelsOverAllCandidates) {
  const TestServices services(4);
  const auto group = HashSelector().prepare(services.candidates());
  std::array<int, 4> chosen{};
  for (int i = 0; i < 4000; ++i) {
    const std::string channel = "g1_account" + std::to_string(i) + "_0";
    ++chosen[group->select({crc32_ieee(channel), {}, {}}).index];
  }
  for (const int times : chosen) EXPECT_GT(times, 800);
}

TEST(HashSelector, ExplainsTheArithmetic) {
  const TestServices services(4);
  Explanation explanation;
  HashSelector().prepare(services.candidates())->explain({2326977762u, {}, {}}, explanation);
  ASSERT_EQ(explanation.steps.size(), 1u);
  EXPECT_EQ(explanation.steps[0], "crc32(channel id) = 2326977762 % 4 = 2 → chat002");
  EXPECT_EQ(explanation.selection.index, 2u);
  EXPECT_TRUE(explanation.by_channel);
}

TEST(HashSelector, WithOneCandidateTheChannelDoesNotMatter) {
  const TestServices services(1);
  Explanation explanation;
  HashSelector().prepare(services.candidates())->explain({77, {}, {}}, explanation);
  EXPECT_FALSE(explanation.by_channel);
}

TEST(ListNames, AreBounded) {
  EXPECT_EQ(list_names({}), "");
  EXPECT_EQ(list_names({"a", "b"}), "a, b");
  const std::vector<std::string_view> many(100, "x");
  EXPECT_TRUE(list_names(many).ends_with("x and 80 more"));
}

}  // namespace
}  // namespace ringgate
