// Every scenario of ringbench, closed and open loop, over TCP and WebSocket, against the real
// gateway: nothing is lost, and what was sent and what came back are the same number.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/benchmarks/ringbench_run.h"
#include "tests/integration/world.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;

std::vector<std::string> operator+(std::vector<std::string> left,
                                   const std::vector<std::string>& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// A short run against that server.
std::vector<std::string> briefly(const Server& server) {
  return {"--connections", "8",     "--duration", "400ms",
          "--warmup",      "100ms", "--secret",   server.secret()};
}

// Of the action: how many were sent, once all of them have been answered with Success.
double expect_all_answered(const BenchRun& run, const std::string& action) {
  const std::string of = "/actions/" + action;
  const double sent = run.number(of + "/sent");
  EXPECT_GT(sent, 0) << run.output;
  EXPECT_EQ(run.number(of + "/answered"), sent) << run.output;
  EXPECT_EQ(run.number(of + "/failed"), 0) << run.output;
  EXPECT_EQ(run.number(of + "/latency_us/count"), sent);
  EXPECT_EQ(run.number("/errors/total"), 0) << run.output;
  // A busy machine may keep ringbench from its schedule. It says so then, and loses nothing.
  const bool own_limit =
      run.output.find("ringbench, not the target, was the limit") != std::string::npos;
  EXPECT_EQ(run.code, own_limit ? 4 : 0) << run.output;
  return sent;
}

class Scenarios : public testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] bool websocket() const { return std::string(GetParam()) == "ws"; }
  [[nodiscard]] std::string target(const Server& server) const {
    return websocket() ? "ws://127.0.0.1:" + std::to_string(server.ws_port()) + "/"
                       : "tcp://127.0.0.1:" + std::to_string(server.port());
  }
  [[nodiscard]] BenchRun bench(const std::vector<std::string>& arguments) const {
    return run_ringbench(arguments + briefly(dev_) +
                         std::vector<std::string>{"--target", target(dev_)});
  }

  Server dev_{std::vector<std::string>{}};
};

TEST_P(Scenarios, PingsAreAnsweredInClosedAndOpenLoop) {
  const BenchRun closed = bench({"ping"});
  const double sent = expect_all_answered(closed, "ping");
  EXPECT_EQ(closed.number("/sent"), sent);
  EXPECT_GE(closed.number("/messages"), 1);
  EXPECT_THAT(closed.json, HasSubstr("\"closed\""));
  // 400 ms of 500 per second. The schedule begins somewhere in its first period.
  EXPECT_NEAR(expect_all_answered(bench({"ping", "--rate", "500"}), "ping"), 200, 1);
}

TEST_P(Scenarios, ManyInFlightAreMatchedBySequence) {
  expect_all_answered(bench({"forward", "--in-flight", "16"}), "forward");
  expect_all_answered(bench({"ping", "--in-flight", "16"}), "ping");
  EXPECT_NEAR(expect_all_answered(bench({"forward", "--rate", "500"}), "forward"), 200, 1);
}

TEST_P(Scenarios, TalksReachTheOtherEnd) {
  const BenchRun closed = bench({"talk", "--body", "100"});
  const double talks = expect_all_answered(closed, "talk");
  EXPECT_EQ(expect_all_answered(closed, "delivery"), talks);
  const BenchRun open = bench({"talk", "--rate", "500", "--threads", "3"});
  EXPECT_NEAR(expect_all_answered(open, "talk"), 200, 3);
  expect_all_answered(open, "delivery");
}

TEST_P(Scenarios, LoginsComeAndGo) {
  const double metric_before = dev_.metric("ringgate_logins_total");
  const BenchRun closed = bench({"login"});
  expect_all_answered(closed, "login");
  EXPECT_EQ(closed.number("/logins"), dev_.metric("ringgate_logins_total") - metric_before);
  EXPECT_NEAR(expect_all_answered(bench({"login", "--rate", "200"}), "login"), 80, 1);
  dev_.wait_metric_is("ringgate_clients", 0);  // it leaves nothing behind
}

TEST_P(Scenarios, IdleClientsOnlyPing) {
  const BenchRun idle = bench({"idle", "--heartbeat", "100ms"});
  EXPECT_NEAR(expect_all_answered(idle, "ping"), 8 * 4, 1);
  EXPECT_THAT(idle.json, HasSubstr("\"open\""));
}

TEST_P(Scenarios, AMixDoesEverything) {
  const TempDir folder;
  const std::string file = (folder.path() / "mix.yaml").string();
  std::ofstream(file) << "- {do: ping, share: 2, think: 0ms..2ms}\n"
                         "- {do: forward, share: 1, body: 0..300}\n"
                         "- {do: talk, share: 1, think: 1ms, body: 10..2000}\n";
  const BenchRun mix = bench({"mix", "--mix", file, "--in-flight", "2"});
  double sent = 0;
  for (const char* action : {"ping", "forward", "talk", "delivery"}) {
    sent += expect_all_answered(mix, action);
  }
  EXPECT_EQ(mix.number("/sent"), sent - mix.number("/actions/delivery/sent"));
  const BenchRun open = bench({"mix", "--mix", file, "--rate", "500"});
  EXPECT_EQ(expect_all_answered(open, "talk"), expect_all_answered(open, "delivery"));
}

// ringbench is the service: what it has pushed is what its clients have got.
TEST_P(Scenarios, PushesReachTheirChannels) {
  const World world;
  const Server gateway(world, "gateway", "gw", {{"Listen", kTcpAndWs}, {"Shards", "2"}});
  const auto push = [&](const std::vector<std::string>& more) {
    return run_ringbench(std::vector<std::string>{"push", "--registry-file", world.registry_file(),
                                                  "--target", target(gateway)} +
                         briefly(gateway) + more);
  };
  EXPECT_NEAR(expect_all_answered(push({"--fanout", "4", "--rate", "500"}), "delivery"), 4 * 200,
              4);
  expect_all_answered(push({"--fanout", "8", "--in-flight", "4"}), "delivery");
  const double delivered = expect_all_answered(push({"--lanes", "false"}), "delivery");
  EXPECT_GT(delivered, 0);
  EXPECT_EQ(gateway.metric("ringgate_push_to_gone_channel_total"), 0);
}

// And for the other scenarios, so that the gateway alone is measured.
TEST_P(Scenarios, ItsOwnServiceAnswersRequestsAndTalks) {
  const World world;
  const Server gateway(world, "gateway", "gw", {{"Listen", kTcpAndWs}, {"Shards", "1"}});
  for (const char* scenario : {"forward", "talk", "login"}) {
    for (const char* thread : {"own", "shared"}) {
      const BenchRun run = run_ringbench(
          std::vector<std::string>{scenario, "--registry-file", world.registry_file(), "--target",
                                   target(gateway), "--service-thread", thread, "--threads", "2"} +
          briefly(gateway));
      expect_all_answered(run, scenario);
      EXPECT_THAT(run.json, HasSubstr(std::string("\"service_thread\": \"") + thread + "\""));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Transports, Scenarios, testing::Values("tcp", "ws"),
                         [](const auto& transport) { return std::string(transport.param); });

}  // namespace
}  // namespace ringgate::test
