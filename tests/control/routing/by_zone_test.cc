#include "control/routing/by_zone.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/control/routing/candidates.h"

namespace ringgate {
namespace {

using test::TestServices;

constexpr std::uint32_t kTest1 = 2326977762u;  // crc32_ieee("test1")

ZoneTable table(std::string_view route_by = "account", std::string_view whitelist = "[]") {
  auto parsed = ZoneTable::parse(fmt::format(
      R"({{"route_by": "{}", "zones": [{{"id": "z80", "weight": 80}}, {{"id": "z15", "weight": 15}},
          {{"id": "z5", "weight": 5}}], "whitelist": {}}})",
      route_by, whitelist));
  EXPECT_TRUE(parsed) << parsed.error().message;
  return std::move(*parsed);
}

// n services in each zone, z80a00, z80a01, …
TestServices zoned(const std::vector<std::pair<std::string, std::size_t>>& zones) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [zone, count] : zones) {
    for (std::size_t i = 0; i < count; ++i)
      all.emplace_back(fmt::format("{}a{:02}", zone, i), zone);
  }
  return TestServices(std::move(all));
}

std::string chosen(const ZoneTable& routes, const Candidates& candidates, const SelectionKey& key) {
  const auto group = ZoneSelector(routes).prepare(candidates);
  return candidates[group->select(key).index]->service_id;
}

// The protocol's words, written out: slots list each zone's index weight times.
std::string chosen_by_the_words(const ZoneTable& routes, const Candidates& candidates,
                                std::string_view key_text, std::string_view account) {
  std::vector<std::size_t> slots;
  for (std::size_t zone = 0; zone < routes.zones().size(); ++zone) {
    slots.insert(slots.end(), routes.zones()[zone].weight, zone);
  }
  const std::string& zone = routes.zones()[slots[crc32_ieee(key_text) % slots.size()]].id;
  std::vector<std::string> srvs;
  for (const CatalogueEntry* const entry : candidates) {
    if (entry->zone == zone) srvs.push_back(entry->service_id);
  }
  return srvs[(crc32_ieee(account) % (10 * srvs.size())) / 10];
}

TEST(RouteSelector, GoldenByAccount) {
  const ZoneTable routes = table();
  // 2326977762 % 100 = 62: the first zone; % 30 = 12, / 10 = 1: the second of three.
  EXPECT_EQ(kTest1 % 100, 62u);
  const TestServices services = zoned({{"z80", 3}, {"z15", 2}, {"z5", 1}});
  EXPECT_EQ(chosen(routes, services.candidates(), {0, "test1", "kim"}), "z80a01");
}

TEST(RouteSelector, GoldenByApp) {
  const ZoneTable routes = table("app");
  const TestServices services = zoned({{"z80", 3}, {"z15", 2}, {"z5", 7}});
  // The zone by the app, the service in it by the account.
  EXPECT_EQ(chosen(routes, services.candidates(), {0, "test1", "test1"}), "z80a01");
  std::set<std::string> zones;
  for (int i = 0; i < 500; ++i) {
    const std::string app = "app" + std::to_string(i);
    const std::string got = chosen(routes, services.candidates(), {0, "test1", app});
    zones.insert(got.substr(0, got.find('a')));
    EXPECT_EQ(got, chosen_by_the_words(routes, services.candidates(), app, "test1"));
  }
  EXPECT_EQ(zones.size(), 3u);
}

TEST(RouteSelector, IsTheProtocolsWordsForEveryNumberOfServices) {
  const ZoneTable by_account = table();
  const ZoneTable by_app = table("app");
  for (std::size_t n = 1; n <= 12; ++n) {
    const TestServices services = zoned({{"z80", n}, {"z15", n}, {"z5", n}});
    const Candidates candidates = services.candidates();
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
      const std::string account = "account" + std::to_string(i);
      EXPECT_EQ(chosen(by_account, candidates, {0, account, "kim"}),
                chosen_by_the_words(by_account, candidates, account, account));
      seen.insert(chosen(by_app, candidates, {0, account, "kim"}));
    }
    EXPECT_EQ(seen.size(), n) << "of the app's zone, the index goes from 0 to n - 1";
  }
}

// What follows from the protocol's words: by account, one number decides over the zone and over the
// service in it. Other gateways do the same, so it has to stay.
TEST(RouteSelector, ByAccountTheZoneAndTheServiceAreNotIndependent) {
  const ZoneTable routes = table();
  const TestServices services = zoned({{"z80", 10}, {"z15", 1}, {"z5", 1}});
  std::set<std::string> seen;
  for (int i = 0; i < 2000; ++i) {
    const std::string got =
        chosen(routes, services.candidates(), {0, "account" + std::to_string(i), "kim"});
    if (got.starts_with("z80")) seen.insert(got);
  }
  EXPECT_EQ(seen.size(), 8u) << "crc % 100 is below 80 there, and a tenth of it below 8";
}

