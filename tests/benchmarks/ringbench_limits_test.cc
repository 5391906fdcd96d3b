// What ringbench, its machine or a dying target keeps it from measuring is said, and never green.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <fstream>

#include "tests/benchmarks/pretended_target.h"
#include "tests/benchmarks/ringbench_run.h"
#include "tests/common/temp_dir.h"
#include "tests/integration/world.h"

namespace ringgate::test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

std::vector<std::string> against(const std::string& port, const std::string& secret,
                                 std::vector<std::string> more) {
  more.insert(more.end(), {"--target", "tcp://127.0.0.1:" + port, "--secret", secret});
  return more;
}
std::vector<std::string> against(const Server& server, std::vector<std::string> more) {
  return against(std::to_string(server.port()), server.secret(), std::move(more));
}

// --- Ports ---------------------------------------------------------------------------------------

void write_sysctl(const std::string& name, const std::string& value) {
  std::ofstream file("/proc/sys/" + name);
  file << value << std::flush;
  if (!file) throw std::runtime_error("cannot set " + name);
}

// A network of this process alone, and of those that it starts: only loopback, on which a source
// address has forty ports and keeps each for a minute after a connection that it closed.
bool enter_network_of_few_ports() {
  if (unshare(CLONE_NEWNET) != 0) return false;
  const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq loopback{};
  std::string("lo").copy(loopback.ifr_name, IFNAMSIZ - 1);
  loopback.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(any.get(), SIOCSIFFLAGS, &loopback) != 0) return false;
  write_sysctl("net/ipv4/ip_local_port_range", "40000 40039");
  write_sysctl("net/ipv4/tcp_tw_reuse", "0");
  return true;
}

class FewPorts : public testing::Test {
 protected:
  void SetUp() override {
    if (!enter_network_of_few_ports()) GTEST_SKIP() << "no network of our own here";
    dev_ = std::make_unique<Server>(std::vector<std::string>{"--shards", "1"});
  }
  [[nodiscard]] BenchRun bench(std::vector<std::string> more) const {
    more.insert(more.end(), {"--duration", "1s", "--warmup", "0s"});
    return run_ringbench(against(*dev_, std::move(more)));
  }

  std::unique_ptr<Server> dev_;
};

TEST_F(FewPorts, ALoginThatIsOverHoldsNoPort) {
  const BenchRun run = bench({"login", "--rate", "200", "--connections", "4", "--source",
                              "127.0.0.1", "--fail-if", "errors>0"});
  EXPECT_EQ(run.code, 0) << run.output;
  EXPECT_GE(run.number("/answered"), 150) << "of forty ports";
}

TEST_F(FewPorts, RunningOutInTheRunIsRingbenchsLimit) {
  const BenchRun run =
      bench({"login", "--connections", "80", "--source", "127.0.0.1", "--fail-if", "errors>0"});
  EXPECT_EQ(run.code, 4) << run.output;
  EXPECT_THAT(run.output, HasSubstr("ringbench, not the target, was the limit"));
  EXPECT_THAT(run.output, HasSubstr("--source"));
  EXPECT_EQ(run.number("/errors/connect_failed"), 0) << run.output;
  EXPECT_GT(run.number("/errors/own_limit"), 0);
  EXPECT_THAT(run.json, HasSubstr("\"own_limit\": true"));
}

TEST_F(FewPorts, RunningOutInTheSetUpIsRingbenchsLimit) {
  const BenchRun run = bench({"ping", "--connections", "80", "--source", "127.0.0.1"});
  EXPECT_EQ(run.code, 1) << run.output;
  EXPECT_THAT(run.output, HasSubstr("ringbench, not the target, was the limit"));
}

TEST_F(FewPorts, MoreSourcesAreMorePorts) {
  const BenchRun run = bench({"ping", "--connections", "80", "--source", "127.0.0.1-127.0.0.4"});
  EXPECT_EQ(run.code, 0) << run.output;
  EXPECT_EQ(run.number("/connects"), 80);
}

// --- A target that ends --------------------------------------------------------------------------

class TargetEnds : public testing::TestWithParam<bool> {};

