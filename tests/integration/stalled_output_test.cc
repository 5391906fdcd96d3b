// What a process says goes to pipes that nobody empties, whose reader is gone, or to a full disk:
// that costs lines, and neither clients nor the end of the process.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/common/free_port.h"
#include "tests/integration/command_run.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

constexpr int kBadLogins = 400;

// A bench whose gateway says what it has to say into nothing.
struct MuteBench {
  explicit MuteBench(const Streams& streams, const Settings& settings = {})
      : gateway(world, "gateway", "g1", settings, streams) {}

  World world;
  RawService login{world, "login01", "login"};
  Server gateway;
  Link link = login.accept();
};

// Each is a complaint of libprotobuf, on the shard's thread: a header whose command is not UTF-8.
// (A login's body is not parsed by it.)
void log_in_badly(const Server& gateway) {
  const std::string not_utf8 = "\x0a\x28" + std::string(40, '\xff');
  for (int i = 0; i < kBadLogins; ++i) {
    FrameSocket client = gateway.connect();
    client.send(raw_packet(not_utf8));
    while (client.next().kind != Event::Kind::kEnd) {
    }
  }
}

class StalledStderr : public testing::TestWithParam<Sink> {};

TEST_P(StalledStderr, HoldsUpNeitherClientsNorTheEnd) {
  MuteBench bench({.err = GetParam()}, {{"LogLevel", "trace"}});
  Client alice = log_in(bench.gateway, bench.link, "alice");
  log_in_badly(bench.gateway);
  alice.send(ping());
  EXPECT_EQ(alice.next().kind, Event::Kind::kPong);
  EXPECT_EQ(bench.gateway.get("/health").status, 200);
  bench.gateway.process().signal(SIGTERM);
  EXPECT_TRUE(sends_away(alice.next()));
  alice.frames.socket().close();
  EXPECT_EQ(bench.gateway.process().wait_exit(), 0);
}

INSTANTIATE_TEST_SUITE_P(Sinks, StalledStderr,
                         testing::Values(Sink::kFullPipe, Sink::kClosedPipe, Sink::kFullDisk));

TEST(StalledStderr, ASecondSignalEndsAtOnce) {
  MuteBench bench({.err = Sink::kFullPipe}, {{"DrainTime", "10m"}, {"SignoutKeep", "10m"}});
  Client alice = log_in(bench.gateway, bench.link, "alice");
  bench.gateway.process().freeze();
  bench.gateway.process().signal(SIGTERM);
  bench.gateway.process().signal(SIGCONT);
  EXPECT_TRUE(sends_away(alice.next()));
  // It waits for alice's end, and she does not go.
  EXPECT_EQ(exit_of_signals(bench.gateway.process(), SIGTERM), 1);
}

// Bodies are parsed by services, on their shards.
TEST(StalledStderr, OfAServiceHoldsUpNoRequest) {
  const World world;
  const Server chat(world, "chat", "chat01", {{"MemorySessions", "true"}},
                    {.err = Sink::kFullPipe});
  const Server gateway(world, "gateway", "g1", {{"Routes", "{login: chat}"}});
  wait_until("ready", [&] { return gateway.get("/ready").status == 200; });
  Client alice = log_in(gateway, "alice");
  constexpr std::uint32_t kTalks = 400;
  for (std::uint32_t i = 2; i < 2 + kTalks; ++i) {
    alice.send(talk("bob", "\xff\xff", i));
    EXPECT_EQ(alice.next().header.sequence(), i);
  }
  EXPECT_GE(chat.metric("ringgate_protobuf_complaints_total"), kTalks);
}

TEST(StalledStderr, LinesLostAreCounted) {
  const MuteBench bench({.err = Sink::kFullDisk}, {{"RoyalURL", "has no effect and says so"}});
  bench.gateway.wait_metric("ringgate_log_lines_lost_total", 1);
}

TEST(StalledStderr, AnErrorOfTheConfigurationStillEndsTheStart) {
  const World world;
  ProcessUnderTest gateway(
      ProcessUnderTest::ringgate(
          {"gateway", "-c", world.config("gateway", "g1", {{"Nonsense", "1"}})}),
      {.err = Sink::kFullPipe});
  EXPECT_EQ(gateway.wait_exit(), 2);
}

TEST(StalledStdout, HoldsUpNeitherTheStartNorTheEnd) {
  const World world;
  RawService login_service(world, "login01", "login");
  const std::uint16_t port = free_port();
  ProcessUnderTest gateway(
      ProcessUnderTest::ringgate(
          {"gateway", "-c",
           world.config("gateway", "g1", {{"Listen", "127.0.0.1:" + std::to_string(port)}})}),
      {.out = Sink::kFullPipe});
  Link link = login_service.accept();
  FrameSocket client(Socket::connect(port));
  client.send(login(token("alice")));
  answer_login(link, "alice");
  EXPECT_TRUE(client.next().is_answer(1));
  gateway.signal(SIGTERM);
  EXPECT_TRUE(sends_away(client.next()));
  client.socket().close();
  EXPECT_EQ(gateway.wait_exit(), 0);
}

}  // namespace
}  // namespace ringgate::test
