// What a target answers wrongly, twice, or not at all is counted by its own name, and is never
// taken for what was asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <atomic>

#include "tests/benchmarks/pretended_target.h"
#include "tests/benchmarks/ringbench_run.h"
#include "tests/integration/world.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using Peer = PretendedTarget::Peer;

// --- Logins --------------------------------------------------------------------------------------

TEST(RingbenchAnswers, AConnectionThatTheTargetDoesNotCloseIsNoCycleOfIt) {
  PretendedTarget target(
      [](Peer& peer, const Event& event) {
        if (event.kind == Event::Kind::kLogic) PretendedTarget::answer(peer, event);
      },
      [] {}, PretendedTarget::Goodbye::kIgnore);
  const BenchRun run =
      bench(target, {"login", "--connections", "2", "--duration", "1500ms", "--warmup", "0s"});
  EXPECT_EQ(run.number("/actions/cycle/answered"), 0) << run.output;
  EXPECT_EQ(run.number("/actions/cycle/failed"), run.number("/actions/cycle/due"));
  EXPECT_GE(run.number("/actions/cycle/latency_us/p50"), 999'000) << "a lower bound of it";
  EXPECT_GE(run.number("/errors/not_closed"), 2);
  EXPECT_EQ(run.number("/errors/total"), run.number("/errors/not_closed"));
  EXPECT_THAT(run.output, HasSubstr("not_closed"));
  EXPECT_EQ(run.code, 4) << run.output;
  EXPECT_THAT(run.output, HasSubstr("were not closed by the target"));
}

TEST(RingbenchAnswers, ASuccessWithoutAChannelIsNoLogin) {
  for (const char* const scenario : {"ping", "login"}) {
    PretendedTarget target([](Peer& peer, const Event& event) {
      pkt::Header answer = header(event.header.command(), event.header.sequence());
      answer.set_flag(pkt::Response);
      PretendedTarget::send(peer, packet(answer));
    });
    const BenchRun run =
        bench(target, {scenario, "--connections", "2", "--duration", "100ms", "--warmup", "0s"});
    EXPECT_EQ(run.code, 1) << run.output;
    EXPECT_THAT(run.output, HasSubstr("no LoginResp with a channel id")) << scenario;
  }
}

// --- Pongs ---------------------------------------------------------------------------------------

BenchRun raw_pings(const PretendedTarget& target, std::vector<std::string> more) {
  more.insert(more.begin(),
              {"ping", "--raw", "--connections", "2", "--duration", "300ms", "--warmup", "0s"});
  return bench(target, std::move(more));
}

TEST(RingbenchAnswers, APongThatComesTwiceIsNotTheAnswerToAPingThatHasNotLeft) {
  std::atomic<unsigned> pings = 0;
  PretendedTarget target([&](Peer& peer, const Event& event) {
    if (!is_ping(event)) return;
    ++pings;
    PretendedTarget::send(peer, pong() + pong());
  });
  const BenchRun run = raw_pings(target, {});
  EXPECT_EQ(run.code, 4) << run.output;
  EXPECT_GT(run.number("/errors/unasked_pong"), 0) << run.output;
  EXPECT_EQ(run.number("/errors/wrong_sequence"), 0);
  EXPECT_EQ(run.number("/answered"), pings) << "the times of which are not 0";
  EXPECT_GT(run.number("/latency_us/p50"), 0);
  EXPECT_THAT(run.output, HasSubstr("pongs came that no ping had asked for"));
}

TEST(RingbenchAnswers, APongThatCarriesSomethingIsWrong) {
  PretendedTarget target([](Peer& peer, const Event& event) {
    const std::string carried = std::string("\xc3\x15\xa7\x65\0\2\0\3abc", 11);
    if (is_ping(event)) PretendedTarget::send(peer, frame(Opcode::kBinary, carried));
  });
  const BenchRun run = raw_pings(target, {});
  EXPECT_EQ(run.code, 1) << run.output;
  EXPECT_EQ(run.number("/answered"), 0);
  EXPECT_GT(run.number("/errors/wrong_body"), 0);
  EXPECT_EQ(run.number("/errors/total"), run.number("/errors/wrong_body"));
}

// --- Requests ------------------------------------------------------------------------------------

// Every request but one in ten is answered by `answer`.
BenchRun forwards(const PretendedTarget::OnEvent& answer, const std::vector<std::string>& more) {
  unsigned asked = 0;
  PretendedTarget target([&](Peer& peer, const Event& event) {
    if (event.header.command() == "login.signin" || ++asked % 10 == 0) {
      return PretendedTarget::answer(peer, event);
    }
    answer(peer, event);
  });
  std::vector<std::string> all = {"forward", "--connections", "2", "--duration",
                                  "300ms",   "--warmup",      "0s"};
  all.insert(all.end(), more.begin(), more.end());
  return bench(target, std::move(all));
}

TEST(RingbenchAnswers, WhereMostAreRefusedItIsNotGreenInAClosedLoopEither) {
  for (const bool open : {false, true}) {
    std::vector<std::string> more;
    if (open) more = {"--rate", "300"};
    const BenchRun run = forwards(
        [](Peer& peer, const Event& event) {
          PretendedTarget::answer(peer, event, pkt::SystemException);
        },
        more);
    EXPECT_EQ(run.code, 4) << run.output;
    EXPECT_GT(run.number("/answered"), 0);
    EXPECT_THAT(run.output, HasSubstr("messages that were due in the window failed"));
    EXPECT_THAT(run.output, HasSubstr("another status than Success"));
  }
}

TEST(RingbenchAnswers, AnEchoOfSomethingElseIsWrong) {
  const auto other_body = [](Peer& peer, const Event& event) {
    pkt::Header answer = header(event.header.command(), event.header.sequence());
    answer.set_flag(pkt::Response);
    std::string body = event.body;
    body.back() = 'y';
    PretendedTarget::send(peer, packet(answer, body));
  };
  for (const char* const bytes : {"8", "16", "100"}) {
    const BenchRun run = forwards(other_body, {"--body", bytes});
    EXPECT_EQ(run.code, 4) << run.output;
    EXPECT_EQ(run.number("/failed"), run.number("/errors/wrong_body"));
    EXPECT_GT(run.number("/errors/wrong_body"), run.number("/answered"));
    EXPECT_THAT(run.output, HasSubstr("or a wrong body"));
  }
  const BenchRun other = forwards(other_body, {"--command", "chat.else"});
  EXPECT_EQ(other.number("/errors/total"), 0) << "nobody knows what another service answers";
  EXPECT_THAT(other.output, Not(HasSubstr("wrong_body")));
}

// --- Ends ----------------------------------------------------------------------------------------

int bytes_of(int fd, unsigned long what) {
  int bytes = -1;
  return ioctl(fd, what, &bytes) == 0 ? bytes : -1;
}

// It leaves something unread, so that its close is a reset, which a send finds before the reason is
// read. A reset drops what has not been taken, so that it is not sent before.
TEST(RingbenchAnswers, TheReasonOfACloseIsToldWhereASendFindsItClosed) {
  for (int round = 0; round < 5; ++round) {
    unsigned asked = 0;
    PretendedTarget target([&](Peer& peer, const Event& event) {
      if (event.header.command() == "login.signin" || ++asked < 2000) {
        return PretendedTarget::answer(peer, event);
      }
      const int fd = peer.frames.socket().fd();
      wait_until("something is unread", [fd] { return bytes_of(fd, FIONREAD) > 0; });
      PretendedTarget::send(peer, frame(Opcode::kClose, "slow_consumer"));
      wait_until("the reason is taken", [fd] { return bytes_of(fd, SIOCOUTQ) == 0; });
      peer.ended = true;
    });
    const BenchRun run = bench(target, {"forward", "--connections", "1", "--rate", "50k",
                                        "--duration", "2s", "--warmup", "0s"});
    EXPECT_NE(run.code, 0) << run.output;
    EXPECT_THAT(run.output, HasSubstr("was lost by: slow_consumer"));
  }
}

}  // namespace
}  // namespace ringgate::test