// An account's service does not depend on its channel: a new login finds its session's service.
TEST(RouteSelector, IsTheSameForEveryChannelOfAnAccount) {
  const ZoneTable routes = table();
  const TestServices services = zoned({{"z80", 3}, {"z15", 2}, {"z5", 2}});
  const auto group = ZoneSelector(routes).prepare(services.candidates());
  for (std::uint32_t crc = 0; crc < 50; ++crc) {
    EXPECT_EQ(group->select({crc, "alice", "kim"}).index, group->select({0, "alice", "kim"}).index);
  }
}

TEST(RouteSelector, TheWhitelistComesFirst) {
  const ZoneTable routes = table("account", R"([{"key": "kim", "value": "z5"}])");
  const TestServices services = zoned({{"z80", 3}, {"z5", 3}});
  EXPECT_EQ(chosen(routes, services.candidates(), {0, "test1", "kim"}), "z5a01");
  EXPECT_EQ(chosen(routes, services.candidates(), {0, "test1", "other"}), "z80a01");
  EXPECT_EQ(chosen(routes, services.candidates(), {0, "test1", ""}), "z80a01");
}

TEST(RouteSelector, AZoneWithoutServicesFallsBackOnAnyByHashAndSaysSo) {
  const ZoneTable routes = table();
  const TestServices services = zoned({{"z15", 2}, {"elsewhere", 2}});
  const auto group = ZoneSelector(routes).prepare(services.candidates());
  std::set<std::size_t> seen;
  for (std::uint32_t crc = 0; crc < 40; ++crc) {
    const Selection selection = group->select({crc, "test1", "kim"});  // of z80
    EXPECT_EQ(selection.index, crc % 4);
    EXPECT_TRUE(selection.zone_fallback);
    seen.insert(selection.index);
  }
  EXPECT_EQ(seen.size(), 4u);
}

TEST(RouteSelector, AnEmptyAccountOrAppIsAKeyLikeAnother) {
  const TestServices services = zoned({{"z80", 2}});
  EXPECT_EQ(chosen(table(), services.candidates(), {9, "", ""}), "z80a00");
  EXPECT_EQ(chosen(table("app"), services.candidates(), {9, "", ""}), "z80a00");
}

TEST(RouteSelector, SpreadsAccountsByWeight) {
  const ZoneTable routes = table();
  const TestServices services = zoned({{"z80", 1}, {"z15", 1}, {"z5", 1}});
  std::map<std::string, int> times;
  for (int i = 0; i < 20'000; ++i) {
    ++times[chosen(routes, services.candidates(), {0, "account" + std::to_string(i), "kim"})];
  }
  EXPECT_NEAR(times["z80a00"], 16'000, 400);
  EXPECT_NEAR(times["z15a00"], 3'000, 300);
  EXPECT_NEAR(times["z5a00"], 1'000, 200);
}

// --- Explaining ---------------------------------------------------------------------------------

Explanation explain(const ZoneTable& routes, const TestServices& services,
                    const SelectionKey& key) {
  Explanation explanation;
  ZoneSelector(routes).prepare(services.candidates())->explain(key, explanation);
  return explanation;
}

TEST(RouteSelector, ExplainsEveryStep) {
  const Explanation explanation =
      explain(table(), zoned({{"z80", 3}, {"z5", 1}}), {7, "test1", "kim"});
  EXPECT_EQ(explanation.steps,
            (std::vector<std::string>{
                "the whitelist has no app kim",
                "route_by is account: crc32(test1) = 2326977762 % 100 = 62 → zone z80 (weight 80 "
                "of 100)",
                "zone z80 has 3 of the 4 candidates: z80a00, z80a01, z80a02",
                "crc32(test1) = 2326977762 % 30 = 12; / 10 = 1 → z80a01"}));
  EXPECT_FALSE(explanation.by_channel);
}

TEST(RouteSelector, ExplainsTheWhitelist) {
  const Explanation explanation = explain(table("app", R"([{"key": "kim", "value": "z5"}])"),
                                          zoned({{"z80", 3}, {"z5", 1}}), {7, "test1", "kim"});
  EXPECT_EQ(explanation.steps[0], "the whitelist sends app kim to zone z5");
  EXPECT_EQ(explanation.steps.size(), 3u);
}

TEST(RouteSelector, ExplainsTheFallback) {
  const Explanation explanation =
      explain(table(), zoned({{"z15", 2}, {"z5", 1}}), {kTest1, "test1", "kim"});
  ASSERT_EQ(explanation.steps.size(), 4u);
  EXPECT_EQ(explanation.steps[2],
            "zone z80 has none of the 3 candidates: any of them, by hash (counted as a zone "
            "fallback)");
  EXPECT_EQ(explanation.steps[3], "crc32(channel id) = 2326977762 % 3 = 0 → z15a00");
  EXPECT_TRUE(explanation.by_channel);
  EXPECT_TRUE(explanation.selection.zone_fallback);
}

}  // namespace
}  // namespace ringgate
