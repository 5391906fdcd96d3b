// What a process says when it cannot start: one line that tells how to mend it, and its exit code.
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <stdexcept>

#include "tests/common/free_port.h"
#include "tests/integration/command_run.h"
#include "tests/integration/world.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class BadConfigs : public testing::TestWithParam<BadConfig> {};

TEST_P(BadConfigs, EndTheStartWithOneLineAndCode2) {
  expect_refused(GetParam());
}

const BadConfig kBadConfigs[] = {
    {"UnknownKey", "gateway", {{"LoginWaitt", "1s"}}, {"LoginWaitt", "LoginWait?", "line"}},
    {"OutOfRange", "gateway", {{"Shards", "5000"}}, {"Shards", "5000", "1024"}},
    {"NoUnit", "gateway", {{"LoginWait", "10"}}, {"LoginWait", "10s"}},
    {"NoSecret", "gateway", {{"AppSecret", ""}}, {"AppSecret", "AppSecretFile"}},
    {"PublicSecret",
     "gateway",
     {{"AppSecret", std::string(kDevelopmentSecret)}},
     {"AppSecret", "everybody knows", "openssl rand"}},
    {"ShortSecret", "gateway", {{"AppSecret", "15 bytes of it."}}, {"15 bytes", "16 at least"}},
    {"ShortPreviousSecret",
     "gateway",
     {{"AppSecretPrevious", "short"}},
     {"AppSecretPrevious has 5"}},
    {"NoSecretFile",
     "gateway",
     {{"AppSecret", ""}, {"AppSecretFile", "/nowhere/secret"}},
     {"/nowhere/secret"}},
    {"NoRegistry", "gateway", {{"RegistryFile", ""}}, {"RegistryFile"}},
    {"BothRegistries", "gateway", {{"ConsulURL", "localhost:8500"}}, {"ConsulURL", "RegistryFile"}},
    {"NotConsul",
     "chat",
     {{"ConsulURL", "localhost"}, {"RegistryFile", ""}},
     {"ConsulURL", "http://host:port"}},
    {"Tls", "gateway", {{"Listen", "wss://127.0.0.1:0"}}, {"Listen", "TlsCert is missing"}},
    {"BadYaml", "gateway", {{"Tags", "[a"}}, {"x1.yaml"}},
    {"BadServiceId", "gateway", {{"ServiceID", "a,b"}}, {"ServiceID"}},
    {"NoSessions", "login", {}, {"RedisAddrs", "MemorySessions"}},
    {"BothSessions",
     "chat",
     {{"MemorySessions", "true"}, {"RedisAddrs", "localhost:6379"}},
     {"RedisAddrs", "MemorySessions"}},
    {"ShardedMemory", "chat", {{"MemorySessions", "true"}, {"Shards", "2"}}, {"Shards: 1"}},
};

INSTANTIATE_TEST_SUITE_P(Start, BadConfigs, testing::ValuesIn(kBadConfigs),
                         [](const auto& test) { return test.param.name; });

TEST(Start, AMissingFileIsCode2) {
  const Ended ended = run({"gateway", "-c", "/nowhere/gateway.yaml"});
  EXPECT_EQ(ended.code, 2);
  expect_one_line(ended);
  EXPECT_THAT(ended.output, HasSubstr("/nowhere/gateway.yaml"));
}

TEST(Start, ASecretFileIsReadAsAGatewayReadsIt) {
  const World world;
  const std::string mark = "\xef\xbb\xbf";
  const std::string good = world.folder().write("good", "sixteen bytes or more\r\n").string();
  EXPECT_EQ(run({"token", "--account", "a", "--secret-file", good}).code, 0);
  const std::pair<std::string, std::string> bad[] = {
      {"/dev/zero", "longer than 4KiB"},
      {world.folder().write("long", std::string(4097, 'x')).string(), "longer than 4KiB"},
      {world.folder().write("blank", std::string(20, ' ')).string(), "blanks only"},
      {world.folder().write("mark", mark + "sixteen bytes or more").string(), "(BOM)"},
      {world.folder().write("empty", "\n").string(), "is empty"},
  };
  for (const auto& [file, says] : bad) {
    const Ended signer = run({"token", "--account", "a", "--secret-file", file});
    EXPECT_EQ(signer.code, 2) << file;
    expect_one_line(signer);
    EXPECT_THAT(signer.output, HasSubstr(says));
    expect_refused({"", "gateway", {{"AppSecret", ""}, {"AppSecretFile", file}}, {says}});
  }
}

