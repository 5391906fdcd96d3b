#include <gmock/gmock.h>
#include <simdjson.h>

#include <set>

#include "services/gateway/explain.h"

namespace ringgate {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

std::shared_ptr<const SelectorSet> selectors(SelectorKind kind) {
  auto table = ZoneTable::parse(
      R"({"zones": [{"id": "a", "weight": 80}, {"id": "b", "weight": 20}],
          "whitelist": [{"key": "vip", "value": "b"}]})");
  EXPECT_TRUE(table);
  return std::make_shared<const SelectorSet>(Selectors{kind, {}},
                                             std::make_shared<const ZoneTable>(std::move(*table)));
}

Instance service(const std::string& id, const std::string& name, const std::string& zone = {}) {
  return {.id = id,
          .name = name,
          .address = "127.0.0.1",
          .port = 1,
          .zone = zone,
          .tags = {},
          .meta = {}};
}

class ExplainRoute : public testing::Test {
 protected:
  RouteExplanation explain(SelectorKind kind, const RouteQuery& query) {
    catalogue_.selectors = selectors(kind);
    EXPECT_TRUE(check_query(query));
    return explain_route({catalogue_, aliases_, "g1", connected_}, query);
  }

  ServiceAliases aliases_;
  std::function<bool(const CatalogueEntry&)> connected_;
  Catalogue catalogue_ =
      catalogue_of({service("chat02", "chat", "a"), service("chat01", "chat", "a"),
                    service("chat03", "chat"), service("login01", "login")},
                   followed_services({}), nullptr);
};

TEST_F(ExplainRoute, SaysEveryStepToTheService) {
  const RouteExplanation explanation =
      explain(SelectorKind::kRoute, {.app = "kim", .account = "test1"});
  EXPECT_EQ(explanation.chosen, "chat01");
  EXPECT_EQ(to_text(explanation),
            "chat for app kim, account test1: chat01\n"
            "  1. commands chat.* go to the service chat\n"
            "  2. candidates: chat01 (zone a), chat02 (zone a), chat03\n"
            "  3. the selector of chat is route\n"
            "  4. the whitelist has no app kim\n"
            "  5. route_by is account: crc32(test1) = 2326977762 % 100 = 62 → zone a (weight 80 "
            "of 100)\n"
            "  6. zone a has 2 of the 3 candidates: chat01, chat02\n"
            "  7. crc32(test1) = 2326977762 % 20 = 2; / 10 = 0 → chat01\n");
}

TEST_F(ExplainRoute, WithoutAChannelShowsAnExample) {
  for (const SelectorKind kind : {SelectorKind::kHash, SelectorKind::kRendezvous}) {
    const RouteExplanation explanation = explain(kind, {.app = "kim", .account = "test1"});
    EXPECT_TRUE(explanation.by_channel);
    EXPECT_EQ(explanation.example_channel, "g1_test1_example");
    EXPECT_THAT(explanation.steps.back(),
                AllOf(HasSubstr("new at every login"), HasSubstr("g1_test1_example")));
    EXPECT_THAT(to_text(explanation), HasSubstr("depends on the channel id; for example chat0"));
    const RouteExplanation with_channel =
        explain(kind, {.app = "kim", .account = "test1", .channel = "g1_test1_example"});
    EXPECT_EQ(with_channel.chosen, explanation.chosen);
    EXPECT_EQ(with_channel.example_channel, "");
    EXPECT_EQ(with_channel.steps.size() + 1, explanation.steps.size());
  }
}

TEST_F(ExplainRoute, AFallbackIsSaidAndDependsOnTheChannel) {
  const RouteExplanation explanation =
      explain(SelectorKind::kRoute, {.app = "vip", .account = "test1", .channel = "test1"});
  EXPECT_TRUE(explanation.zone_fallback);
  EXPECT_TRUE(explanation.by_channel);
  EXPECT_EQ(explanation.chosen, "chat01");  // 2326977762 % 3 = 0
}

