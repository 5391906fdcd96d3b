// `ringgate explain-route`, and what a wrong route file does to it and to a gateway's start.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>

#include "tests/integration/command_run.h"
#include "tests/integration/world.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kZones =
    R"("zones": [{"id": "a", "weight": 80}, {"id": "b", "weight": 20}], )"
    R"("whitelist": [{"key": "vip", "value": "b"}])";

class ExplainRoute : public testing::Test {
 protected:
  ExplainRoute() {
    add("chat01", "chat", "a");
    add("chat02", "chat", "a");
    add("chat03", "chat", "b");
    add("login01", "login", "");
  }
  void add(const std::string& id, const std::string& name, const std::string& zone) const {
    world_.add({id, name, "127.0.0.1", 1, "tcp", zone, {}, {}});
  }
  [[nodiscard]] std::string config(const std::string& route_file) const {
    const std::string file = world_.folder().write("route.json", route_file).string();
    return world_.config("gateway", "g1", {{"Selectors", "{chat: route}"}, {"RouteFile", file}});
  }
  [[nodiscard]] static Ended explain(const std::string& config, const std::string& app,
                                     const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"explain-route", "-c",   config, "--app", app,
                                          "--account",     "test1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }

  World world_;
};

TEST_F(ExplainRoute, SaysTheServiceAndWhyForBothSpellings) {
  for (const std::string key : {"route_by", "routeBy"}) {
    const std::string file = config("{\"" + key + "\": \"account\", " + kZones + "}");
    const Ended by_slot = explain(file, "kim");
    EXPECT_EQ(by_slot.code, 0) << by_slot.output;
    EXPECT_THAT(by_slot.output,
                AllOf(StartsWith("chat for app kim, account test1: chat01\n"),
                      HasSubstr("the whitelist has no app kim"),
                      HasSubstr("crc32(test1) = 2326977762 % 100 = 62 → zone a"),
                      HasSubstr("zone a has 2 of the 3 candidates: chat01, chat02"),
                      HasSubstr("% 20 = 2; / 10 = 0 → chat01"), HasSubstr("services.json")));
    const Ended by_whitelist = explain(file, "vip");
    EXPECT_THAT(by_whitelist.output, AllOf(StartsWith("chat for app vip, account test1: chat03\n"),
                                           HasSubstr("the whitelist sends app vip to zone b")));
    const Ended by_app = explain(config("{\"" + key + "\": \"app\", " + kZones + "}"), "test1");
    EXPECT_THAT(by_app.output, HasSubstr("route_by is app: crc32(test1)"));
  }
}

TEST_F(ExplainRoute, OfHashNeedsAChannelOrShowsAnExample) {
  const std::string file = config("{" + std::string(kZones) + "}");
  const Ended example = explain(file, "kim", {"--service", "login"});
  EXPECT_EQ(example.code, 0);
  EXPECT_THAT(example.output, StartsWith("login for app kim, account test1: login01\n"));
  add("login02", "login", "");
  EXPECT_THAT(explain(file, "kim", {"--service", "login"}).output,
              AllOf(HasSubstr("depends on the channel id; for example login0"),
                    HasSubstr("new at every login"), HasSubstr("g1_test1_example")));
  EXPECT_THAT(explain(file, "kim", {"--service", "login", "--channel", "test1"}).output,
              AllOf(HasSubstr("account test1: login01\n"), HasSubstr("2326977762 % 2 = 0")));
}

TEST_F(ExplainRoute, AsJson) {
  const Ended ended = explain(config("{" + std::string(kZones) + "}"), "kim", {"--json"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.output, AllOf(StartsWith("{"), HasSubstr("\"selector\": \"route\""),
                                  HasSubstr("\"chosen\": \"chat01\""), EndsWith("}\n")));
}

TEST_F(ExplainRoute, AnUnknownServiceIsCode1) {
  const Ended ended =
      explain(config("{" + std::string(kZones) + "}"), "kim", {"--service", "game"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.output, AllOf(HasSubstr("no service"), HasSubstr("no instance of game"),
                                  HasSubstr("chat, login")));
}

TEST_F(ExplainRoute, SaysWhichEntriesAreRefusedAndThatAFileIsMissing) {
  const std::string file = config("{\"route_by\": \"app\", " + std::string(kZones) + "}");
  world_.folder().write(
      "services.json",
      R"({"services": [{"id": "chat09", "name": "chat", "address": "http://x", "port": 1}]})");
  EXPECT_THAT(explain(file, "kim").output,
              AllOf(HasSubstr("services.json: "), HasSubstr("chat09"), HasSubstr("it is refused")));
  std::filesystem::remove(world_.registry_file());
  const Ended missing = explain(file, "kim");
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.output, HasSubstr("services.json: is not there"));
}

TEST_F(ExplainRoute, ABadQuestionIsOneLineAndCode2) {
  const std::string file = config("{" + std::string(kZones) + "}");
  const Ended bad = explain(file, "k,m");
  EXPECT_EQ(bad.code, 2);
  EXPECT_THAT(bad.output, StartsWith("ringgate: --app: "));
  EXPECT_EQ(std::ranges::count(bad.output, '\n'), 1) << bad.output;
  EXPECT_EQ(run({"explain-route", "-c", file, "--app", "kim"}).code, 2);
  EXPECT_EQ(run({"explain-route", "--help"}).code, 0);
}

struct Broken {
  std::string name;
  std::string json;
  std::vector<std::string> says;
};
void PrintTo(const Broken& broken, std::ostream* to) {
  *to << broken.name;
}

class BrokenRouteFile : public ExplainRoute, public testing::WithParamInterface<Broken> {};

TEST_P(BrokenRouteFile, EndsBothWithOneLineAndCode2) {
  const std::string file = config(GetParam().json);
  const std::vector<std::vector<std::string>> commands = {
      {"gateway", "-c", file, "--check-config"},
      {"gateway", "-c", file},
      {"explain-route", "-c", file, "--app", "kim", "--account", "alice"}};
  for (const std::vector<std::string>& command : commands) {
    const Ended ended = run(command);
    EXPECT_EQ(ended.code, 2);
    EXPECT_EQ(std::ranges::count(ended.output, '\n'), 1) << ended.output;
    EXPECT_THAT(ended.output, AllOf(StartsWith("ringgate: "), HasSubstr("g1.yaml: RouteFile: "),
                                    HasSubstr("route.json")));
    for (const std::string& text : GetParam().says) EXPECT_THAT(ended.output, HasSubstr(text));
  }
}

const Broken kBroken[] = {
    {"NotJson", "{\n\"zones\": [,]}", {"line 2", "not JSON"}},
    {"NoZones", "{}", {"zones", "there is no zone"}},
    {"UnknownKey", R"({"zoness": []})", {"\"zoness\"", "zones"}},
    {"AllZero", R"({"zones": [{"id": "a", "weight": 0}]})", {"zones", "every weight is 0"}},
    {"ControlCharacter", R"({"zones": [{"id": "a\u001b", "weight": 1}]})", {"take it out"}},
    {"Negative", R"({"zones": [{"id": "a", "weight": -1}]})", {"zones[0].weight", "-1"}},
    {"TooMuch", R"({"zones": [{"id": "a", "weight": 1000001}]})", {"zones[0].weight", "1000000"}},
    {"SameIds",
     R"({"zones": [{"id": "a", "weight": 1}, {"id": "a", "weight": 1}]})",
     {"zones[1].id", "\"a\""}},
    {"UnknownZone",
     R"({"zones": [{"id": "a", "weight": 1}], "whitelist": [{"key": "kim", "value": "b"}]})",
     {"whitelist[0].value", "no zone \"b\""}},
    {"RouteBy",
     R"({"route_by": "user", "zones": [{"id": "a", "weight": 1}]})",
     {"route_by", "user", "account"}},
    {"TooLong", std::string((1 << 20) + 1, ' '), {"longer than 1MiB"}},
};

INSTANTIATE_TEST_SUITE_P(ExplainRoute, BrokenRouteFile, testing::ValuesIn(kBroken),
                         [](const auto& test) { return test.param.name; });

TEST_F(ExplainRoute, ARouteFileThatIsNotThereOrNotNamedIsCode2) {
  const Ended missing = run(
      {"gateway", "-c",
       world_.config("gateway", "g1", {{"Selectors", "route"}, {"RouteFile", "/nowhere/r.json"}}),
       "--check-config"});
  EXPECT_EQ(missing.code, 2);
  EXPECT_THAT(missing.output, HasSubstr("/nowhere/r.json"));
  const Ended unnamed =
      run({"gateway", "-c", world_.config("gateway", "g1", {{"Selectors", "route"}}),
           "--check-config"});
  EXPECT_EQ(unnamed.code, 2);
  EXPECT_THAT(unnamed.output, HasSubstr("RouteFile is missing"));
}

}  // namespace
}  // namespace ringgate::test
