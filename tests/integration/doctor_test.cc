// `ringgate doctor -c`: the machine, judged against one configuration.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include "tests/common/free_port.h"
#include "tests/integration/command_run.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// The line of that check.
std::string line_of(const std::string& output, const std::string& name) {
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" " + name) != std::string::npos) return line;
  }
  return {};
}

class DoctorConfiguration : public testing::Test {
 protected:
  [[nodiscard]] std::string checked(const Settings& settings, const std::string& role = "gateway") {
    return run({"doctor", "-c", world_.config(role, role + "01", settings), "--role", role}).output;
  }
  [[nodiscard]] std::string listen() const { return "127.0.0.1:" + std::to_string(port_); }

  World world_;
  std::uint16_t port_ = free_port();
};

TEST_F(DoctorConfiguration, OfWhatIsGoodSaysSo) {
  const std::string output = checked({{"Listen", listen()},
                                      {"MonitorPort", std::to_string(free_port())},
                                      {"MaxConnections", "100"},
                                      {"Shards", "2"}});
  EXPECT_THAT(line_of(output, "configuration"), HasSubstr("ok"));
  EXPECT_THAT(line_of(output, "Listen " + listen()), AllOf(HasSubstr("ok"), HasSubstr("free")));
  EXPECT_THAT(line_of(output, "MonitorPort"), HasSubstr("ok"));
  EXPECT_THAT(line_of(output, "MaxConnections"),
              AllOf(HasSubstr("ok"), HasSubstr("2 shards of 100 connections")));
}

TEST_F(DoctorConfiguration, ATakenPortFailsUnlessAGatewayHasIt) {
  const Listener taken;
  const std::string other = "127.0.0.1:" + std::to_string(taken.port());
  EXPECT_THAT(line_of(checked({{"Listen", other}}), "Listen " + other),
              AllOf(HasSubstr("FAIL"), HasSubstr("taken")));
  const Settings settings = {{"Listen", listen()}, {"MonitorPort", std::to_string(free_port())}};
  Server gateway(world_, "gateway", "g1", settings);
  wait_until("it can be asked", [&] {
    return line_of(checked(settings), "Listen " + listen())
               .find("process " + std::to_string(gateway.process().pid())) != std::string::npos;
  });
  EXPECT_THAT(line_of(checked(settings), "MonitorPort"), HasSubstr("ok"));
  EXPECT_EQ(gateway.get("/health").status, 200) << "it was only asked";
}

// What a takeover would be refused, or could not have.
TEST_F(DoctorConfiguration, WhatATakeoverWouldNotGetFails) {
  const Settings settings = {{"Listen", listen()}, {"MonitorPort", std::to_string(free_port())}};
  Server gateway(world_, "gateway", "g1", settings);
  const Listener taken;
  Settings other = settings;
  other["MonitorPort"] = std::to_string(taken.port());
  const std::string beside = checked(other);
  EXPECT_THAT(line_of(beside, "Listen " + listen()), HasSubstr("ok"));
  EXPECT_THAT(line_of(beside, "MonitorPort"), HasSubstr("FAIL"));
  gateway.process().freeze();
  const std::string frozen = checked(settings);
  EXPECT_THAT(line_of(frozen, "Listen " + listen()),
              AllOf(HasSubstr("FAIL"), HasSubstr("does not answer")));
  EXPECT_THAT(line_of(frozen, "MonitorPort"), HasSubstr("FAIL"));
}

TEST_F(DoctorConfiguration, LimitsThatAreTooLowFail) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const std::string beyond = std::to_string(limit.rlim_max + 1);
  const std::string output = checked({{"Listen", listen()}, {"MaxConnections", beyond}});
  if (limit.rlim_max < 16'000'000) {  // what the key takes
    EXPECT_THAT(line_of(output, "MaxConnections"),
                AllOf(HasSubstr("FAIL"), HasSubstr("open-file limit")));
  } else {
    EXPECT_THAT(line_of(output, "configuration"), HasSubstr("FAIL"));
  }
}

TEST_F(DoctorConfiguration, NamesThatNobodyHasFail) {
  EXPECT_THAT(line_of(checked({{"Listen", listen()},
                               {"RegistryFile", ""},
                               {"ConsulURL", "http://no-such-host.invalid:8500"}}),
                      "ConsulURL"),
              AllOf(HasSubstr("FAIL"), HasSubstr("no-such-host.invalid has no address")));
  EXPECT_THAT(
      line_of(checked({{"Listen", listen()}, {"RedisAddrs", "no-such-host.invalid:6379"}}, "login"),
              "Redis"),
      AllOf(HasSubstr("FAIL"), HasSubstr("no-such-host.invalid has no address")));
}

TEST_F(DoctorConfiguration, AFileThatItNamesAndThatIsNotThereFails) {
  const Settings settings = {
      {"Listen", listen()}, {"AppSecret", ""}, {"AppSecretFile", "/no/such/secret"}};
  const Ended ended = run({"doctor", "-c", world_.config("gateway", "g1", settings)});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(line_of(ended.output, "configuration"),
              AllOf(HasSubstr("FAIL"), HasSubstr("/no/such/secret")));
}

}  // namespace
}  // namespace ringgate::test
