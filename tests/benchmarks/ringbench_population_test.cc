// Each number of ringbench counts exactly what its name says: what came late, what never came, and
// what is a part of something else are told apart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "tests/benchmarks/pretended_target.h"
#include "tests/benchmarks/ringbench_run.h"
#include "tests/integration/world.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> raw_pings(const PretendedTarget& target, std::vector<std::string> more) {
  std::vector<std::string> all = {"ping",           "--raw",         "--target",
                                  target.address(), "--connections", "4"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

// Of a hundred pings a second, whatever is asked.
class SlowAnswers {
 public:
  void ask(PretendedTarget::Peer& peer) { waiting_.push_back(&peer); }
  void turn() {
    const std::chrono::duration<double> gone = SteadyClock::now() - begin_;
    while (!waiting_.empty() && answered_ < 100 * gone.count()) {
      PretendedTarget::send(*waiting_.front(), pong());
      waiting_.pop_front();
      ++answered_;
    }
    // Time in which nothing was asked is not made up for.
    if (waiting_.empty()) answered_ = std::max(answered_, 100 * gone.count());
  }

 private:
  SteadyClock::time_point begin_ = SteadyClock::now();
  std::deque<PretendedTarget::Peer*> waiting_;
  double answered_ = 0;
};

// Two hundred a second are asked for three seconds of one that can do a hundred.
TEST(RingbenchPopulation, AnswersThatComeInTheDrainAreNoThroughput) {
  SlowAnswers slow;
  PretendedTarget target(
      [&](PretendedTarget::Peer& peer, const Event& event) {
        if (is_ping(event)) slow.ask(peer);
      },
      [&] { slow.turn(); });
  const BenchRun run =
      run_ringbench(raw_pings(target, {"--rate", "200", "--duration", "3s", "--warmup", "500ms",
                                       "--drain", "20s", "--fail-if", "per_second<190"}));
  EXPECT_EQ(run.code, 3) << run.output;
  EXPECT_LE(run.number("/per_second"), 103) << run.output;
  EXPECT_GE(run.number("/per_second"), 50) << run.output;
  EXPECT_EQ(run.number("/sent"), run.number("/answered"));  // all of them in the end
  EXPECT_GE(run.number("/late"), 300);
  EXPECT_GE(run.number("/latency_us/p99"), 1'000'000);
  EXPECT_THAT(run.output, HasSubstr("the target did not keep the rate: 200 per second were due"));
  EXPECT_THAT(run.json, HasSubstr("\"kept_rate\": false"));
}

// It stops in the middle. Those that were answered were answered at once.
TEST(RingbenchPopulation, WhatHasNoAnswerIsInThePercentiles) {
  unsigned answered = 0;
  PretendedTarget target([&](PretendedTarget::Peer& peer, const Event& event) {
    if (is_ping(event) && ++answered <= 200) PretendedTarget::send(peer, pong());
  });
  const BenchRun run =
      run_ringbench(raw_pings(target, {"--rate", "200", "--duration", "2s", "--warmup", "0s",
                                       "--drain", "300ms", "--fail-if", "p99>20ms"}));
  EXPECT_EQ(run.code, 3) << run.output;
  EXPECT_EQ(run.number("/answered"), 200);
  EXPECT_EQ(run.number("/latency_us/unanswered"), run.number("/failed"));
  EXPECT_EQ(run.number("/latency_us/count"), run.number("/sent"));
  EXPECT_GE(run.number("/latency_us/p99"), 1'000'000) << run.output;
  EXPECT_THAT(run.json, HasSubstr("\"at_least\": [\"mean\", \"p90\", \"p99\""));
  EXPECT_THAT(run.output, HasSubstr("p99>20ms  FAILED  ≥ 1."));
}

// A condition that the unanswered would have to decide has failed.
TEST(RingbenchPopulation, WhatCannotBeDecidedHasFailed) {
  PretendedTarget target([&](PretendedTarget::Peer& peer, const Event& event) {
    if (is_ping(event) && peer.number != 0) PretendedTarget::send(peer, pong());
  });
  const BenchRun run = run_ringbench(
      raw_pings(target, {"--rate", "200", "--duration", "500ms", "--warmup", "0s", "--drain",
                         "100ms", "--fail-if", "p99>30s", "--fail-if", "p50>30s"}));
  EXPECT_EQ(run.code, 3) << run.output;
  EXPECT_THAT(run.output, HasSubstr("p99>30s  FAILED  ≥ "));
  EXPECT_THAT(run.output, HasSubstr("p50>30s  ok"));
}

TEST(RingbenchPopulation, ATalkAndItsDeliveryAreNotTwoMessages) {
  const Server dev{std::vector<std::string>{}};
  const BenchRun run =
      run_ringbench({"talk", "--target", "tcp://127.0.0.1:" + std::to_string(dev.port()),
                     "--secret", dev.secret(), "--connections", "4", "--rate", "500", "--duration",
                     "400ms", "--warmup", "100ms"});
  EXPECT_EQ(run.code, 0) << run.output;
  EXPECT_EQ(run.number("/sent"), run.number("/actions/talk/sent"));
  EXPECT_EQ(run.number("/answered"), run.number("/actions/talk/answered"));
  EXPECT_EQ(run.number("/actions/delivery/answered"), run.number("/actions/talk/answered"));
  EXPECT_EQ(run.number("/per_second"), run.number("/actions/talk/per_second"));
}

// The times of a login's parts: each begins when the client was meant to connect.
TEST(RingbenchPopulation, ALoginsConnectAnswerAndEndAreToldApart) {
  const Server dev{std::vector<std::string>{}};
  const BenchRun run = run_ringbench(
      {"login", "--target", "tcp://127.0.0.1:" + std::to_string(dev.port()), "--secret",
       dev.secret(), "--connections", "4", "--duration", "400ms", "--warmup", "100ms"});
  EXPECT_EQ(run.code, 0) << run.output;
  const auto mean = [&](const std::string& action) {
    return run.number("/actions/" + action + "/latency_us/mean");
  };
  EXPECT_LT(mean("connect"), mean("login"));
  EXPECT_LT(mean("login"), mean("cycle"));
  EXPECT_EQ(run.number("/sent"), run.number("/actions/login/sent"));
  EXPECT_EQ(run.number("/actions/cycle/answered"), run.number("/actions/login/answered"));
  EXPECT_GT(run.number("/actions/cycle/per_second"), 0);
}

// More logins than one connection can do: what each waited for it is in its time, and told apart.
TEST(RingbenchPopulation, WhatALoginWaitedForAFreeConnectionIsToldApart) {
  const Server dev{std::vector<std::string>{}};
  const BenchRun run =
      run_ringbench({"login", "--target", "tcp://127.0.0.1:" + std::to_string(dev.port()),
                     "--secret", dev.secret(), "--connections", "1", "--rate", "20k", "--duration",
                     "400ms", "--warmup", "0s", "--drain", "100ms"});
  EXPECT_THAT(run.output, HasSubstr("logins for a connection that was free")) << run.output;
  EXPECT_GT(run.number("/connection_wait_us/count"), 0);
  EXPECT_LE(run.number("/connection_wait_us/p50"), run.number("/connection_wait_us/max"));
  EXPECT_LE(run.number("/connection_wait_us/max"), run.number("/actions/cycle/latency_us/max"));
}

// One in three is refused, and its connection closed by the target, as a gateway does.
TEST(RingbenchPopulation, ARefusedLoginIsNoLostConnection) {
  PretendedTarget target([&](PretendedTarget::Peer& peer, const Event& event) {
    const bool refused = peer.number % 3 == 2;
    PretendedTarget::answer(peer, event, refused ? pkt::SystemException : pkt::Success);
    peer.ended = refused;
  });
  const BenchRun run =
      run_ringbench({"login", "--target", target.address(), "--secret", "s", "--connections", "1",
                     "--duration", "300ms", "--warmup", "0s"});
  EXPECT_GT(run.number("/errors/login_failed"), 0) << run.output;
  EXPECT_EQ(run.number("/errors/connection_lost"), 0) << run.output;
  EXPECT_EQ(run.number("/errors/total"), run.number("/errors/login_failed"));
  EXPECT_THAT(run.output, HasSubstr("the first login that failed: status 300"));
  EXPECT_THAT(run.output, Not(HasSubstr("connection was lost")));
  EXPECT_EQ(run.number("/latency_us/unanswered"), 0) << "a refusal is an answer";
}

// The gateway is started when ringbench has long begun to wait for it.
TEST(RingbenchPopulation, WaitingForALinkIsNoTimeOfLogins) {
  const World world;
  const std::string file = (world.folder().path() / "run.json").string();
  const std::string target = "127.0.0.1:" + std::to_string(Listener().port());
  ProcessUnderTest bench({ringbench_binary(), "ping", "--registry-file", world.registry_file(),
                          "--target", "tcp://" + target, "--secret", std::string(kSecret),
                          "--connections", "1", "--duration", "200ms", "--warmup", "0s", "--json",
                          file});
  wait_until("the played service in the registry", [&] {
    return read_file(world.registry_file()).find("ringbench-") != std::string::npos;
  });
  const Server gateway(world, "gateway", "gw", {{"Listen", target}, {"Shards", "1"}});
  EXPECT_EQ(bench.wait_exit(), 0) << bench.output();
  const BenchRun run{0, bench.whole_output(), read_file(file)};
  EXPECT_GE(run.number("/service_wait_s"), 0.3);  // after the last link nothing came for so long
  EXPECT_LT(run.number("/set_up_s"), run.number("/service_wait_s"));
  EXPECT_NEAR(run.number("/set_up_logins_per_second"), 1 / run.number("/set_up_s"),
              0.2 / run.number("/set_up_s"));
}

}  // namespace
}  // namespace ringgate::test