// Which no gateway of ours would take.
TEST(Start, ATokenOfAShortSecretIsSignedWithAWarning) {
  const World world;
  const std::string file = world.folder().write("short", "15 bytes of it.\n").string();
  for (const std::vector<std::string>& secret :
       {std::vector<std::string>{"--secret", "15 bytes of it."}, {"--secret-file", file}}) {
    const Ended ended = run({"token", "--account", "a", secret[0], secret[1]});
    EXPECT_EQ(ended.code, 0);
    EXPECT_THAT(ended.output,
                AllOf(HasSubstr("ringgate: the secret has 15 bytes"), HasSubstr("16 at least")));
  }
  EXPECT_THAT(run({"token", "--account", "a", "--secret", "sixteen bytes ok"}).output,
              Not(HasSubstr("at least")));
}

TEST(Start, WrongUsageIsCode2) {
  EXPECT_EQ(run({"gateway"}).code, 2);
  EXPECT_EQ(run({"nonsense"}).code, 2);
  EXPECT_EQ(run({"gateway", "-c", "x", "--nonsense"}).code, 2);
  const Ended same = run({"dev", "--tcp", "127.0.0.1:8000", "--admin", "127.0.0.1:0"});
  EXPECT_EQ(same.code, 2);
  EXPECT_THAT(same.output, AllOf(HasSubstr("--tcp"), HasSubstr("--ws")));
  const Ended no_origin = run({"dev", "--origin", "foo"});
  EXPECT_EQ(no_origin.code, 2);
  expect_one_line(no_origin);
  EXPECT_THAT(no_origin.output, HasSubstr("--origin: "));
  const Ended misspelt = run({"gateway", "--cofnig", "x"});
  EXPECT_EQ(misspelt.code, 2);
  expect_one_line(misspelt);
  EXPECT_THAT(misspelt.output, HasSubstr("did you mean --config?"));
}

TEST(Start, HelpAndVersionAreCode0) {
  for (const char* const command :
       {"gateway", "login", "chat", "echo", "dev", "client", "token", "doctor"}) {
    const Ended ended = run({command, "--help"});
    EXPECT_EQ(ended.code, 0) << command;
    EXPECT_THAT(ended.output, HasSubstr("--help")) << command;
  }
  EXPECT_THAT(run({"gateway", "--help"}).output, HasSubstr("LoginWait"));
  EXPECT_EQ(run({"--help"}).code, 0);
  EXPECT_EQ(run({"--version"}).code, 0);
}

// A script would take nothing, or the half, for the whole.
TEST(Start, WhatCannotBePrintedIsAnError) {
  const World world;
  world.folder().write("services.json", R"({"services": []})");
  const std::string file = world.config("gateway", "g1", {});
  const std::vector<std::vector<std::string>> commands = {
      {"token", "--account", "a", "--secret", "sixteen bytes or more"},
      {"gateway", "-c", file, "--check-config"},
      {"doctor"},
      {"doctor", "--json"},
      {"explain-route", "-c", file, "--app", "a", "--account", "b"},
      {"explain-route", "-c", file, "--app", "a", "--account", "b", "--json"},
      {"gateway", "--help"},
      {"--help"},
      {"--version"},
  };
  for (const std::vector<std::string>& command : commands) {
    for (const Sink sink : {Sink::kFullDisk, Sink::kClosedPipe, Sink::kNone}) {
      ProcessUnderTest process(ProcessUnderTest::ringgate(command), {.out = sink});
      EXPECT_EQ(process.wait_exit(), 1) << command[0];
      const Ended ended{1, process.whole_output()};
      expect_one_line(ended);
      EXPECT_THAT(ended.output, HasSubstr("the output cannot be written: ")) << command[0];
    }
  }
}

// Where an exit code of 1 could as well be the answer.
TEST(Start, HelpSaysTheExitCodeOfOutputThatCannotBeWritten) {
  EXPECT_THAT(run({"gateway", "--help"}).output,
              HasSubstr("exit code 0 if it is good, 2 if not, 1 if the output cannot be written"));
  EXPECT_THAT(
      run({"explain-route", "--help"}).output,
      HasSubstr("exit code 0 if there is one, 1 if not, or if the output cannot be written"));
}

