#include "dataplane/mail.h"

#include <gtest/gtest.h>

#include <array>

#include "dataplane/shard_group.h"

namespace ringgate {
namespace {

struct Pair {
  std::uint32_t one;
  std::uint32_t other;
};

constexpr MailRange kFirst{10, 4};
constexpr MailRange kSecond = kFirst.next(2);
constexpr MailOf<Pair> kPair{kFirst[3]};
constexpr MailWith<Pair> kPairAndBytes{kSecond[0]};
constexpr MailBytes kBytes{kSecond[1]};

// Ranges that overlap, and kinds that are the same, do not compile where they are asserted.
static_assert(are_apart({kFirst, kSecond}));
static_assert(!are_apart({kFirst, kSecond, MailRange{13, 1}}));
static_assert(!are_apart({MailRange{1, 100}, MailRange{50, 1}}));
static_assert(are_distinct({kPair, kPairAndBytes, kBytes}));
static_assert(!are_distinct({kPair, kPairAndBytes, MailOf<int>{13}}));

// What a kind does not carry does not compile.
template <class Kind, class... Payload>
concept Mailed = requires(Shard& shard, ShardGroup& group, Kind kind, Payload... payload) {
  shard.mail_surely(1, kind, payload...);
  group.post(0, kind, payload...);
};
static_assert(Mailed<MailOf<Pair>, Pair>);
static_assert(!Mailed<MailOf<Pair>, std::uint32_t>);
static_assert(!Mailed<MailOf<Pair>, ByteView>);
static_assert(!Mailed<MailOf<Pair>, Pair, ByteView>);
static_assert(Mailed<MailWith<Pair>, Pair, ByteView>);
static_assert(!Mailed<MailWith<Pair>, ByteView>);
static_assert(Mailed<MailBytes, ByteView>);
static_assert(!Mailed<MailBytes, Pair>);
static_assert(!Mailed<MailKind, Pair>);
static_assert(!Mailed<MailKind, ByteView>);

TEST(MailKinds, RangesFollowEachOther) {
  EXPECT_EQ(kPair.kind, 13);
  EXPECT_EQ(kPairAndBytes.kind, 14);
  EXPECT_EQ(kBytes.kind, 15);
}

TEST(MailKinds, AKindReadsWhatItCarries) {
  const std::array<Pair, 2> pairs{{{1, 2}, {3, 4}}};
  const ByteView both = bytes_of(pairs);
  EXPECT_EQ(kPair.read(both.first(sizeof(Pair))).other, 2U);
  ByteView rest = both;
  EXPECT_EQ(kPairAndBytes.read(rest).one, 1U);
  EXPECT_EQ(kPairAndBytes.read(rest).one, 3U);
  EXPECT_TRUE(rest.empty());
}

TEST(MailKindsDeathTest, AnotherSizeThanTheKindCarriesIsABug) {
  const std::array<std::uint8_t, 12> bytes{};
  EXPECT_DEATH(static_cast<void>(kPair.read(bytes)), "bug");
  EXPECT_DEATH(static_cast<void>(kPair.read(ByteView(bytes).first(4))), "bug");
  ByteView few = ByteView(bytes).first(4);
  EXPECT_DEATH(static_cast<void>(kPairAndBytes.read(few)), "bug");
}

TEST(MailKinds, TheFirstUnknownOneIsRemembered) {
  UnknownMail mail;
  EXPECT_EQ(mail.count(), 0U);
  mail.note(3, 700);
  mail.note(4, 701);
  EXPECT_EQ(mail.count(), 2U);
  EXPECT_EQ(mail.from(), 3U);
  EXPECT_EQ(mail.kind(), 700);
}

}  // namespace
}  // namespace ringgate
