// `ringgate config --effective` as a process says it.
#include <gmock/gmock.h>

#include "tests/integration/command_run.h"
#include "tests/integration/world.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(EffectiveConfigCommand, ShowsTheFileAndTheEnvironmentAndNoSecret) {
  const World world;
  const std::string file = world.config("gateway", "g1", {{"IdleTimeout", "40s"}});
  setenv("RINGGATE_MAXMETAS", "17", 1);
  const Ended text = run({"config", "--effective", "-c", file});
  const Ended json = run({"config", "--effective", "-c", file, "--json"});
  unsetenv("RINGGATE_MAXMETAS");
  EXPECT_EQ(text.code, 0) << text.output;
  EXPECT_THAT(text.output, AllOf(HasSubstr("RINGGATE_MAXMETAS"), HasSubstr("40s"),
                                 HasSubstr("********"), Not(HasSubstr(kSecret))));
  EXPECT_EQ(json.code, 0) << json.output;
  EXPECT_THAT(json.output, AllOf(HasSubstr(R"("name": "RINGGATE_MAXMETAS")"),
                                 HasSubstr(R"("source": "environment")"), Not(HasSubstr(kSecret))));
}

TEST(EffectiveConfigCommand, RefusesWhatAStartWouldRefuse) {
  const World world;
  const std::string file = world.config("gateway", "g1", {{"IdleTimeout", "40"}});
  EXPECT_EQ(run({"config", "--effective", "-c", file}).code, 2);
  EXPECT_EQ(run({"config", "-c", world.config("gateway", "g2", {})}).code, 2);
  EXPECT_EQ(run({"config", "--effective", "-c", file, "--role", "king"}).code, 2);
  const Ended chat = run({"config", "--effective", "--role", "chat", "-c",
                          world.config("chat", "c1", {{"MemorySessions", "true"}})});
  EXPECT_EQ(chat.code, 0) << chat.output;
  EXPECT_THAT(chat.output, HasSubstr("not heeded by a chat"));
}

}  // namespace
}  // namespace ringgate::test
