// What a shard counts, and why its connections end: the dataplane's and the handler's.
#include "dataplane/counters.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringgate {
namespace {

enum class Fruit : std::uint8_t { kApples, kPears, kEnd };
enum class Level : std::uint8_t { kWater, kEnd };
enum class Spoiled : std::uint8_t { kWorm, kMould, kEnd };
enum class Nameless : std::uint8_t { kOne, kEnd };

}  // namespace

template <>
inline constexpr auto kNamesOf<Fruit> =
    std::to_array<CounterName>({{"apples_total", "apples"}, {"pears_total", "pears"}});
template <>
inline constexpr auto kNamesOf<Level> = std::to_array<GaugeName>({{"water", "litres of it"}});
template <>
inline constexpr auto kNamesOf<Spoiled> =
    std::to_array<CloseName>({{"worm"}, {"mould", WsCloseCode::kGoingAway}});

namespace {

constexpr HandlerNames kNames{names_of<Fruit>(), names_of<Level>(), names_of<Spoiled>()};

template <class Enum>
constexpr bool kIsCounted = requires(Counters& counters) { counters.add(Enum{}); };
template <class Enum>
constexpr bool kIsGauge = requires(Counters& counters) {
  counters.set(Enum{}, 1);
  counters.change(Enum{}, 1);
};

static_assert(kIsCounted<Counter> && kIsCounted<Fruit>);
static_assert(!kIsCounted<Gauge> && !kIsCounted<Level> && !kIsCounted<Spoiled>);
static_assert(!kIsCounted<CloseReason::Own> && !kIsCounted<Nameless> && !kIsCounted<int>);
static_assert(kIsGauge<Gauge> && kIsGauge<Level>);
static_assert(!kIsGauge<Counter> && !kIsGauge<Fruit> && !kIsGauge<Nameless>);
static_assert(std::is_convertible_v<Spoiled, CloseReason>);
static_assert(!std::is_convertible_v<Fruit, CloseReason>);
static_assert(!std::is_convertible_v<Nameless, CloseReason>);
static_assert(!std::is_convertible_v<int, CloseReason>);
static_assert(sizeof(CloseReason) == 1);

using Told = std::vector<std::pair<std::string_view, std::uint64_t>>;

// What there was to tell of and was not 0.
template <class Each>
Told counted(Each&& each) {
  Told told;
  each([&](const auto& name, std::uint64_t value) {
    if (value != 0) told.emplace_back(name.name, value);
  });
  return told;
}

TEST(Counters, TheHandlersAreBehindTheDataplanes) {
  Counters counters;
  counters.add(Counter::kUpgradesTooLong, 5);  // the last
  counters.add(Fruit::kApples, 3);
  counters.add(Fruit::kPears);
  counters.set(Gauge::kListenersClosed, 2);
  counters.change(Level::kWater, 8);
  counters.change(Level::kWater, -1);
  counters.add_closed(CloseReason::kTooManyLinks);
  counters.add_closed(Spoiled::kWorm);
  counters.add_closed(Spoiled::kWorm);
  EXPECT_EQ(counters.get(Fruit::kApples), 3U);
  EXPECT_EQ(counters.get(Level::kWater), 7U);
  EXPECT_EQ(counters.closed(Spoiled::kWorm), 2U);
  EXPECT_EQ(counters.closed(Spoiled::kMould), 0U);

  EXPECT_EQ(
      counted([&](auto use) { counters.for_each_counter(kNames, use); }),
      (Told{{"websocket_upgrades_too_long_total", 5}, {"apples_total", 3}, {"pears_total", 1}}));
  EXPECT_EQ(counted([&](auto use) { counters.for_each_gauge(kNames, use); }),
            (Told{{"listeners_closed", 2}, {"water", 7}}));
  EXPECT_EQ(counted([&](auto use) { counters.for_each_closed(kNames, use); }),
            (Told{{"too_many_links", 1}, {"worm", 2}}));
}

TEST(Counters, WithoutNamesOnlyTheDataplanesAreTold) {
  Counters counters;
  counters.add(Fruit::kApples);
  std::set<std::string> names;
  const auto use = [&](const auto& name, std::uint64_t) { names.emplace(name.name); };
  counters.for_each_counter({}, use);
  counters.for_each_gauge({}, use);
  counters.for_each_closed({}, use);
  EXPECT_EQ(names.size(),
            index_of(Counter::kEnd) + index_of(Gauge::kEnd) + index_of(CloseReason::kEnd) - 1)
      << "they differ, and none is told twice";
  EXPECT_FALSE(names.contains("none"));
  EXPECT_FALSE(names.contains(""));
}

TEST(CloseReason, KnowsWhoseItIs) {
  const CloseReason worm = Spoiled::kWorm;
  EXPECT_EQ(worm, Spoiled::kWorm);
  EXPECT_NE(worm, Spoiled::kMould);
  EXPECT_EQ(CloseReason(), CloseReason::kNone);
  EXPECT_EQ(CloseReason::at(worm.index()), worm);
  for (std::size_t i = 0; i < index_of(CloseReason::kEnd); ++i) {
    EXPECT_NE(CloseReason::at(i), worm);
    EXPECT_EQ(describe(CloseReason::at(i), kNames).name,
              describe(CloseReason::Own{std::uint8_t(i)}).name);
  }
  EXPECT_EQ(describe(worm, kNames).name, "worm");
  EXPECT_EQ(describe(worm, kNames).code, WsCloseCode::kPolicyViolation);
  EXPECT_EQ(describe(Spoiled::kMould, kNames).code, WsCloseCode::kGoingAway);
  EXPECT_EQ(describe(worm, {}).name, "unnamed") << "of a handler that does not know it";
}

}  // namespace
}  // namespace ringgate
