#include "services/gateway/routes.h"

#include <gtest/gtest.h>

#include <set>

#include "control/routing/selector_set.h"
#include "dataplane/handler.h"
#include "tests/common/quiet_handler.h"

namespace ringgate {
namespace {

// Upstreams of a shard that never runs.
class RoutesTest : public testing::Test {
 protected:
  // Adds an instance; its number counts from 1.
  void add(const std::string& service_id, bool adult = true, bool up = true,
           bool draining = false) {
    const auto id = static_cast<std::uint32_t>(catalogue_.entries.size() + 1);
    const std::string name = service_id.substr(0, service_id.find_first_of("0123456789"));
    catalogue_.entries.push_back({id, name, service_id, "", adult, draining});
    upstreams_.open(id).up = up;
  }
  // The number of the chosen instance, 0 for none.
  std::uint32_t select(std::string_view service, std::uint32_t crc = 0) {
    routes_.rebuild(catalogue_, upstreams_);
    const Routes::Choice choice = routes_.select(service, {crc, "alice", "kim"});
    zone_fallback_ = choice.zone_fallback;
    return choice.upstream == nullptr ? 0 : choice.upstream->id;
  }
  std::set<std::uint32_t> selectable(std::string_view service) {
    std::set<std::uint32_t> all;
    for (std::uint32_t crc = 0; crc < 60; ++crc) all.insert(select(service, crc));
    return all;
  }