// Each is to have a stack for which there is no room.
TEST(Start, WithoutThreadsItIsOneLineAndCode1) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer lays out memory by this limit";
#endif
  const World world;
  const std::string no_stack = std::to_string(std::uint64_t{1} << 37U);  // KiB
  const std::vector<std::vector<std::string>> commands = {
      {"gateway", "-c", world.config("gateway", "g1", {})},
      {"login", "-c", world.config("login", "l1", {{"RedisAddrs", "127.0.0.1:1"}})},
      {"echo", "-c", world.config("echo", "e1", {})},
      {"dev", "--tcp", "127.0.0.1:0", "--ws", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data",
       "memory"},
  };
  for (const std::vector<std::string>& command : commands) {
    const Ended ended = run_limited("-s", no_stack, command);
    EXPECT_EQ(ended.code, 1) << command[0];
    EXPECT_THAT(ended.output, AllOf(HasSubstr("ringgate: no thread"), HasSubstr("(ulimit -s)")));
  }
}

// Whichever thread it is that finds no memory: there is a sentence, and never an abort.
TEST(Start, WithoutMemoryItIsASentenceAndCode1) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer lays out memory by this limit";
#endif
  std::size_t refused = 0;
  for (int limit_kb = 40'000; limit_kb <= 400'000; limit_kb += 20'000) {
    ProcessUnderTest dev(limited("-v", std::to_string(limit_kb),
                                 {"dev", "--shards", "2", "--tcp", "127.0.0.1:0", "--ws",
                                  "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", "memory"}));
    try {
      dev.wait_for_line("admin http");
      dev.signal(SIGTERM);
    } catch (const std::runtime_error&) {  // it has ended before
    }
    const int code = dev.wait_exit();
    if (code == 0) continue;  // there was enough
    ++refused;
    EXPECT_EQ(code, 1) << limit_kb;
    const std::string said = dev.whole_output();
    EXPECT_THAT(said, AllOf(HasSubstr("ringgate: "), HasSubstr("(ulimit -v)"))) << limit_kb;
    for (const char* const other : {"ulimit -l", "ulimit -u", "Linux 6.1"}) {
      EXPECT_THAT(said, Not(HasSubstr(other))) << limit_kb;
    }
  }
  EXPECT_GT(refused, 0U);
}

// Its verdict is worth as much as its number is true.
TEST(Start, WhatDoctorWantsOfTheAddressSpaceIsWhatAGatewayTakes) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer lays out memory by this limit";
#endif
  const World world;
  // Each port has its threads.
  const std::string file = world.config("gateway", "g1",
                                        {{"Shards", "0"},
                                         {"MonitorPort", std::to_string(free_port())},
                                         {"AdminPort", std::to_string(free_port())}});
  const auto starts = [&](std::uint64_t limit_kb) {
    ProcessUnderTest gateway(limited("-v", std::to_string(limit_kb), {"gateway", "-c", file}));
    try {
      gateway.wait_for_line("listening tcp");
      return true;
    } catch (const std::runtime_error&) {  // it has ended before
      return false;
    }
  };
  const std::string said = run_limited("-v", "8000000", {"doctor", "--connections", "1"}).output;
  const std::string before = " maps ";
  ASSERT_THAT(said, HasSubstr(before));
  const std::uint64_t wanted_kb = std::stoull(said.substr(said.find(before) + before.size()));
  EXPECT_TRUE(starts(wanted_kb * 11 / 10)) << said;
  EXPECT_FALSE(starts(wanted_kb * 8 / 10)) << said;
}

// Whatever it was that was to be opened, the address and the keys are right.
TEST(Start, WithoutDescriptorsTheLimitOfThemIsNamed) {
  std::size_t refused = 0;
  for (int files = 7; files <= 46; ++files) {
    ProcessUnderTest dev(limited("-n", std::to_string(files),
                                 {"dev", "--shards", "2", "--tcp", "127.0.0.1:0", "--ws",
                                  "127.0.0.1:0", "--admin", "127.0.0.1:0"}));
    try {
      dev.wait_for_line("listening ws");
      dev.signal(SIGTERM);
    } catch (const std::runtime_error&) {  // it has ended before
    }
    const int code = dev.wait_exit();
    if (code == 0) continue;  // there were enough
    ++refused;
    EXPECT_EQ(code, 1) << files;
    const std::string said = dev.whole_output();
    EXPECT_THAT(said, AllOf(HasSubstr("ringgate: "), HasSubstr("(ulimit -n)"))) << files;
    EXPECT_THAT(said, Not(HasSubstr("check the address"))) << files;
  }
  EXPECT_GT(refused, 10U);
}

