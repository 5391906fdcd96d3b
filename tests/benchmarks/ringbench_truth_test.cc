// ringbench tells the truth about a bad target: what is slow is seen as slow, what is lost is
// counted, and what cannot be measured is a sentence.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "services/auth/development.h"
#include "tests/benchmarks/ringbench_run.h"
#include "tests/common/temp_dir.h"
#include "tests/integration/world.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

const std::string kSecret{kDevelopmentSecret};

std::vector<std::string> words(const Server& server, std::vector<std::string> more) {
  more.insert(more.end(), {"--target", "tcp://127.0.0.1:" + std::to_string(server.port()),
                           "--secret", kSecret});
  return more;
}

// Stops a server for 50 ms in every second, until it goes.
class Stutter {
 public:
  explicit Stutter(Server& server)
      : thread_([this, &process = server.process()] {
          while (!over_) {
            process.freeze();
            std::this_thread::sleep_for(50ms);
            process.signal(SIGCONT);
            const auto next = SteadyClock::now() + 950ms;
            while (!over_ && SteadyClock::now() < next) std::this_thread::sleep_for(5ms);
          }
        }) {}
  ~Stutter() {
    over_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> over_{false};
  std::thread thread_;
};

// The coordinated omission: a closed loop asks a stopped server nothing, so it hardly sees that it
// stops. The times are what is tested here, so they are in a test.
TEST(RingbenchTruth, OnlyAnOpenLoopSeesThatAServerStops) {
  Server dev{std::vector<std::string>{"--shards", "1"}};
  const Stutter stutter(dev);
  const BenchRun closed = run_ringbench(
      words(dev, {"ping", "--connections", "8", "--duration", "4s", "--fail-if", "errors>0"}));
  const BenchRun open =
      run_ringbench(words(dev, {"ping", "--connections", "8", "--duration", "4s", "--rate", "2000",
                                "--fail-if", "errors>0", "--fail-if", "p99<35ms"}));
  // Beside a busy machine's other work there is more in the times of both.
  EXPECT_LT(closed.number("/latency_us/p99"), open.number("/latency_us/p99") / 2) << closed.output;
  EXPECT_GE(open.number("/latency_us/p99"), 35'000) << open.output;
  EXPECT_EQ(open.number("/sent"), open.number("/answered"));
  EXPECT_EQ(closed.code, 0);
  EXPECT_EQ(open.code, 0);
}

TEST(RingbenchTruth, ALostConnectionIsCountedAndItsMessagesHaveFailed) {
  Server dev{std::vector<std::string>{}};
  ProcessUnderTest bench(words(
      dev, {ringbench_binary(), "forward", "--connections", "4", "--duration", "20s", "--rate",
            "200", "--warmup", "0s", "--drain", "100ms", "--fail-if", "connection_lost>0"}));
  dev.wait_metric("ringgate_forwarded_total", 20);
  dev.process().signal(SIGKILL);
  EXPECT_EQ(bench.wait_exit(), 3) << bench.output();
  EXPECT_THAT(bench.whole_output(), HasSubstr("connection_lost"));
}

TEST(RingbenchTruth, ALostConnectionIsOpenedAgainWhereThatIsAskedFor) {
  const Server dev{std::vector<std::string>{}};
  const TempDir folder;
  const std::string file = (folder.path() / "run.json").string();
  ProcessUnderTest bench(
      words(dev, {ringbench_binary(), "forward", "--connections", "4", "--duration", "3s",
                  "--warmup", "0s", "--rate", "200", "--reconnect", "--json", file}));
  dev.wait_metric("ringgate_forwarded_total", 5);
  Socket admin = Socket::connect(dev.monitor());
  admin.write_all("POST /kick?account=bench000001 HTTP/1.1\r\nHost: localhost:" +
                  std::to_string(dev.monitor()) +
                  "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  std::string answer;
  while (admin.read_some(answer)) {
  }
  EXPECT_THAT(answer, HasSubstr(" 200 "));
  dev.wait_metric("ringgate_logins_total", 5);
  EXPECT_EQ(bench.wait_exit(), 0) << bench.output();
  const BenchRun run{0, bench.whole_output(), read_file(file)};
  EXPECT_EQ(run.number("/errors/kicked_out"), 1) << run.output;
  // What it had asked a moment before is unanswered, too.
  EXPECT_EQ(run.number("/errors/total"), 1 + run.number("/errors/unanswered")) << run.output;
  EXPECT_LE(run.number("/errors/unanswered"), 1) << run.output;
  EXPECT_EQ(run.number("/connects"), 5);
  EXPECT_EQ(run.number("/sent"), run.number("/answered") + run.number("/failed"));
}

TEST(RingbenchTruth, ARunWhoseAccountsAnotherRunHasIsToldOfThePrefix) {
  Server dev{std::vector<std::string>{}};
  ProcessUnderTest first(words(dev, {ringbench_binary(), "ping", "--connections", "4", "--duration",
                                     "60s", "--warmup", "0s", "--fail-if", "kicked_out>0"}));
  dev.wait_metric("ringgate_pings_total", 100);
  const std::vector<std::string> second = {"ping",       "--connections", "4",
                                           "--duration", "200ms",         "--warmup",
                                           "0s",         "--fail-if",     "kicked_out>0"};
  std::vector<std::string> apart = second;
  apart.insert(apart.end(), {"--account-prefix", "other"});
  EXPECT_EQ(run_ringbench(words(dev, apart)).code, 0);
  EXPECT_EQ(run_ringbench(words(dev, second)).code, 0);
  EXPECT_EQ(first.wait_exit(), 3) << first.output();
  EXPECT_THAT(first.whole_output(), HasSubstr("give each an --account-prefix of its own"));
}

TEST(RingbenchTruth, ARunWhoseAccountsAreTakenInItsWarmUpIsToldOfThePrefix) {
  Server dev{std::vector<std::string>{}};
  ProcessUnderTest first(words(dev, {ringbench_binary(), "ping", "--connections", "4", "--duration",
                                     "1s", "--warmup", "60s"}));
  dev.wait_metric("ringgate_pings_total", 100);
  EXPECT_EQ(run_ringbench(
                words(dev, {"ping", "--connections", "4", "--duration", "200ms", "--warmup", "0s"}))
                .code,
            0);
  EXPECT_EQ(first.wait_exit(), 1) << first.output();
  EXPECT_THAT(first.whole_output(), HasSubstr("give each an --account-prefix of its own"));
  EXPECT_THAT(first.whole_output(), Not(HasSubstr("see the target's log")));
}

// Both have their connections up at the end, and had them taken all the while.
TEST(RingbenchTruth, RunsThatTakeEachOthersConnectionsAreNotGreenWithReconnect) {
  Server dev{std::vector<std::string>{}};
  const std::vector<std::string> run = {ringbench_binary(), "ping", "--connections", "2",
                                        "--duration",       "5s",   "--warmup",      "0s",
                                        "--reconnect"};
  ProcessUnderTest first(words(dev, run));
  dev.wait_metric("ringgate_pings_total", 100);
  ProcessUnderTest second(words(dev, run));
  for (ProcessUnderTest* const bench : {&first, &second}) {
    EXPECT_EQ(bench->wait_exit(), 4) << bench->output();
    EXPECT_THAT(bench->whole_output(),
                AnyOf(HasSubstr("was lost to another login of the account"),
                      HasSubstr("no connection was up, the first one was lost by another login")));
  }
}

// The logins end while their connections are being closed, which once ended ringbench.
TEST(RingbenchTruth, RunsThatTakeEachOthersLoginsAreMeasured) {
  Server dev{std::vector<std::string>{}};
  const std::vector<std::string> login = {"login", "--connections", "8", "--duration",
                                          "1s",    "--warmup",      "0s"};
  std::vector<std::string> first = login;
  first.insert(first.begin(), ringbench_binary());
  for (int round = 0; round < 2; ++round) {
    ProcessUnderTest other(words(dev, first));
    const BenchRun run = run_ringbench(words(dev, login));
    EXPECT_THAT(run.code, AnyOf(0, 4)) << run.output;
    EXPECT_THAT(other.wait_exit(), AnyOf(0, 4)) << other.output();
  }
}

TEST(RingbenchTruth, ASignalEndsARunEarlyAndItsNumbersAreTold) {
  const Server dev{std::vector<std::string>{}};
  ProcessUnderTest bench(words(dev, {ringbench_binary(), "ping", "--connections", "4", "--duration",
                                     "60s", "--warmup", "0s"}));
  dev.wait_metric("ringgate_pings_total", 100);
  bench.signal(SIGINT);
  EXPECT_EQ(bench.wait_exit(), 4);
  EXPECT_THAT(bench.whole_output(), HasSubstr("stopped early"));
  EXPECT_THAT(bench.whole_output(), HasSubstr("ringbench: cut short by a signal"));
}

TEST(RingbenchTruth, AConditionThatIsMetIsExitCodeThree) {
  const Server dev{std::vector<std::string>{}};
  const std::vector<std::string> base = {"ping",  "--connections", "2",  "--duration",
                                         "200ms", "--warmup",      "0s", "--fail-if"};
  const auto with = [&](const char* condition) {
    std::vector<std::string> all = base;
    all.emplace_back(condition);
    return run_ringbench(words(dev, all)).code;
  };
  EXPECT_EQ(with("errors>0"), 0);
  EXPECT_EQ(with("answered>0"), 3);
  EXPECT_EQ(with("p50>0.1us"), 3);
  EXPECT_EQ(with("cpu_us>1000"), 3);  // without --pid nobody knows
}

TEST(RingbenchTruth, APidOfAnotherProcessIsDoubted) {
  Server dev{std::vector<std::string>{}};
  const auto told = [&](const char* scheme, std::uint16_t port, pid_t pid) {
    return run_ringbench({"ping", "--secret", kSecret, "--connections", "2", "--duration", "100ms",
                          "--warmup", "0s", "--target",
                          std::string(scheme) + "127.0.0.1:" + std::to_string(port), "--pid",
                          std::to_string(pid)})
        .output;
  };
  const std::string listener = std::to_string(dev.process().pid()) + " (ringgate) listens there";
  for (const auto& [scheme, port] :
       {std::pair{"tcp://", dev.port()}, std::pair{"ws://", dev.ws_port()}}) {
    EXPECT_THAT(told(scheme, port, dev.process().pid()), Not(HasSubstr("is not the target")));
    EXPECT_THAT(told(scheme, port, getpid()),
                AllOf(HasSubstr("is not the target: process "), HasSubstr(listener)));
  }
}

// It closes its listener, which looks as if nothing had ever listened there.
TEST(RingbenchTruth, AFullGatewayIsNotOneThatDoesNotListen) {
  const World world;
  const Server gateway(world, "gateway", "g1", {{"MaxConnections", "20"}, {"Shards", "1"}});
  const BenchRun run = run_ringbench(
      words(gateway, {"ping", "--raw", "--connections", "60", "--duration", "100ms"}));
  EXPECT_THAT(run.output, Not(HasSubstr("start the target")));
  // Whom the backlog took before the listener was closed is lost when it is.
  if (run.code == 4) {
    EXPECT_THAT(run.output, HasSubstr("of 60 connections were lost"));
    return;
  }
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.output, AnyOf(HasSubstr("it is full"), HasSubstr("and its bounds")));
}

TEST(RingbenchTruth, SaysWhatIsWrongWithATarget) {
  const BenchRun nobody =
      run_ringbench({"ping", "--raw", "--target", "tcp://127.0.0.1:1", "--duration", "100ms"});
  EXPECT_EQ(nobody.code, 1);
  EXPECT_THAT(nobody.output, HasSubstr("nothing listens there: start the target or"));
  const BenchRun nobody_over_tls =
      run_ringbench({"ping", "--raw", "--target", "tls://127.0.0.1:1", "--duration", "100ms"});
  EXPECT_EQ(nobody_over_tls.code, 1);
  EXPECT_THAT(nobody_over_tls.output, HasSubstr("needs --tls"));
  const Server dev{std::vector<std::string>{}};
  const std::string target = "tcp://127.0.0.1:" + std::to_string(dev.port());
  const BenchRun secret =
      run_ringbench({"ping", "--secret", "wrong", "--target", target, "--duration", "100ms"});
  EXPECT_EQ(secret.code, 1);
  EXPECT_THAT(secret.output, HasSubstr("--secret or --token is not what the gateway expects"));
  const BenchRun path =
      run_ringbench({"ping", "--secret", "wrong", "--duration", "100ms", "--target",
                     "ws://127.0.0.1:" + std::to_string(dev.ws_port()) + "/nowhere"});
  EXPECT_EQ(path.code, 1);
  EXPECT_THAT(path.output, HasSubstr("HTTP/1.1 404"));
  const BenchRun pid = run_ringbench(words(dev, {"ping", "--pid", "999999999"}));
  EXPECT_EQ(pid.code, 1);
  EXPECT_THAT(pid.output, HasSubstr("--pid"));
  const BenchRun file = run_ringbench(words(dev, {"ping", "--html", "/no/such/folder/x.html"}));
  EXPECT_EQ(file.code, 2);
  EXPECT_THAT(file.output, HasSubstr("--html"));
}

}  // namespace
}  // namespace ringgate::test
