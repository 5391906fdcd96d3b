// What a target answers wrongly, twice, or not at all is counted by its own name, and is never
// taken for what was asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/benchmarks/pretended_target.h"
#include "tests/benchmarks/ringbench_run.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;
using Peer = PretendedTarget::Peer;

BenchRun bench(const PretendedTarget& target, std::vector<std::string> more) {
  more.insert(more.end(), {"--target", target.address(), "--secret", "s"});
  return run_ringbench(std::move(more));
}

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
}

}  // namespace
}  // namespace ringgate::test
