// A run that did not measure what was asked is never green: whom the target leaves without an
// answer, or without a connection, is counted and said.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <deque>
#include <list>
#include <optional>

#include "tests/benchmarks/pretended_target.h"
#include "tests/benchmarks/ringbench_run.h"
#include "tests/common/temp_dir.h"
#include "tests/integration/world.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using Peer = PretendedTarget::Peer;

BenchRun raw_pings(const PretendedTarget& target, std::vector<std::string> more) {
  more.insert(more.begin(), {"ping", "--raw"});
  return bench(target, std::move(more));
}

TEST(RingbenchPromises, LoginsThatHangSinceTheWarmUpAreUnanswered) {
  PretendedTarget target([](Peer& peer, const Event& event) {
    if (peer.number != 1 && peer.number != 2) PretendedTarget::answer(peer, event);
  });
  const BenchRun run = bench(target, {"login", "--connections", "4", "--duration", "300ms",
                                      "--warmup", "300ms", "--drain", "200ms"});
  EXPECT_EQ(run.code, 4) << run.output;
  EXPECT_EQ(run.number("/errors/unanswered"), 2) << run.output;
  EXPECT_EQ(run.number("/failed"), 2);
  EXPECT_EQ(run.number("/latency_us/unanswered"), 2);
  EXPECT_EQ(run.number("/latency_us/count"), run.number("/sent"));
  EXPECT_THAT(run.output, HasSubstr("2 of 4 connections waited all through the window"));
}

TEST(RingbenchPromises, ConnectionsThatNeverAnswerHaveFailed) {
  PretendedTarget target([](Peer& peer, const Event& event) {
    if (is_ping(event) && peer.number % 4 == 0) PretendedTarget::send(peer, pong());
  });
  const BenchRun run = raw_pings(target, {"--connections", "8", "--duration", "300ms", "--warmup",
                                          "200ms", "--drain", "200ms", "--fail-if", "failed>6"});
  EXPECT_EQ(run.code, 4) << run.output;
  EXPECT_EQ(run.number("/failed"), 6) << run.output;
  EXPECT_EQ(run.number("/errors/unanswered"), 6);
  EXPECT_THAT(run.output, HasSubstr("6 of 8 connections waited all through the window"));
}

// One login is not answered, so that the others are ended while the run is being set up.
TEST(RingbenchPromises, ASetUpWhoseLoginsAreTakenOverIsToldOfThePrefix) {
  PretendedTarget target([](Peer& peer, const Event& event) {
    if (peer.number == 1) return;
    PretendedTarget::answer(peer, event);
    pkt::Header kickout;
    kickout.set_command("login.signin");
    kickout.set_flag(pkt::Push);
    PretendedTarget::send(peer, packet(kickout));
  });
  const BenchRun run = bench(target, {"ping", "--connections", "2", "--duration", "100ms"});
  EXPECT_EQ(run.code, 1) << run.output;
  EXPECT_THAT(run.output, HasSubstr("ended the login of bench00000"));
  EXPECT_THAT(run.output, HasSubstr("give each an --account-prefix of its own"));
}

TEST(RingbenchPromises, ATargetThatStopsForGoodIsSaid) {
  unsigned answered = 0;
  PretendedTarget target([&](Peer& peer, const Event& event) {
    if (is_ping(event) && ++answered <= 200) PretendedTarget::send(peer, pong());
  });
  const BenchRun run = raw_pings(
      target, {"--connections", "4", "--duration", "2s", "--warmup", "0s", "--drain", "200ms"});
  EXPECT_EQ(run.code, 4) << run.output;
  EXPECT_EQ(run.number("/answered"), 200);
  EXPECT_THAT(run.output, HasSubstr("nothing was answered in the last "));
}

