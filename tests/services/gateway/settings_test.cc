#include "services/gateway/settings.h"

#include <gtest/gtest.h>

#include "tests/common/temp_dir.h"

namespace ringgate {
namespace {

constexpr std::string_view kRoutes = R"({"zones": [{"id": "a", "weight": 1}]})";

Result<Config> parse(const std::string& more, const std::string& variable = {},
                     ProcessRole role = ProcessRole::kGateway) {
  return parse_config(
      "ServiceID: g1\nRegistryFile: f\nAppSecret: a secret of the tests\n" + more,
      [&](const std::string& name) -> std::optional<std::string> {
        if (name == "RINGGATE_SELECTORS") return variable;
        return std::nullopt;
      },
      role);
}

// The message, which has to be one line; exit code 2 is asserted on the way.
std::string error_of(const Result<Config>& result) {
  if (result) return "(no error)";
  EXPECT_EQ(result.error().exit_code, 2);
  EXPECT_EQ(result.error().message.find('\n'), std::string::npos) << result.error().message;
  return result.error().message;
}

SelectorKind kind(const Result<Config>& config, std::string_view service) {
  EXPECT_TRUE(config) << config.error().message;
  return make_selectors(*config)->of(service).kind();
}

#define EXPECT_CONTAINS(text, part) \
  EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)

TEST(SelectorSet, WithoutConfigurationIsHash) {
  EXPECT_EQ(kind(parse(""), "chat"), SelectorKind::kHash);
  EXPECT_EQ(selectors_of(Catalogue{}).of("chat").kind(), SelectorKind::kHash);
}

TEST(SelectorSet, TheCatalogueCarriesIt) {
  Catalogue catalogue;
  catalogue.selectors = make_selectors(*parse("Selectors: rendezvous\n"));
  EXPECT_EQ(selectors_of(catalogue).of("chat").kind(), SelectorKind::kRendezvous);
}

TEST(SelectorSet, OneWordIsForAll) {
  const auto config = parse("Selectors: rendezvous\n");
  EXPECT_EQ(kind(config, "chat"), SelectorKind::kRendezvous);
  EXPECT_EQ(kind(config, "default"), SelectorKind::kRendezvous);
}

TEST(SelectorSet, AMapIsPerServiceAndTheRestIsHash) {
  const test::TempDir folder;
  const std::string file = folder.write("route.json", kRoutes).string();
  const auto config = parse(
      "Routes: {group: chat}\nSelectors: {chat: route, group: Rendezvous, login: hash}\n"
      "RouteFile: " +
      file + "\n");
  EXPECT_EQ(kind(config, "chat"), SelectorKind::kRoute);
  EXPECT_EQ(kind(config, "group"), SelectorKind::kRendezvous);
  EXPECT_EQ(kind(config, "login"), SelectorKind::kHash);
  EXPECT_EQ(kind(config, "other"), SelectorKind::kHash);
}

TEST(SelectorSet, TheEnvironmentHasPairsOrAWord) {
  const auto pairs = parse("Selectors: hash\n", "chat=rendezvous, login = hash");
  EXPECT_EQ(kind(pairs, "chat"), SelectorKind::kRendezvous);
  EXPECT_EQ(kind(pairs, "echo"), SelectorKind::kHash);
  // It replaces what the file says, whole.
  const auto word = parse("Selectors: {login: hash}\n", "rendezvous");
  EXPECT_EQ(kind(word, "login"), SelectorKind::kRendezvous);
}

TEST(SelectorSet, BadValuesAreRefused) {
  EXPECT_CONTAINS(error_of(parse("Selectors: random\n")), "hash, route or rendezvous");
  EXPECT_CONTAINS(error_of(parse("Selectors: {chat: random}\n")), "\"random\"");
  EXPECT_CONTAINS(error_of(parse("Selectors: {chat.talk: hash}\n")), "before the first dot");
  EXPECT_CONTAINS(error_of(parse("Selectors: [chat=hash, chat=hash]\n")), "twice");
  EXPECT_CONTAINS(error_of(parse("Selectors: [chat=hash, login]\n")), "login: hash, route or");
  EXPECT_CONTAINS(error_of(parse("Selectors: [\"chat=a\\nb\", x=hash]\n")), "Selectors");
}

TEST(SlowConsumers, AreOneForAllOrByPrefix) {
  const auto one = parse("SlowConsumer: Drop_Oldest\n");
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(one->gateway.slow_consumers.of("chat"), SlowConsumer::kDropOldest);
  EXPECT_FALSE(one->gateway.slow_consumers.only_closes());
  const auto pairs = parse("SlowConsumer: {presence: newest_only, chat: close}\n");
  ASSERT_TRUE(pairs) << pairs.error().message;
  EXPECT_EQ(pairs->gateway.slow_consumers.of("presence"), SlowConsumer::kNewestOnly);
  EXPECT_EQ(pairs->gateway.slow_consumers.of("chat"), SlowConsumer::kClose);
  EXPECT_EQ(pairs->gateway.slow_consumers.of("other"), SlowConsumer::kClose);
  EXPECT_TRUE(parse("")->gateway.slow_consumers.only_closes());
  EXPECT_EQ(parse("SlowConsumer: \"{presence: newest_only, x=close}\"\n")  // of the environment
                ->gateway.slow_consumers.of("presence"),
            SlowConsumer::kNewestOnly);
  EXPECT_CONTAINS(error_of(parse("SlowConsumer: drop\n")),
                  "\"drop\" is no policy; write close, drop_oldest or newest_only");
  EXPECT_CONTAINS(error_of(parse("SlowConsumer: [chat=close, x]\n")), "x: has no policy; write x:");
}

TEST(Bounds, ThatMayBeNoneMayBeWrittenAsOff) {
  const auto config = parse("AcceptRate: off\nMaxMemory: OFF\nMaxQueuedAnswerBytes: off\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->shard.accepts_per_s, 0U);
  EXPECT_EQ(config->gateway.max_memory_bytes, 0U);
  EXPECT_EQ(config->shard.max_answer_bytes, 0U);
  EXPECT_CONTAINS(error_of(parse("MaxFrame: off\n")),
                  "MaxFrame: takes a size such as 64KiB, from 64 to 1GiB");
  EXPECT_CONTAINS(error_of(parse("MaxClientOutstanding: off\n")), "a whole number from 1 to ");
}

TEST(Bounds, ThatLetNobodyInOrHaveNoEffectAreNoticed) {
  EXPECT_CONTAINS(parse("MaxMemory: 1\n")->notices.at(0), "hardly anybody is let in");
  EXPECT_CONTAINS(parse("MaxQueuedAnswerBytes: 1KiB\n")->notices.at(0), "below MaxQueuedBytes");
  EXPECT_TRUE(parse("MaxMemory: 16MiB\nMaxQueuedAnswerBytes: 0\n")->notices.empty());
}

TEST(SelectorSet, RouteNeedsItsFile) {
  EXPECT_CONTAINS(error_of(parse("Selectors: route\n")), "RouteFile is missing");
  EXPECT_CONTAINS(error_of(parse("Selectors: {chat: route}\n")), "RouteFile is missing");
  EXPECT_CONTAINS(error_of(parse("Selectors: route\nRouteFile: /nowhere/r.json\n")),
                  "/nowhere/r.json");
  const test::TempDir folder;
  const std::string bad = folder.write("route.json", R"({"zones": []})").string();
  const std::string message = error_of(parse("Selectors: route\nRouteFile: " + bad + "\n"));
  EXPECT_CONTAINS(message, "RouteFile: " + bad + ": zones");
}

TEST(SelectorSet, ARouteFileThatNobodyNeedsIsNoticed) {
  const auto config = parse("RouteFile: /nowhere/r.json\n");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->notices.size(), 1u);
  EXPECT_CONTAINS(config->notices[0], "RouteFile has no effect");
}

// One file may serve all processes of a host; only gateways select.
TEST(SelectorSet, LogicServicesDoNotReadTheRouteFile) {
  EXPECT_TRUE(parse("Selectors: route\n", {}, ProcessRole::kChat));
}

// The old table lives as long as a set made from it, whatever became of its configuration.
TEST(SelectorSet, KeepsItsTable) {
  const test::TempDir folder;
  const std::string file = folder.write("route.json", kRoutes).string();
  std::shared_ptr<const SelectorSet> selectors;
  {
    const auto config = parse("Selectors: route\nRouteFile: " + file + "\n");
    ASSERT_TRUE(config);
    selectors = make_selectors(*config);
  }
  const CatalogueEntry entry{1, "chat", "chat01", "a", true, false};
  EXPECT_EQ(selectors->of("chat").prepare({&entry})->select({0, "alice", "kim"}).index, 0u);
}

}  // namespace
}  // namespace ringgate