  std::map<std::string, std::string> aliases_;
  QuietHandler handler_;
  std::unique_ptr<Switchboard> switchboard_ = std::move(*Switchboard::create(1, 0, 4096));
  Shard shard_{ShardOptions{}, *switchboard_, handler_};
  InstanceCounters counts_{4};
  Upstreams upstreams_{shard_, 4, 1000, counts_};
  Catalogue catalogue_;
  bool zone_fallback_ = false;  // of the last select()
  Routes routes_{aliases_};
};

using Ids = std::set<std::uint32_t>;

TEST_F(RoutesTest, NoServiceIsNone) {
  EXPECT_EQ(select("chat"), 0u);
  add("chat1");
  EXPECT_EQ(select("login"), 0u);
  EXPECT_EQ(select(""), 0u);
  EXPECT_EQ(select("cha"), 0u);
  EXPECT_EQ(select("chat"), 1u);
}

TEST_F(RoutesTest, TheCrcChoosesAmongTheSorted) {
  add("chat1");
  add("chat2");
  add("chat3");
  for (std::uint32_t crc = 0; crc < 30; ++crc) EXPECT_EQ(select("chat", crc), crc % 3 + 1);
}

TEST_F(RoutesTest, AdultsAreChosenAndYoungOnesWait) {
  add("chat1", false);
  add("chat2", true);
  add("chat3", true);
  EXPECT_EQ(selectable("chat"), (Ids{2, 3}));
}

TEST_F(RoutesTest, AllYoungIsNoOutage) {
  add("chat1", false);
  add("chat2", false);
  EXPECT_EQ(selectable("chat"), (Ids{1, 2}));
}

TEST_F(RoutesTest, ADownOneIsNotChosen) {
  add("chat1", true, false);
  add("chat2");
  EXPECT_EQ(selectable("chat"), Ids{2});
  upstreams_.open(2).up = false;
  EXPECT_EQ(selectable("chat"), Ids{0});
  upstreams_.open(1).up = true;
  EXPECT_EQ(selectable("chat"), Ids{1});
}

TEST_F(RoutesTest, YoungOnesServeWhenEveryAdultIsDownOrDraining) {
  add("chat1", true, false);
  add("chat2", true, true, true);
  add("chat3", false);
  EXPECT_EQ(selectable("chat"), Ids{3});
}

TEST_F(RoutesTest, ADrainingOneIsNotChosen) {
  add("chat1", true, true, true);
  add("chat2");
  EXPECT_EQ(selectable("chat"), Ids{2});
  catalogue_.entries[1].draining = true;
  EXPECT_EQ(selectable("chat"), Ids{0});
}

TEST_F(RoutesTest, OneThatDoesNotAnswerIsNotChosenUnlessNoneDoes) {
  add("chat1");
  add("chat2");
  add("chat3", false);
  upstreams_.open(1).silent = true;
  EXPECT_EQ(selectable("chat"), Ids{2});
  upstreams_.open(2).mute = true;
  EXPECT_EQ(selectable("chat"), Ids{3}) << "a young one that answers is better";
  upstreams_.open(3).silent = true;
  EXPECT_EQ(selectable("chat"), (Ids{1, 2})) << "as if all did";
}

TEST_F(RoutesTest, AnInstanceThatNoShardHasHeardOfIsNotChosen) {
  catalogue_.entries.push_back({99, "chat", "chat99", "", true, false});
  EXPECT_EQ(select("chat"), 0u);
}

TEST_F(RoutesTest, AnAliasTakesTheOthersInstances) {
  aliases_ = {{"login", "chat"}, {"game", "nowhere"}};
  add("chat1");
  add("login2");  // what an alias hides is not used
  EXPECT_EQ(selectable("login"), Ids{1});
  EXPECT_EQ(selectable("chat"), Ids{1});
  EXPECT_EQ(selectable("game"), Ids{0});
  EXPECT_EQ(selectable("nowhere"), Ids{0});
}

TEST_F(RoutesTest, TheSelectionIsTheSameWhateverCameAndWentMeanwhile) {
  add("chat1");
  add("chat2");
  std::vector<std::uint32_t> before;
  for (std::uint32_t crc = 0; crc < 20; ++crc) before.push_back(select("chat", crc));
  add("chat3", false);
  add("chat4", true, false);
  add("chat5", true, true, true);
  std::vector<std::uint32_t> after;
  for (std::uint32_t crc = 0; crc < 20; ++crc) after.push_back(select("chat", crc));
  EXPECT_EQ(before, after);
}

// --- Selectors ----------------------------------------------------------------------------------

std::shared_ptr<const SelectorSet> selectors(
    std::map<std::string, SelectorKind, std::less<>> by_service) {
  auto table = ZoneTable::parse(
      R"({"zones": [{"id": "a", "weight": 80}, {"id": "b", "weight": 20}],
          "whitelist": [{"key": "kim", "value": "b"}]})");
  EXPECT_TRUE(table);
  return std::make_shared<const SelectorSet>(Selectors{SelectorKind::kHash, std::move(by_service)},
                                             std::make_shared<const ZoneTable>(std::move(*table)));
}

TEST_F(RoutesTest, EachServiceHasItsSelectorByTheNameThatCommandsHave) {
  aliases_ = {{"group", "chat"}};
  catalogue_.selectors = selectors({{"chat", SelectorKind::kRoute}});
  add("chat1");
  add("chat2");
  catalogue_.entries[0].zone = "a";
  catalogue_.entries[1].zone = "b";
  EXPECT_EQ(selectable("chat"), Ids{2}) << "the whitelist's zone";
  EXPECT_FALSE(zone_fallback_);
  EXPECT_EQ(selectable("group"), (Ids{1, 2})) << "by hash, on the same instances";
}

TEST_F(RoutesTest, AZoneWhoseLinksAreDownFallsBackAndSaysSo) {
  catalogue_.selectors = selectors({{"chat", SelectorKind::kRoute}});
  add("chat1");
  add("chat2");
  add("chat3", true, false);
  for (int i = 0; i < 3; ++i)
    catalogue_.entries[static_cast<std::size_t>(i)].zone = i < 2 ? "a" : "b";
  for (std::uint32_t crc = 0; crc < 20; ++crc) {
    EXPECT_EQ(select("chat", crc), crc % 2 + 1);
    EXPECT_TRUE(zone_fallback_);
  }
  upstreams_.open(3).up = true;
  EXPECT_EQ(selectable("chat"), Ids{3});
  EXPECT_FALSE(zone_fallback_);
}

TEST_F(RoutesTest, RendezvousKeepsChannelsWhenAnotherLinkBreaks) {
  catalogue_.selectors = selectors({{"chat", SelectorKind::kRendezvous}});
  for (const char* const id : {"chat1", "chat2", "chat3"}) add(id);
  std::vector<std::uint32_t> before;
  for (std::uint32_t crc = 0; crc < 300; ++crc) before.push_back(select("chat", crc));
  EXPECT_EQ(std::set<std::uint32_t>(before.begin(), before.end()), (Ids{1, 2, 3}));
  upstreams_.open(2).up = false;
  for (std::uint32_t crc = 0; crc < 300; ++crc) {
    const std::uint32_t now = select("chat", crc);
    EXPECT_NE(now, 2u);
    if (before[crc] != 2) {
      EXPECT_EQ(now, before[crc]);
    }
  }
}

TEST(FollowedServices, AreTheProtocolsAndThoseOfAliases) {
  EXPECT_EQ(followed_services({}), (std::set<std::string>{"chat", "echo", "login"}));
  EXPECT_EQ(followed_services({{"login", "chat"}, {"game", "play"}}),
            (std::set<std::string>{"chat", "echo", "play"}));
}

TEST(RoutesServiceOf, IsThePartBeforeTheFirstDot) {
  EXPECT_EQ(Routes::service_of("chat.user.talk"), "chat");
  EXPECT_EQ(Routes::service_of("chat."), "chat");
  EXPECT_EQ(Routes::service_of("chat"), "default");
  EXPECT_EQ(Routes::service_of(""), "default");
  EXPECT_EQ(Routes::service_of(".talk"), "");
}

}  // namespace
}  // namespace ringgate
