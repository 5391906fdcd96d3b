#include "control/routing/route_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/common/temp_dir.h"

namespace ringgate {
namespace {

constexpr std::string_view kGood = R"({
  "route_by": "app",
  "zones": [{"id": "zone_ali_01", "weight": 80}, {"id": "zone_ali_02", "weight": 0},
            {"weight": 20, "id": "zone_ali_03"}],
  "whitelist": [{"key": "kim", "value": "zone_ali_03"}, {"value": "zone_ali_02", "key": "abc"}]
})";

// The message, which has to be one line; exit code 2 is asserted on the way.
std::string error_of(const Result<ZoneTable>& result) {
  if (result) return "(no error)";
  EXPECT_EQ(result.error().exit_code, 2);
  EXPECT_EQ(result.error().message.find('\n'), std::string::npos) << result.error().message;
  return result.error().message;
}

TEST(RouteFile, IsRead) {
  const auto table = ZoneTable::parse(kGood);
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->route_by(), RouteBy::kApp);
  ASSERT_EQ(table->zones().size(), 3u);
  EXPECT_EQ(table->zones()[2].id, "zone_ali_03");
  EXPECT_EQ(table->zones()[2].weight, 20u);
  EXPECT_EQ(table->slots(), 100u);
  EXPECT_EQ(table->whitelisted(), 2u);
  EXPECT_EQ(table->whitelist_zone("kim"), 2u);
  EXPECT_EQ(table->whitelist_zone("abc"), 1u);
  for (const char* const app : {"", "ki", "kimm", "zzz", "aaa"}) {
    EXPECT_EQ(table->whitelist_zone(app), std::nullopt) << app;
  }
}

TEST(RouteFile, TheSlotsAreEachZonesIndexWeightTimes) {
  const auto table = ZoneTable::parse(kGood);
  ASSERT_TRUE(table);
  for (std::uint32_t slot = 0; slot < 100; ++slot) {
    EXPECT_EQ(table->zone_at(slot), slot < 80 ? 0u : 2u) << slot;
  }
  const auto other = ZoneTable::parse(
      R"({"zones": [{"id": "a", "weight": 0}, {"id": "b", "weight": 1}, {"id": "c", "weight": 2},
                    {"id": "d", "weight": 0}]})");
  ASSERT_TRUE(other);
  EXPECT_EQ(other->slots(), 3u);
  EXPECT_EQ(other->zone_at(0), 1u);
  EXPECT_EQ(other->zone_at(1), 2u);
  EXPECT_EQ(other->zone_at(2), 2u);
}

TEST(RouteFile, RouteByHasTwoSpellingsAndADefault) {
  const std::string zones = R"("zones": [{"id": "a", "weight": 1}]})";
  const auto by = [&](const std::string& start) {
    const auto table = ZoneTable::parse("{" + start + zones);
    EXPECT_TRUE(table) << table.error().message;
    return table ? table->route_by() : RouteBy::kAccount;
  };
  EXPECT_EQ(by(R"("route_by": "app", )"), RouteBy::kApp);
  EXPECT_EQ(by(R"("routeBy": "app", )"), RouteBy::kApp);
  EXPECT_EQ(by(R"("route_by": "account", )"), RouteBy::kAccount);
  EXPECT_EQ(by(R"("routeBy": "account", )"), RouteBy::kAccount);
  EXPECT_EQ(by(""), RouteBy::kAccount);
}

TEST(RouteFile, TheWeightsMayAddUpToTheBound) {
  const auto with = [](const std::string& weight) {
    return ZoneTable::parse(R"({"zones": [{"id": "a", "weight": 1}, {"id": "b", "weight": )" +
                            weight + "}]}");
  };
  ASSERT_TRUE(with("999999"));
  EXPECT_EQ(with("999999")->slots(), kMaxZoneSlots);
  EXPECT_NE(error_of(with("1000000")).find("zones[1].weight"), std::string::npos);
}

struct Broken {
  std::string name;
  std::string json;
  std::vector<std::string> says;
};
void PrintTo(const Broken& broken, std::ostream* to) {
  *to << broken.name;
}

class BrokenRouteFiles : public testing::TestWithParam<Broken> {};

TEST_P(BrokenRouteFiles, AreRefusedWithPlaceAndMending) {
  const std::string message = error_of(ZoneTable::parse(GetParam().json));
  for (const std::string& text : GetParam().says) {
    EXPECT_NE(message.find(text), std::string::npos) << message;
  }
}

std::string zones(const std::string& text) {
  return R"({"zones": )" + text + "}";
}
std::string after_zones(const std::string& text) {
  return R"({"zones": [{"id": "a", "weight": 1}], )" + text + "}";
}