// The same answer as select()'s, whatever the account and the selector.
TEST_F(ExplainRoute, SaysWhatIsChosen) {
  for (const SelectorKind kind :
       {SelectorKind::kHash, SelectorKind::kRoute, SelectorKind::kRendezvous}) {
    const auto set = selectors(kind);
    const Candidates candidates =
        candidates_of(catalogue_, "chat", [](const CatalogueEntry&) { return true; });
    const auto group = set->of("chat").prepare(candidates);
    std::set<std::string> seen;
    for (int i = 0; i < 200; ++i) {
      const std::string account = "account" + std::to_string(i);
      const std::string channel = "g1_" + account + "_x";
      const std::string app = i % 3 == 0 ? "vip" : "kim";
      const RouteExplanation explanation =
          explain(kind, {.app = app, .account = account, .channel = channel});
      const Selection selection = group->select({crc32_ieee(channel), account, app});
      EXPECT_EQ(explanation.chosen, candidates[selection.index]->service_id);
      EXPECT_EQ(explanation.zone_fallback, selection.zone_fallback);
      EXPECT_TRUE(explanation.steps.back().ends_with("→ " + explanation.chosen));
      seen.insert(explanation.chosen);
    }
    EXPECT_EQ(seen.size(), 3u);
  }
}

TEST_F(ExplainRoute, SaysWhoIsNotUsedAndWhy) {
  catalogue_.entries[0].draining = true;  // chat01
  catalogue_.entries[2].adult = false;    // chat03
  RouteExplanation explanation =
      explain(SelectorKind::kHash, {.app = "kim", .account = "alice", .channel = "x"});
  EXPECT_EQ(explanation.chosen, "chat02");
  EXPECT_THAT(explanation.steps, Contains("not used: chat01 (zone a, draining), chat03 (young)"));
  connected_ = [](const CatalogueEntry& entry) { return entry.service_id != "chat02"; };
  explanation = explain(SelectorKind::kHash, {.app = "kim", .account = "alice", .channel = "x"});
  EXPECT_EQ(explanation.chosen, "chat03") << "all-young is not an outage";
  EXPECT_THAT(explanation.steps, Contains("candidates: chat03 (young)"));
  EXPECT_THAT(explanation.steps,
              Contains("not used: chat01 (zone a, draining), chat02 (zone a, no link)"));
  connected_ = [](const CatalogueEntry&) { return false; };
  explanation = explain(SelectorKind::kHash, {.app = "kim", .account = "alice", .channel = "x"});
  EXPECT_EQ(explanation.chosen, "");
  EXPECT_THAT(explanation.steps.back(), HasSubstr("answered with 300"));
}

TEST_F(ExplainRoute, AnAliasIsFollowed) {
  aliases_ = {{"group", "chat"}};
  const RouteExplanation explanation =
      explain(SelectorKind::kRoute, {.app = "kim", .account = "test1", .service = "group"});
  EXPECT_EQ(explanation.chosen, "chat01");
  EXPECT_THAT(explanation.steps, Contains("Routes sends commands group.* to the service chat"));
}

TEST_F(ExplainRoute, AnUnknownServiceIsToldWhatThereIs) {
  RouteExplanation explanation =
      explain(SelectorKind::kHash, {.app = "kim", .account = "alice", .service = "game"});
  EXPECT_EQ(explanation.chosen, "");
  EXPECT_THAT(explanation.steps,
              Contains(AllOf(HasSubstr("no instance of game"), HasSubstr("Routes has to name it"),
                             HasSubstr("chat, login"))));
  EXPECT_THAT(to_text(explanation), HasSubstr("account alice: no service\n"));
  explanation = explain(SelectorKind::kHash, {.app = "kim", .account = "alice", .service = "echo"});
  EXPECT_THAT(explanation.steps, Contains(HasSubstr("no instance of echo is known; there are")));
}