TEST_P(TargetEnds, ItIsToldWhatWasMeasuredUntilThen) {
  Server dev{std::vector<std::string>{}};
  const TempDir folder;
  const std::string file = (folder.path() / "run.json").string();
  auto words = against(dev, {ringbench_binary(), "forward", "--connections", "4", "--duration",
                             "30s", "--rate", "200", "--warmup", "0s", "--json", file});
  const bool with_pid = GetParam();
  if (with_pid) words.insert(words.end(), {"--pid", std::to_string(dev.process().pid())});
  ProcessUnderTest bench(words);
  dev.wait_metric("ringgate_forwarded_total", 50);
  dev.process().signal(SIGKILL);
  EXPECT_EQ(dev.process().wait_exit(), -SIGKILL);
  EXPECT_EQ(bench.wait_exit(), 4) << bench.output();
  const BenchRun run{4, bench.whole_output(), read_file(file)};
  EXPECT_GE(run.number("/answered"), 40) << run.output;
  EXPECT_GT(run.number("/per_second"), 0);
  EXPECT_LT(run.number("/window_s"), 29);
  // Its connections' ends or its process's, whichever was seen first.
  EXPECT_THAT(run.json, AnyOf(HasSubstr("all connections were lost"),
                              HasSubstr("the target's process ended: see its log\"")));
  EXPECT_THAT(run.output, HasSubstr("forward"));
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutPid, TargetEnds, testing::Bool());

// It comes back for nobody: connections are opened again until the end, in vain.
TEST(RingbenchLimits, ATargetThatStaysAwayIsNotGreenWithReconnectEither) {
  Server dev{std::vector<std::string>{}};
  ProcessUnderTest bench(
      against(dev, {ringbench_binary(), "forward", "--connections", "4", "--duration", "2s",
                    "--rate", "200", "--warmup", "0s", "--drain", "100ms", "--reconnect"}));
  dev.wait_metric("ringgate_forwarded_total", 20);
  dev.process().signal(SIGKILL);
  EXPECT_EQ(bench.wait_exit(), 4) << bench.output();
  EXPECT_THAT(bench.whole_output(), HasSubstr("at the end no connection was up"));
}

TEST(RingbenchLimits, ATargetThatEndsInAStormOfLoginsIsNotGreen) {
  Server dev{std::vector<std::string>{}};
  ProcessUnderTest bench(against(dev, {ringbench_binary(), "login", "--connections", "4",
                                       "--duration", "4s", "--warmup", "0s"}));
  dev.wait_metric("ringgate_logins_total", 20);
  dev.process().signal(SIGKILL);
  EXPECT_EQ(bench.wait_exit(), 4) << bench.output();
  // Where it had no CPU after that, it may not have tried to connect again before the end.
  EXPECT_THAT(bench.whole_output(), AnyOf(HasSubstr("at the end nothing listened"),
                                          HasSubstr("nothing was answered in the last ")));
}

// --- More than can be done -----------------------------------------------------------------------

// Whoever it was that could not keep up: the report agrees with itself.
TEST(RingbenchLimits, WhatIsToldOfAnOverloadAgrees) {
  const Server dev{std::vector<std::string>{}};
  const BenchRun run =
      run_ringbench(against(dev, {"talk", "--connections", "16", "--rate", "5M", "--warmup", "1s",
                                  "--duration", "1s", "--drain", "500ms"}));
  // Whoever sends so much may not read in time, and is closed as a slow consumer: all may be.
  if (run.json.empty()) {
    EXPECT_EQ(run.code, 1);
    EXPECT_THAT(run.output, HasSubstr("in the warm-up: all connections were lost"));
    return;
  }
  const bool nothing = run.number("/answered") + run.number("/answered_in_window") == 0;
  EXPECT_EQ(run.code, nothing ? 1 : 4) << run.output;
  EXPECT_EQ(nothing, run.output.find("nothing was answered with Success in the measuring") !=
                         std::string::npos)
      << run.output;
  const double due = run.number("/due");
  // All threads have begun when it was said; it ends with the last connection, if that is lost.
  // Then the window's end is known to a microsecond.
  const double window_s = run.number("/window_s");
  EXPECT_EQ(window_s < 1, run.output.find("stopped early") != std::string::npos) << run.output;
  EXPECT_NEAR(due, 5e6 * window_s, window_s < 1 ? 5 : 2);
  EXPECT_EQ(due, run.number("/answered") + run.number("/actions/talk/failed"));
  double never_left = 0;
  for (const char* const why : {"behind", "busy", "outstanding", "no_room", "no_connection"}) {
    never_left += run.number(std::string("/never_left/") + why);
  }
  EXPECT_EQ(due, run.number("/sent") + never_left);
  const bool own = run.output.find("not the target, was the limit") != std::string::npos;
  const bool theirs = run.output.find("the target did not keep the rate") != std::string::npos ||
                      run.output.find("see the target's log") != std::string::npos;
  EXPECT_FALSE(own && theirs) << run.output;
}

