// Two processes that were given one ServiceID, as copied configurations do it: one of them serves,
// and somebody says it.
#include <gmock/gmock.h>

#include <csignal>

#include "tests/common/free_port.h"
#include "tests/integration/command_run.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(OneId, ASecondProcessIsRefusedWhileTheFirstLivesAndIsToldWhereThatIs) {
  for (const char* const role : {"gateway", "echo"}) {
    const World world;
    Server first(world, role, "twin01");
    const std::string file = world.config(role, "twin01", {});
    Ended second;
    // Until the first has said where it is, it is only known to start.
    wait_until("where the first is", [&] {
      second = run({role, "-c", file});
      return second.output.find("starting or ending") == std::string::npos;
    });
    EXPECT_EQ(second.code, 1) << role;
    expect_one_line(second);
    EXPECT_THAT(second.output,
                AllOf(HasSubstr("twin01"), HasSubstr("127.0.0.1:" + std::to_string(first.port())),
                      HasSubstr(", since 20"), HasSubstr("ServiceID of its own")));
    // However it ends, and although its entry stays.
    first.process().signal(SIGKILL);
    first.process().wait_exit();
    const Server again(world, role, "twin01");
    EXPECT_EQ(again.get("/health").status, 200) << role;
  }
}

// As usual: the same file, so that the ports are taken, too.
TEST(OneId, ASecondStartOfTheSameFileIsToldWhoseTheIdIs) {
  const World world;
  const Settings settings = {{"MonitorPort", std::to_string(free_port())}};
  const Server first(world, "gateway", "twin01", settings);
  Ended second;
  wait_until("where the first is", [&] {
    second = run({"gateway", "-c", world.config("gateway", "twin01", settings)});
    return second.output.find("starting or ending") == std::string::npos;
  });
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.output, AllOf(HasSubstr("ServiceID twin01 is that of another living process"),
                                   HasSubstr("127.0.0.1:" + std::to_string(first.port())),
                                   HasSubstr(", since 20")));
}

TEST(OneId, AFrozenProcessStillLives) {
  const World world;
  Server first(world, "echo", "twin01");
  first.process().freeze();
  EXPECT_EQ(run({"echo", "-c", world.config("echo", "twin01", {})}).code, 1);
}

TEST(OneId, ATakeoverIsLetIn) {
  const World world;
  Server first(world, "gateway", "g1");
  const std::string file =
      world.config("gateway", "g1", {{"Listen", "127.0.0.1:" + std::to_string(first.port())}});
  ProcessUnderTest second(ProcessUnderTest::ringgate({"gateway", "-c", file, "--takeover"}));
  second.wait_for_line("listening tcp");
  EXPECT_EQ(first.process().wait_exit(), 0);
  // Its entry is not the old one's to take away, and the id is the new one's.
  wait_until("the id's lock", [&] { return run({"gateway", "-c", file}).code == 1; });
  EXPECT_THAT(run({"gateway", "-c", world.config("gateway", "g1", {})}).output,
              HasSubstr("127.0.0.1:" + std::to_string(first.port())));
}

// In registries that do not know of each other.
TEST(OneId, AServiceSaysThatTwoGatewaysReplaceEachOthersLinks) {
  const World here;
  const World there;
  Server chat(here, "chat", "chat01", {{"MemorySessions", "true"}, {"MessageStore", "memory"}});
  Instance entry;
  entry.id = "chat01";
  entry.name = "chat";
  entry.address = "127.0.0.1";
  entry.port = chat.port();
  there.add(entry);
  const Server one(here, "gateway", "g1", {{"Routes", "{login: chat}"}});
  const Server other(there, "gateway", "g1", {{"Routes", "{login: chat}"}});
  EXPECT_THAT(chat.process().wait_for_line("two processes say"),
              AllOf(HasSubstr("gateway g1"), HasSubstr("127.0.0.1:"), HasSubstr("ServiceID")));
  EXPECT_EQ(chat.get("/ready").status, 200) << "it is not the chat's fault";
}

}  // namespace
}  // namespace ringgate::test
