#include "control/routing/rendezvous.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>

#include "tests/control/routing/candidates.h"

namespace ringgate {
namespace {

using test::TestServices;

constexpr int kChannels = 20'000;

std::uint32_t channel_crc(int number) {
  return crc32_ieee("g1_account" + std::to_string(number % 700) + "_" + std::to_string(number));
}

const CatalogueEntry* chosen(const Candidates& candidates, std::uint32_t crc) {
  const auto group = RendezvousSelector().prepare(candidates);
  return candidates[group->select({crc, {}, {}}).index];
}

// These numbers are a promise: were they others, an update of a gateway would move channels.
TEST(RendezvousSelector, ScoresNeverChange) {
  EXPECT_EQ(rendezvous_id_hash("chat01"), 0xf10a65da7e4d2ff0u);
  EXPECT_EQ(rendezvous_score(rendezvous_id_hash("chat01"), 2326977762u), 0x3e8b9ab1aac308e0u);
}

TEST(RendezvousSelector, TakesTheHighestScore) {
  const TestServices services(9);
  const Candidates candidates = services.candidates();
  for (int i = 0; i < 500; ++i) {
    const auto score = [&](const CatalogueEntry* entry) {
      return rendezvous_score(rendezvous_id_hash(entry->service_id), channel_crc(i));
    };
    EXPECT_EQ(chosen(candidates, channel_crc(i)), std::ranges::max(candidates, {}, score));
  }
}

// Channels of ids that differ in one digit, or of crcs that differ in one bit, are as even as
// others: the sum of squares stays below the 99.99 % point of chi-square.
TEST(RendezvousSelector, IsEven) {
  for (const std::size_t n : {2u, 3u, 7u, 16u, 100u}) {
    const TestServices services(n);
    const auto group = RendezvousSelector().prepare(services.candidates());
    for (const bool in_sequence : {false, true}) {
      std::vector<double> times(n, 0);
      for (int i = 0; i < kChannels; ++i) {
        const std::uint32_t crc = in_sequence ? static_cast<std::uint32_t>(i) : channel_crc(i);
        times[group->select({crc, {}, {}}).index] += 1;
      }
      const double expected = static_cast<double>(kChannels) / static_cast<double>(n);
      double chi_square = 0;
      for (const double count : times)
        chi_square += (count - expected) * (count - expected) / expected;
      const double freedom = static_cast<double>(n - 1);
      EXPECT_LT(chi_square, freedom + 4 * std::sqrt(2 * freedom) + 12) << n << " services";
    }
  }
}

TEST(RendezvousSelector, WhoeverGoesMovesOnlyItsOwnChannels) {
  for (const std::size_t n : {2u, 3u, 10u}) {
    const TestServices services(n);
    const Candidates before = services.candidates();
    for (std::size_t gone = 0; gone < n; ++gone) {
      const Candidates after = services.without(gone);
      const auto group_before = RendezvousSelector().prepare(before);
      const auto group_after = RendezvousSelector().prepare(after);
      std::set<const CatalogueEntry*> heirs;
      for (int i = 0; i < 2'000; ++i) {
        const SelectionKey key{channel_crc(i), {}, {}};
        const CatalogueEntry* const was = before[group_before->select(key).index];
        const CatalogueEntry* const is = after[group_after->select(key).index];
        if (was == before[gone]) {
          heirs.insert(is);
        } else {
          ASSERT_EQ(was, is);
        }
      }
      EXPECT_EQ(heirs.size(), n - 1) << "its channels are spread over all that are left";
    }
  }
}

TEST(RendezvousSelector, WhoeverComesTakesItsShareAndNothingElseMoves) {
  for (const std::size_t n : {1u, 4u, 9u}) {
    const TestServices services(n + 1);
    for (std::size_t added = 0; added <= n; ++added) {
      const Candidates after = services.candidates();
      const Candidates before = services.without(added);
      const auto group_before = RendezvousSelector().prepare(before);
      const auto group_after = RendezvousSelector().prepare(after);
      int moved = 0;
      for (int i = 0; i < kChannels; ++i) {
        const SelectionKey key{channel_crc(i), {}, {}};
        const CatalogueEntry* const is = after[group_after->select(key).index];
        if (before[group_before->select(key).index] == is) continue;
        ++moved;
        ASSERT_EQ(is, after[added]);
      }
      const double share = static_cast<double>(kChannels) / static_cast<double>(n + 1);
      EXPECT_NEAR(moved, share, 5 * std::sqrt(share)) << n;
    }
  }
}

TEST(RendezvousSelector, LooksAtTheChannelAlone) {
  const TestServices services(5);
  const auto group = RendezvousSelector().prepare(services.candidates());
  for (std::uint32_t crc = 0; crc < 100; ++crc) {
    EXPECT_EQ(group->select({crc, "alice", "kim"}).index, group->select({crc, "bob", ""}).index);
    EXPECT_FALSE(group->select({crc, "alice", "kim"}).zone_fallback);
  }
}

TEST(RendezvousSelector, ExplainsTheScores) {
  const TestServices services(40);
  const auto group = RendezvousSelector().prepare(services.candidates());
  Explanation explanation;
  group->explain({2326977762u, {}, {}}, explanation);
  ASSERT_EQ(explanation.steps.size(), 2u);
  EXPECT_TRUE(explanation.steps[0].starts_with("crc32(channel id) = 2326977762;"));
  const std::size_t index = group->select({2326977762u, {}, {}}).index;
  const std::string winner = group->candidates()[index]->service_id;
  EXPECT_EQ(explanation.selection.index, index);
  EXPECT_TRUE(explanation.steps[1].starts_with("from the highest: " + winner));
  EXPECT_TRUE(explanation.steps[1].ends_with(" and 20 more → " + winner));
  EXPECT_TRUE(explanation.by_channel);
}

}  // namespace
}  // namespace ringgate