// Two connections cannot log in so often, however fast the target is.
TEST(RingbenchLimits, LoginsThatWaitForAConnectionAreItsOwnLimit) {
  const Server dev{std::vector<std::string>{}};
  const BenchRun run =
      run_ringbench(against(dev, {"login", "--connections", "2", "--rate", "200k", "--warmup", "0s",
                                  "--duration", "500ms", "--drain", "100ms"}));
  EXPECT_EQ(run.code, 4) << run.output;
  EXPECT_THAT(run.output, HasSubstr("ringbench: all connections were busy"));
  EXPECT_EQ(run.output.find("the target did not keep"), std::string::npos) << run.output;
  EXPECT_GT(run.number("/never_left/busy"), 0);
  EXPECT_EQ(run.number("/errors/not_sent"),
            run.number("/never_left/busy") + run.number("/never_left/behind"));
  EXPECT_LE(run.number("/errors/unanswered"), 2) << run.output;
  EXPECT_EQ(run.number("/actions/connect/due"), run.number("/actions/login/due"));
  EXPECT_NEAR(run.number("/due"), 100'000, 2);
}

// --- Files ---------------------------------------------------------------------------------------

TEST(RingbenchLimits, ARunThatMeasuresNothingLeavesAnEarlierFile) {
  const TempDir folder;
  const std::string file = (folder.path() / "run.json").string();
  std::ofstream(file) << "of yesterday";
  ProcessUnderTest bench(
      against("1", "s", {ringbench_binary(), "ping", "--duration", "100ms", "--json", file}));
  EXPECT_EQ(bench.wait_exit(), 1) << bench.output();
  EXPECT_EQ(read_file(file), "of yesterday");
}

TEST(RingbenchLimits, JsonGoesToStandardOutputAlone) {
  const Server dev{std::vector<std::string>{}};
  ProcessUnderTest bench({"sh", "-c", "exec \"$@\" 2>/dev/null", "sh", ringbench_binary(), "ping",
                          "--target", "tcp://127.0.0.1:" + std::to_string(dev.port()), "--secret",
                          dev.secret(), "--duration", "200ms", "--warmup", "0s", "--json", "-"});
  bench.close_stdin();
  EXPECT_EQ(bench.wait_exit(), 0);
  const BenchRun run{0, "", bench.whole_output()};
  EXPECT_GT(run.number("/answered"), 0) << run.json;
}

TEST(RingbenchLimits, WhatCannotBePrintedIsAnError) {
  for (const char* const flag : {"--version", "--help"}) {
    ProcessUnderTest bench({ringbench_binary(), flag}, {.out = Sink::kFullDisk});
    EXPECT_EQ(bench.wait_exit(), 1);
    EXPECT_THAT(bench.whole_output(), HasSubstr("the output cannot be written"));
  }
}

// --- A gateway that loses logins
// ------------------------------------------------------------------

// The first client is never answered, the second is closed without an answer, both once.
TEST(RingbenchLimits, ALostLoginIsTriedAgainAndCounted) {
  PretendedTarget target([](PretendedTarget::Peer& peer, const Event& event) {
    if (peer.number == 0) return;
    if (peer.number == 1) {
      peer.ended = true;
    } else if (event.kind == Event::Kind::kLogic) {
      PretendedTarget::answer(peer, event);
    } else {
      PretendedTarget::send(peer, pong());
    }
  });
  const BenchRun run =
      run_ringbench({"ping", "--target", target.address(), "--secret", "s", "--connections", "4",
                     "--duration", "200ms", "--warmup", "0s"});
  EXPECT_EQ(run.code, 0) << run.output;
  EXPECT_EQ(run.number("/retries"), 2) << run.output;
  EXPECT_EQ(run.number("/errors/login_failed"), 1);
  EXPECT_EQ(run.number("/errors/connection_lost"), 1);
  EXPECT_EQ(run.number("/logins"), 4);
  EXPECT_THAT(run.output, HasSubstr("2 tried again"));
}

TEST(RingbenchLimits, ALoginThatIsAlwaysLostEndsTheSetUp) {
  PretendedTarget target([](PretendedTarget::Peer& peer, const Event&) { peer.ended = true; });
  const BenchRun run = run_ringbench({"ping", "--target", target.address(), "--secret", "s",
                                      "--connections", "2", "--duration", "200ms"});
  EXPECT_EQ(run.code, 1) << run.output;
  EXPECT_THAT(run.output, HasSubstr("before the run began"));
}

}  // namespace
}  // namespace ringgate::test