TEST(Start, AnAddressOfAnotherMachineIsNamedAsThat) {
  const World world;
  for (const Settings& settings :
       {Settings{{"Listen", "192.0.2.1:18001"}},
        Settings{{"MonitorPort", "18002"}, {"MonitorAddress", "192.0.2.1"}}}) {
    const Ended ended = run({"gateway", "-c", world.config("gateway", "x1", settings)});
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.output, AllOf(HasSubstr("192.0.2.1"), HasSubstr("has no such address")));
  }
}

TEST(Start, ATakenPortIsOneLineWithThePortAndCode1) {
  const World world;
  const Listener taken;
  const std::string port = std::to_string(taken.port());
  for (const char* const role : {"gateway", "echo"}) {
    const std::string file = world.config(role, "x1", {{"Listen", "127.0.0.1:" + port}});
    const Ended ended = run({role, "-c", file});
    EXPECT_EQ(ended.code, 1);
    expect_one_line(ended);
    EXPECT_THAT(ended.output, HasSubstr(port));
  }
}

TEST(Start, APortTakenByAnotherGatewayIsNoticed) {
  const World world;
  const Server first(world, "gateway", "g1");
  const std::string port = std::to_string(first.port());
  const std::string file = world.config("gateway", "g2", {{"Listen", "127.0.0.1:" + port}});
  EXPECT_EQ(run({"gateway", "-c", file}).code, 1) << "SO_REUSEPORT would have bound it in silence";
}

TEST(Start, ATakenMonitorPortIsOneLineAndCode1) {
  const World world;
  const Listener taken;
  const std::string port = std::to_string(taken.port());
  const Ended ended =
      run({"gateway", "-c", world.config("gateway", "x1", {{"MonitorPort", port}})});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.output, AllOf(HasSubstr(port), HasSubstr("MonitorPort")));
}

TEST(Start, CheckConfigSaysThatAFileIsGoodAndStartsNothing) {
  const World world;
  const Listener taken;  // would be an error for a process that starts
  const Ended ended =
      run({"gateway", "-c",
           world.config("gateway", "x1", {{"Listen", "127.0.0.1:" + std::to_string(taken.port())}}),
           "--check-config"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.output, HasSubstr("is good"));
}

// What a start could not use, without starting anything.
TEST(Start, CheckConfigSaysThatTheRegistryFileCannotBeUsed) {
  const World world;
  const std::string broken = world.folder().write("broken.json", "{oops").string();
  for (const std::string& file : {std::string("/nowhere/services.json"), broken}) {
    const std::string config = world.config("gateway", "x1", {{"RegistryFile", file}});
    const Ended checked = run({"gateway", "-c", config, "--check-config"});
    EXPECT_EQ(checked.code, 2) << file;
    expect_one_line(checked);
    const Ended started = run({"gateway", "-c", config});
    EXPECT_NE(started.code, 0) << file;
    EXPECT_THAT(started.output, HasSubstr(checked.output)) << "the start says the same";
  }
}

TEST(Start, AMaxMemoryThatTheMachineHasNotIsNoticed) {
  const World world;
  const std::string file = world.config("gateway", "g1", {{"MaxMemory", "16384GiB"}});
  const Ended checked = run({"gateway", "-c", file, "--check-config"});
  EXPECT_EQ(checked.code, 0) << checked.output;
  EXPECT_THAT(checked.output, HasSubstr("note: MaxMemory is above the "));
  ProcessUnderTest process(ProcessUnderTest::ringgate({"gateway", "-c", file}));
  process.wait_for_line("configuration: MaxMemory is above the ");
  process.wait_for_line("listening tcp");
}

TEST(Start, AnExistingConfYamlLoadsWithNotices) {
  const World world;
  const std::string file = world.folder()
                               .write("conf.yaml", R"(
serviceid: gateway01
servicename: tgateway
listen: ":0"
publicaddress: 127.0.0.1
publicport: 8000
tags: ["IDC:SH_ALI"]
zone: zone_ali_01
domain: ws://kim.example:8000
consulurl: ""
monitorport: 0
appsecret: a secret of sixteen bytes and more
loglevel: DEBUG
MessageGPool: 5000
ConnectionGPool: 500
RoyalURL: http://localhost:8080
registryfile: )" + world.registry_file() + "\n")
                               .string();
  const Ended ended = run({"gateway", "-c", file, "--check-config"});
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("MessageGPool"), HasSubstr("ConnectionGPool"),
                                  HasSubstr("RoyalURL")));
  ProcessUnderTest process(ProcessUnderTest::ringgate({"gateway", "-c", file}));
  process.wait_for_line("MessageGPool");
  process.wait_for_line("listening tcp");
}

}  // namespace
}  // namespace ringgate::test
