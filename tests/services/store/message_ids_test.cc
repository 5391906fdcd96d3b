#include "services/store/message_ids.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace ringgate {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

TEST(MessageIdTest, GrowAndAreNeverTheSame) {
  MessageIds ids(0, 1);
  ids.grant({.node = 3});
  std::int64_t last = 10'000;
  for (int i = 0; i < 20'000; ++i) {  // more than one ms has room for
    const auto id = ids.next_at(kNow);
    ASSERT_TRUE(id.has_value());
    ASSERT_GT(*id, last);
    last = *id;
  }
}

TEST(MessageIdTest, DoNotGoBackWithTheClock) {
  MessageIds ids(0, 1);
  ids.grant({});
  const auto before = ids.next_at(kNow);
  const auto after = ids.next_at(kNow - 5'000);
  EXPECT_GT(*after, *before);
}

TEST(MessageIdTest, DoNotGoBackWithTheNode) {
  MessageIds ids(0, 1);
  ids.grant({.node = 1010});
  const auto before = ids.next_at(kNow);
  ids.grant({.node = 1002});
  EXPECT_GT(*ids.next_at(kNow), *before);
}

TEST(MessageIdTest, TellTimeAndNode) {
  MessageIds ids(0, 1);
  ids.grant({.node = 1023});
  const std::int64_t id = *ids.next_at(kNow);
  EXPECT_EQ((id >> 22) + MessageIds::kEpochMs, kNow);
  EXPECT_EQ((id >> 12) & 1023, 1023);
}

// As existing services have them: a client's cursor may be one of theirs.
TEST(MessageIdTest, CountFromWhereExistingServicesDo) {
  MessageIds ids(0, 1);
  ids.grant({});
  EXPECT_EQ(*ids.next_at(1'288'834'974'657 + 1), (1LL << 22) | (1000LL << 12));
  EXPECT_GT(*ids.next_at(1'795'000'000'000), 2'100'000'000'000'000'000);
  EXPECT_LT(MessageIds::first_at(kNow), *ids.next_at(1'795'000'000'001));
}

TEST(MessageIdTest, ShardsOfOneNodeNeverMeet) {
  std::set<std::int64_t> all;
  for (std::uint32_t shard = 0; shard < 3; ++shard) {
    MessageIds ids(shard, 3);
    ids.grant({.node = 7});
    for (int i = 0; i < 5'000; ++i) {
      ASSERT_TRUE(all.insert(*ids.next_at(kNow)).second);
    }
  }
}

TEST(MessageIdTest, StayWithinTheLease) {
  MessageIds ids(0, 1);
  EXPECT_FALSE(ids.next_at(kNow));  // none yet
  ids.grant({.node = 1, .from_ms = kNow + 10, .until_ms = kNow + 20});
  EXPECT_EQ((*ids.next_at(kNow) >> 22) + MessageIds::kEpochMs, kNow + 10);
  EXPECT_TRUE(ids.next_at(kNow + 20));
  EXPECT_FALSE(ids.next_at(kNow + 21));
  ids.grant({.node = 1, .from_ms = kNow + 10, .until_ms = kNow + 40});
  EXPECT_TRUE(ids.next_at(kNow + 21));
  ids.revoke();
  EXPECT_FALSE(ids.next_at(kNow + 22));
}

}  // namespace
}  // namespace ringgate
