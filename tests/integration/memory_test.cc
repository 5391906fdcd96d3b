// A gateway whose system has no memory left: a real process, and a bound of its address space.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/fillers.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

constexpr std::size_t kMoreBytes = 16 * 1024 * 1024;

void expect_served(Client& alice, Client& bob, std::uint32_t sequence) {
  alice.send(ping());
  EXPECT_EQ(alice.next().kind, Event::Kind::kPong);
  alice.send(talk(bob.account, "hello", sequence));
  EXPECT_TRUE(alice.next().is_answer(sequence));
  EXPECT_EQ(bob.next().parse<pkt::MessagePush>().sender(), alice.account);
}

TEST(AddressSpace, WhoIsThereIsServedWithoutAnyAndNewcomersAreWhenTheFillersHaveGone) {
  TalkBench bench{{{"Shards", "1"}}};
  Client alice = log_in(bench.gateway, "alice");
  Client bob = log_in(bench.gateway, "bob");
  bound_address_space(bench.gateway, kMoreBytes);
  for (std::uint32_t round = 1; round <= 2; ++round) {
    std::vector<Socket> fillers = fill_memory(bench.gateway);
    FrameSocket newcomer = bench.gateway.connect();  // in the backlog
    newcomer.send(login(token("carol")));
    expect_served(alice, bob, 2 * round);
    EXPECT_GE(bench.gateway.metric("ringgate_memory_short_total"), round);
    EXPECT_GE(bench.gateway.metric("ringgate_closed_by_reason_total", "no_memory"), 1);
    EXPECT_EQ(bench.gateway.get("/health").status, 200);

    fillers.clear();
    EXPECT_TRUE(newcomer.next(60s).is_answer(1)) << "round " << round;
    bench.gateway.wait_metric_is("ringgate_shards_short_of_memory", 0);
    expect_served(alice, bob, 2 * round + 1);
  }
  bench.gateway.process().signal(SIGTERM);
  EXPECT_EQ(bench.gateway.process().wait_exit(), 0);
}

}  // namespace
}  // namespace ringgate::test