const Broken kBroken[] = {
    {"Empty", "", {"not JSON"}},
    {"NotJson", "{\"zones\": [\n{\"id\": \"a\",\n\"weight\": 1]\n}", {"line 3", "not JSON"}},
    {"NoQuotes", "{\"zones\": [\n{id: 1}]}", {"line 2", "not JSON"}},
    {"OpenString", "{\"zones\": \"", {"not JSON"}},
    {"NotUtf8", "{\"zones\": \"\xff\"}", {"not JSON"}},
    {"VeryDeep", std::string(200'000, '['), {"not JSON"}},
    {"NotAnObject", "[1]", {"not an object", "zones"}},
    {"NoZones", "{}", {"zones", "no zone", "add"}},
    {"EmptyZones", zones("[]"), {"zones", "no zone", "add"}},
    {"ZonesNoList", zones("3"), {"zones", "not a list"}},
    {"ZoneNoObject", zones("[3]"), {"zones[0]", "not an object"}},
    {"UnknownKey", after_zones(R"("zone": 1)"), {"\"zone\"", "routeBy", "whitelist"}},
    {"UnknownKeyOfZone",
     zones(R"([{"id": "a", "weight": 1}, {"id": "b", "wieght": 1}])"),
     {"zones[1]", "wieght", "weight"}},
    {"KeyWithLineBreak",
     zones(R"([{"id": "a", "weight": 1, "wei\nght": 1}])"),
     {"zones[0]", "wei\\x0aght"}},
    {"UnknownKeyOfWhitelist",
     after_zones(R"("whitelist": [{"key": "a", "zone": "a"}])"),
     {"whitelist[0]", "zone", "value"}},
    {"NoId", zones(R"([{"weight": 1}])"), {"zones[0]", "no id", "add"}},
    {"NoWeight", zones(R"([{"id": "a"}])"), {"zones[0]", "no weight", "add"}},
    {"EmptyId", zones(R"([{"id": "", "weight": 1}])"), {"zones[0].id", "empty"}},
    {"IdNoText", zones(R"([{"id": 1, "weight": 1}])"), {"zones[0].id", "quotes"}},
    {"IdWithNewline", zones(R"([{"id": "a\nb", "weight": 1}])"), {"zones[0].id", "control"}},
    {"NegativeWeight", zones(R"([{"id": "a", "weight": -3}])"), {"zones[0].weight", "-3"}},
    {"FractionalWeight", zones(R"([{"id": "a", "weight": 0.5}])"), {"zones[0].weight", "whole"}},
    {"TextWeight", zones(R"([{"id": "a", "weight": "5"}])"), {"zones[0].weight", "whole"}},
    {"HugeWeight", zones(R"([{"id": "a", "weight": 99999999999999999999}])"), {"not JSON"}},
    {"BigWeight", zones(R"([{"id": "a", "weight": 18446744073709551615}])"), {"zones[0].weight"}},
    {"AllZero",
     zones(R"([{"id": "a", "weight": 0}, {"id": "b", "weight": 0}])"),
     {"zones", "every weight is 0", "above 0"}},
    {"SumAboveBound",
     zones(R"([{"id": "a", "weight": 600000}, {"id": "b", "weight": 600000}])"),
     {"zones[1].weight", "1000000", "lower"}},
    {"SameIdTwice",
     zones(R"([{"id": "a", "weight": 1}, {"id": "b", "weight": 1}, {"id": "a", "weight": 1}])"),
     {"zones[2].id", "\"a\"", "zones[0]"}},
    {"WhitelistNoList", after_zones(R"("whitelist": {"kim": "a"})"), {"whitelist", "not a list"}},
    {"WhitelistUnknownZone",
     after_zones(R"("whitelist": [{"key": "x", "value": "a"}, {"key": "kim", "value": "b"}])"),
     {"whitelist[1].value", "no zone \"b\"", "zones"}},
    {"WhitelistTwice",
     after_zones(R"("whitelist": [{"key": "x", "value": "a"}, {"key": "x", "value": "a"}])"),
     {"whitelist", "\"x\"", "twice"}},
    {"RouteByOther", after_zones(R"("route_by": "user")"), {"route_by", "user", "account", "app"}},
    {"RouteByOtherSpelt", after_zones(R"("routeBy": 3)"), {"routeBy", "3", "account"}},
    {"RouteByTwice",
     after_zones(R"("route_by": "app", "routeBy": "app")"),
     {"route_by", "routeBy", "twice"}},
    {"ZonesTwice", after_zones(R"("zones": [{"id": "b", "weight": 1}])"), {"zones", "twice"}},
    {"FieldTwice", zones(R"([{"id": "a", "id": "b", "weight": 1}])"), {"zones[0]", "id", "twice"}},
};

INSTANTIATE_TEST_SUITE_P(RouteFile, BrokenRouteFiles, testing::ValuesIn(kBroken),
                         [](const auto& test) { return test.param.name; });

TEST(RouteFile, ErrorsOfAFileNameIt) {
  const test::TempDir folder;
  const std::string good = folder.write("good.json", kGood).string();
  EXPECT_TRUE(ZoneTable::load(good));
  const std::string bad = folder.write("bad.json", "{}").string();
  EXPECT_NE(error_of(ZoneTable::load(bad)).find(bad + ": zones:"), std::string::npos);
  const std::string missing = (folder.path() / "missing.json").string();
  EXPECT_NE(error_of(ZoneTable::load(missing)).find(missing), std::string::npos);
  EXPECT_NE(error_of(ZoneTable::load(folder.path())).find("directory"), std::string::npos);
}

TEST(RouteFile, ALongOneIsRefusedAndAPipeIsNotWaitedFor) {
  const test::TempDir folder;
  const std::string text(kGood);
  const auto full =
      folder.write("full.json", text + std::string(kMaxRouteFileBytes - text.size(), ' '));
  EXPECT_TRUE(ZoneTable::load(full));
  const auto beyond =
      folder.write("long.json", text + std::string(kMaxRouteFileBytes - text.size() + 1, ' '));
  EXPECT_NE(error_of(ZoneTable::load(beyond)).find("1MiB"), std::string::npos);
  const auto pipe = folder.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_NE(error_of(ZoneTable::load(pipe)).find("regular file"), std::string::npos);
}

}  // namespace
}  // namespace ringgate
