// What `ringgate trace` says of the TCP connection of a client that does not read: while it is
// there, and when it has been closed.
#include <gmock/gmock.h>

#include "tests/integration/trace_bench.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;

// Bob does not read what is pushed to him.
struct DeafBench {
  explicit DeafBench(const std::string& most_queued)
      : bench(with_admin(port, {{"WriteTimeout", "1h"},
                                {"MaxUnsentBytes", "16KiB"},
                                {"MaxQueuedBytes", most_queued}})) {}
  void push(int times) {
    const std::string text(30'000, 'x');
    for (int i = 0; i < times; ++i) bench.chat_link.push("g1", bob.channel, text);
  }
  // Until the kernel has some of it that it cannot send.
  void push_until_it_waits() {
    wait_until("unsent bytes", [&] {
      push(1);
      const std::string page = admin_get(port, "/channels/" + bob.channel).body;
      return testing::Matches(ContainsRegex("\"notSentBytes\": [1-9]"))(page);
    });
  }

  std::uint16_t port = free_port();
  ChatBench bench;
  Client bob = bench.log_in("bob");
};

TEST(TraceTcp, IsToldWhileAPushWaits) {
  DeafBench deaf("512MiB");
  ProcessUnderTest trace(ProcessUnderTest::ringgate(
      {"trace", "--gateway", "127.0.0.1:" + std::to_string(deaf.port), "--account", "bob"}));
  trace.wait_for_line("bob is logged in on 1 channel");
  constexpr const char* kTold = "its TCP connection: established";
  wait_until(kTold, [&] {
    deaf.push(1);
    return trace.output().contains(kTold);
  });
  EXPECT_THAT(trace.wait_for_line(kTold),
              AllOf(HasSubstr(" g1 kim #"), ContainsRegex("[1-9][0-9]* bytes not sent")));
  // And where nothing is followed.
  EXPECT_THAT(recorded(deaf.port, "bob").output, HasSubstr(kTold));
}

TEST(TraceTcp, IsToldOfOneThatIsClosedAsLongAsTheKernelHasIt) {
  DeafBench deaf("1MiB");
  deaf.push_until_it_waits();
  deaf.push(500);
  deaf.bench.gateway.wait_metric("ringgate_closed_by_reason_total", 1, "slow_consumer");
  EXPECT_THAT(
      recorded(deaf.port, "bob").output,
      AllOf(ContainsRegex("closed: slow_consumer; [0-9]+ bytes were still queued"),
            ContainsRegex("its TCP connection: fin_wait_1, .* [1-9][0-9]* bytes not sent")));
}

}  // namespace
}  // namespace ringgate::test
