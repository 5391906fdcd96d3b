#include "control/selector.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace ringgate {
namespace {

TEST(Crc32, IsTheProtocols) {
  EXPECT_EQ(crc32_ieee("test1"), 2326977762u);
  EXPECT_EQ(crc32_ieee("123456789"), 0xCBF43926u);  // the check value of CRC-32/ISO-HDLC
  EXPECT_EQ(crc32_ieee(""), 0u);
}

TEST(HashSelector, IsTheChannelsCrcModuloTheCandidates) {
  const HashSelector selector;
  const std::array<CatalogueEntry, 7> entries;
  std::vector<const CatalogueEntry*> candidates;
  for (const CatalogueEntry& entry : entries) {
    candidates.push_back(&entry);
    for (const char* const channel : {"g1_alice_0", "g1_bob_1", "test1", ""}) {
      const SelectionKey key{crc32_ieee(channel), {}, {}};
      EXPECT_EQ(selector.select(key, candidates), crc32_ieee(channel) % candidates.size());
    }
  }
  EXPECT_EQ(selector.select({2326977762u, {}, {}}, candidates), 2326977762u % 7);
}

TEST(HashSelector, LooksAtTheChannelAlone) {
  const HashSelector selector;
  const std::array<CatalogueEntry, 3> entries;
  const std::array candidates = {&entries[0], &entries[1], &entries[2]};
  for (std::uint32_t crc = 0; crc < 100; ++crc) {
    EXPECT_EQ(selector.select({crc, "alice", "kim"}, candidates),
              selector.select({crc, "bob", ""}, candidates));
  }
}

TEST(HashSelector, SpreadsChannelsOverAllCandidates) {
  const HashSelector selector;
  const std::array<CatalogueEntry, 4> entries;
  const std::array candidates = {&entries[0], &entries[1], &entries[2], &entries[3]};
  std::array<int, 4> chosen{};
  for (int i = 0; i < 4000; ++i) {
    const std::string channel = "g1_account" + std::to_string(i) + "_0";
    ++chosen[selector.select({crc32_ieee(channel), {}, {}}, candidates)];
  }
  for (const int times : chosen) EXPECT_GT(times, 800);
}

}  // namespace
}  // namespace ringgate