TEST_F(ExplainRoute, TheJsonIsJsonWhateverTheNames) {
  const std::string account = R"(al"i\ce→)";
  const std::string json =
      to_json(explain(SelectorKind::kRoute, {.app = "k\"m", .account = account}));
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  ASSERT_EQ(parser.parse(json).get(root), simdjson::SUCCESS) << json;
  EXPECT_EQ(std::string_view(root["account"]), account);
  EXPECT_EQ(std::string_view(root["app"]), "k\"m");
  EXPECT_EQ(std::string_view(root["service"]), "chat");
  EXPECT_EQ(std::string_view(root["selector"]), "route");
  EXPECT_TRUE(root["channel"].is_null());
  EXPECT_EQ(simdjson::dom::array(root["candidates"]).size(), 3u);
  EXPECT_EQ(std::string_view(root["candidates"].at(0)["id"]), "chat01");
  EXPECT_EQ(std::string_view(root["candidates"].at(0)["zone"]), "a");
  EXPECT_GE(simdjson::dom::array(root["steps"]).size(), 4u);
  EXPECT_TRUE(root["zone_fallback"].is_bool());
  EXPECT_TRUE(root["by_channel"].is_bool());
}

TEST_F(ExplainRoute, TheJsonOfNoServiceHasNulls) {
  const std::string json =
      to_json(explain(SelectorKind::kHash, {.app = "kim", .account = "alice", .service = "game"}));
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  ASSERT_EQ(parser.parse(json).get(root), simdjson::SUCCESS) << json;
  EXPECT_TRUE(root["chosen"].is_null());
  EXPECT_TRUE(root["example_channel"].is_null());
  EXPECT_EQ(simdjson::dom::array(root["candidates"]).size(), 0u);
}

TEST(ExplainRouteQuery, IsCheckedLikeATokenAndACommand) {
  const RouteQuery good{.app = "kim", .account = "alice"};
  EXPECT_TRUE(check_query(good));
  const auto error = [&good](auto&& change) {
    RouteQuery query = good;
    change(query);
    const Result<void> checked = check_query(query);
    if (checked) return std::string("(no error)");
    EXPECT_EQ(checked.error().exit_code, 2);
    return checked.error().message.substr(0, checked.error().message.find(':'));
  };
  EXPECT_EQ(error([](RouteQuery& query) { query.app = ""; }), "app");
  EXPECT_EQ(error([](RouteQuery& query) { query.account = "a,b"; }), "account");
  EXPECT_EQ(error([](RouteQuery& query) { query.account = "\xff"; }), "account");
  EXPECT_EQ(error([](RouteQuery& query) { query.service = ""; }), "service");
  EXPECT_EQ(error([](RouteQuery& query) { query.service = "chat.user"; }), "service");
  EXPECT_EQ(error([](RouteQuery& query) { query.channel = "a,b"; }), "channel");
  EXPECT_EQ(error([](RouteQuery& query) { query.channel = std::string(300, 'a'); }), "channel");
  EXPECT_EQ(error([](RouteQuery& query) { query.channel = "a\nb"; }), "channel");
  EXPECT_EQ(error([](RouteQuery& query) { query.channel = "\xff"; }), "channel");
  EXPECT_EQ(error([](RouteQuery& query) { query.channel = std::string(513, 'x'); }), "channel");
}

TEST(CatalogueOf, HasWhatAGatewayWouldDial) {
  Instance websocket = service("chat03", "chat");
  websocket.protocol = "ws";
  const Catalogue catalogue =
      catalogue_of({service("login01", "login"), service("chat02", "chat"),
                    service("chat01", "chat"), websocket, service("game01", "game")},
                   followed_services({}), nullptr);
  std::vector<std::string> ids;
  for (const CatalogueEntry& entry : catalogue.entries) {
    ids.push_back(entry.service_id);
    EXPECT_TRUE(entry.adult);
    EXPECT_FALSE(entry.draining);
  }
  EXPECT_EQ(ids, (std::vector<std::string>{"chat01", "chat02", "login01"}));
}

}  // namespace
}  // namespace ringgate