// So late that the window has no half a second of silence.
TEST(RingbenchPromises, ATargetThatStopsForGoodBeforeTheWindowsEndIsSaid) {
  for (const bool open : {false, true}) {
    std::optional<SteadyClock::time_point> first;
    PretendedTarget target([&](Peer& peer, const Event& event) {
      if (!is_ping(event)) return;
      if (!first) first = SteadyClock::now();
      if (SteadyClock::now() - *first < 1800ms) PretendedTarget::send(peer, pong());
    });
    std::vector<std::string> words = {"--connections", "4",  "--duration", "2s",
                                      "--warmup",      "0s", "--drain",    "1s"};
    if (open) words.insert(words.end(), {"--rate", "100"});
    const BenchRun run = raw_pings(target, words);
    EXPECT_EQ(run.code, 4) << run.output;
    EXPECT_THAT(run.output, HasSubstr("had no answer when the drain ended"));
  }
}

// The last of them stays; each of the others had one message under way.
TEST(RingbenchPromises, LostConnectionsAreSaidAndTheirMessagesCounted) {
  std::array<unsigned, 8> asked{};
  PretendedTarget target([&](Peer& peer, const Event& event) {
    if (!is_ping(event)) return;
    peer.ended = peer.number != 7 && ++asked.at(peer.number) > 20;
    if (!peer.ended) PretendedTarget::send(peer, pong());
  });
  const BenchRun run = raw_pings(
      target, {"--connections", "8", "--duration", "1s", "--warmup", "0s", "--drain", "200ms"});
  EXPECT_EQ(run.code, 4) << run.output;
  EXPECT_EQ(run.number("/errors/connection_lost"), 7) << run.output;
  EXPECT_EQ(run.number("/errors/unanswered"), 7);
  EXPECT_EQ(run.number("/failed"), 7);
  EXPECT_THAT(run.output, HasSubstr("7 of 8 connections were lost"));
}

// It answers nothing from some message on, so that there is a drain, and is gone before its end.
TEST(RingbenchPromises, ATargetThatEndsInTheDrainIsSaid) {
  std::list<Peer*> peers;
  std::optional<SteadyClock::time_point> last_ping;
  unsigned asked = 0;
  PretendedTarget target(
      [&](Peer& peer, const Event& event) {
        if (!is_ping(event)) return;
        last_ping = SteadyClock::now();
        if (++asked % 10 != 0) return PretendedTarget::send(peer, pong());
        peers.push_back(&peer);
      },
      [&] {
        if (!last_ping || SteadyClock::now() - *last_ping < std::chrono::seconds{2}) return;
        for (Peer* peer : peers) peer->frames.socket().close();
        peers.clear();
      });
  const BenchRun run = raw_pings(target, {"--connections", "1", "--duration", "500ms", "--rate",
                                          "100", "--warmup", "0s", "--drain", "20s"});
  EXPECT_EQ(run.code, 4) << run.output;
  EXPECT_THAT(run.output, HasSubstr("when the drain ended no connection was up"));
}

// --- Answers -------------------------------------------------------------------------------------

// Every other request is refused.
BenchRun with_refusals(std::vector<std::string> more) {
  unsigned asked = 0;
  PretendedTarget target([&](Peer& peer, const Event& event) {
    const bool login = event.header.command() == "login.signin";
    const bool refused = !login && ++asked % 2 == 0;
    PretendedTarget::answer(peer, event, refused ? pkt::SystemException : pkt::Success);
  });
  more.insert(more.begin(), {"forward", "--connections", "2", "--duration", "300ms", "--warmup",
                             "0s", "--drain", "5s"});
  return bench(target, std::move(more));
}

TEST(RingbenchPromises, RefusalsAreSaidInAClosedLoop) {
  const BenchRun run = with_refusals({});
  EXPECT_EQ(run.code, 0) << run.output;
  EXPECT_EQ(run.number("/latency_us/unanswered"), 0);
  EXPECT_THAT(run.output, HasSubstr("were answered with another status than Success"));
}

TEST(RingbenchPromises, ARefusalIsNoAnswerThatNeverCame) {
  const BenchRun run = with_refusals({"--rate", "200"});
  EXPECT_GT(run.number("/errors/status"), 0) << run.output;
  EXPECT_THAT(run.output,
              HasSubstr(std::to_string(static_cast<int>(run.number("/errors/status"))) +
                        " had another status than Success, 0 messages had none at all"));
}

TEST(RingbenchPromises, AHeartbeatThatIsNotDueIsNoError) {
  PretendedTarget target([](Peer&, const Event&) {});
  const BenchRun run = bench(target, {"idle", "--raw", "--connections", "2", "--heartbeat", "48h",
                                      "--duration", "100ms", "--warmup", "0s"});
  EXPECT_EQ(run.code, 1) << run.output;
  EXPECT_THAT(run.output, HasSubstr("ringbench: nothing was due in the window"));
  EXPECT_THAT(run.output, Not(HasSubstr("see the errors")));
}

// Ten logins a second are answered, and twenty are due: the others wait for the one connection.
TEST(RingbenchPromises, AWaitForAFreeConnectionIsNoTimeOfConnects) {
  std::deque<std::pair<Peer*, Event>> waiting;
  SteadyClock::time_point next;
  PretendedTarget target(
      [&](Peer& peer, const Event& event) {
        waiting.emplace_back(&peer, event);
        next = SteadyClock::now() + std::chrono::milliseconds{100};
      },
      [&] {
        if (waiting.empty() || SteadyClock::now() < next) return;
        PretendedTarget::answer(*waiting.front().first, waiting.front().second);
        waiting.pop_front();
      });
  const BenchRun run = bench(target, {"login", "--connections", "1", "--rate", "20", "--duration",
                                      "1s", "--warmup", "0s", "--drain", "20s"});
  EXPECT_EQ(run.number("/actions/connect/sent"), run.number("/actions/login/sent")) << run.output;
  EXPECT_GE(run.number("/actions/login/latency_us/p50"), 300'000) << run.output;
  EXPECT_LT(run.number("/actions/connect/latency_us/p50"), 100'000) << run.output;
  EXPECT_GT(run.number("/actions/login/late"), 0) << run.output;
}

// --- Results -------------------------------------------------------------------------------------

void answer_pings(Peer& peer, const Event& event) {
  if (is_ping(event)) PretendedTarget::send(peer, pong());
}

std::vector<std::string> short_pings(const PretendedTarget& target, std::vector<std::string> more) {
  more.insert(more.begin(), {ringbench_binary(), "ping", "--raw", "--target", target.address(),
                             "--connections", "2", "--duration", "100ms", "--warmup", "0s"});
  return more;
}

TEST(RingbenchPromises, APipeThatNobodyReadsKeepsNoReportBack) {
  PretendedTarget target(answer_pings);
  const TempDir folder;
  const std::string pipe = (folder.path() / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  ProcessUnderTest bench(short_pings(target, {"--json", pipe}));
  EXPECT_EQ(bench.wait_exit(), 1) << bench.output();
  EXPECT_THAT(bench.whole_output(), HasSubstr("per second"));
  EXPECT_THAT(bench.whole_output(), HasSubstr("nobody reads there"));
}

TEST(RingbenchPromises, ASignalEndsItWhileAReaderDoesNotRead) {
  PretendedTarget target(answer_pings);
  ProcessUnderTest bench(short_pings(target, {"--json", "-"}), {.out = Sink::kFullPipe});
  bench.wait_for_line("per message");  // of the report, on the other stream
  EXPECT_EQ(exit_of_signals(bench, SIGINT), -SIGINT);
}

TEST(RingbenchPromises, AReaderThatHasGoneKeepsNoFileBack) {
  PretendedTarget target(answer_pings);
  const TempDir folder;
  const std::string file = (folder.path() / "run.json").string();
  ProcessUnderTest bench(short_pings(target, {"--json", file}), {.out = Sink::kClosedPipe});
  EXPECT_EQ(bench.wait_exit(), 1) << bench.output();
  EXPECT_THAT(bench.whole_output(), HasSubstr("cannot write the report to standard output"));
  EXPECT_THAT(read_file(file), HasSubstr("\"exit_code\": 0"));
}

}  // namespace
}  // namespace ringgate::test
