// Who goes when clients take too much memory.
#include "services/gateway/parts/memory_budget.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/services/gateway/parts/gateway_shard.h"

namespace ringgate {
namespace {

using test::TestClient;

constexpr std::size_t kBudget = 200'000;
constexpr std::size_t kLongFrame = 20'000;

class MemoryBudgetPart : public testing::Test {
 protected:
  MemoryBudgetPart() {
    gateway_.context.options.max_memory_bytes = kBudget;
    const auto connected = gateway_.it.handler.accepted;
    gateway_.it.handler.accepted = [this, connected](Connection& connection) {
      connected(connection);
      if (budget_.accepted(connection)) admission_.accepted(connection);
    };
    gateway_.it.handler.tick = [this] { budget_.on_tick(); };
    gateway_.it.handler.batch_end = [this] { budget_.on_batch_end(); };
  }
  // Sends nearly all of a long frame: the shard keeps it.
  static void send_part(const TestClient& client, std::size_t bytes) {
    std::vector<std::uint8_t> frame = test::frame(Opcode::kBinary, std::string(bytes + 1, 'f'));
    frame.pop_back();
    client.peer->send(frame);
  }
  void begin_frame(const TestClient& client, std::size_t bytes) {
    send_part(client, bytes);
    gateway_.settle();
  }
  void queue(const TestClient& client, std::size_t bytes) {
    client.peer->window = 0;
    std::uint8_t* const to = gateway_.it.shard.reserve(*client.connection, bytes);
    ASSERT_NE(to, nullptr);
    std::fill_n(to, bytes, std::uint8_t{0});
  }
  std::vector<TestClient> twenty_clients() {
    std::vector<TestClient> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(gateway_.channel("user" + std::to_string(i)));
    return clients;
  }
  void dry_run(bool on) {
    ShardLimits limits = gateway_.it.shard.options();
    limits.limits_dry_run = on;
    gateway_.it.shard.reconfigure(limits, std::vector<WsUpgradeOptions>(1));
  }
  [[nodiscard]] std::size_t used() { return gateway_.it.shard.pool().used_bytes(); }
  [[nodiscard]] std::uint64_t count() const { return gateway_.count(GatewayCounter::kMemoryFull); }

  test::GatewayShard gateway_;
  Admission admission_{gateway_.context};
  MemoryBudget budget_{gateway_.context, admission_};
};

TEST_F(MemoryBudgetPart, WhoHasNotLoggedInGoesFirstTheOldestBeforeTheOthers) {
  const TestClient alice = gateway_.channel("alice");
  begin_frame(alice, 2 * kLongFrame);  // more than any of the others
  const TestClient silent = gateway_.connect();
  std::vector<TestClient> strangers;
  for (int i = 0; i < 8; ++i) {
    strangers.push_back(gateway_.connect());
    begin_frame(strangers.back(), kLongFrame);
    gateway_.pass(2);
    EXPECT_LE(used(), kBudget / 5 * 4);
  }
  EXPECT_GT(count(), 0U);
  EXPECT_EQ(gateway_.it.handler.reasons,
            std::vector<CloseReason>(count(), CloseReason(GatewayClose::kMemoryFull)));
  EXPECT_TRUE(strangers.front().peer->closed);
  EXPECT_FALSE(strangers.back().peer->closed);
  EXPECT_FALSE(silent.peer->closed) << "it takes nothing";
  EXPECT_FALSE(alice.peer->closed);
}

TEST_F(MemoryBudgetPart, ThenThoseForWhomMostWaits) {
  std::vector<TestClient> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(gateway_.channel("user" + std::to_string(i)));
  for (std::size_t i = 0; i < clients.size(); ++i) queue(clients[i], 20'000 + 5'000 * i);
  ASSERT_GT(used(), kBudget / 5 * 4);
  gateway_.pass(2);
  EXPECT_LE(used(), kBudget / 5 * 4);
  ASSERT_GT(count(), 0U);
  ASSERT_LT(count(), clients.size());
  for (std::size_t i = 0; i < clients.size(); ++i) {
    EXPECT_EQ(clients[i].peer->closed, i >= clients.size() - count()) << i;
  }
}

TEST_F(MemoryBudgetPart, AboveItSomeGoWhenTheTurnEnds) {
  std::vector<TestClient> clients;
  for (int i = 0; i < 12; ++i) clients.push_back(gateway_.channel("user" + std::to_string(i)));
  gateway_.it.handler.tick = [] {};
  gateway_.it.handler.batch_end = [this] {
    budget_.on_batch_end();
    EXPECT_LE(used(), kBudget) << "what had been begun is not back at once";
  };
  for (const TestClient& client : clients) send_part(client, kLongFrame);
  gateway_.settle();
  EXPECT_GT(count(), 0U);
}

TEST_F(MemoryBudgetPart, WhoGoesIsCountedAsGoneBeforeItsMemoryIsBack) {
  const std::vector<TestClient> clients = twenty_clients();
  for (const TestClient& client : clients) queue(client, kLongFrame);
  const std::size_t each = pool_bytes(*clients.front().connection);
  ASSERT_GT(used(), kBudget);
  budget_.on_batch_end();
  const std::uint64_t closed = count();
  ASSERT_GT(closed, 0U);
  ASSERT_GT(used(), kBudget) << "none of it is back yet";
  budget_.on_batch_end();
  budget_.on_tick();
  EXPECT_EQ(count(), closed);
  gateway_.settle();
  EXPECT_LE(used(), kBudget / 5 * 4);
  EXPECT_GT(used() + each, kBudget / 5 * 4) << "one less would not have been enough";
}

// What goes is blocks of the pool, which hold less than they might.
TEST_F(MemoryBudgetPart, NoMoreGoThanHaveTo) {
  gateway_.context.options.max_memory_bytes = 0;
  const std::vector<TestClient> clients = twenty_clients();
  for (const TestClient& client : clients) {
    for (int i = 0; i < 5; ++i) queue(client, 3'000);
  }
  gateway_.pass(200);
  const std::size_t each = pool_bytes(*clients.front().connection);
  ASSERT_GT(each, waiting_bytes(*clients.front().connection) * 11 / 10);
  gateway_.context.options.max_memory_bytes = kBudget;
  gateway_.pass(500);
  EXPECT_LE(used(), kBudget / 5 * 4);
  EXPECT_GT(used() + 2 * each, kBudget / 5 * 4) << count() << " have gone";
}

TEST_F(MemoryBudgetPart, ATurnIsNotAskedForWhereNobodyHasEnoughToGo) {
  const TestClient alice = gateway_.channel("alice");
  const Block block = gateway_.it.shard.pool().take(kBudget);  // of nobody who could be closed
  gateway_.settle();                                           // comes to an end
  EXPECT_EQ(count(), 0U);
  EXPECT_FALSE(alice.peer->closed);
  begin_frame(alice, kLongFrame);
  gateway_.pass(200);  // a tick looks again
  EXPECT_EQ(count(), 1U);
  gateway_.it.shard.pool().give(block);
}

TEST_F(MemoryBudgetPart, AboveItNobodyIsLetInUntilItIsBack) {
  const TestClient alice = gateway_.channel("alice");
  const Block block = gateway_.it.shard.pool().take(kBudget);  // of nobody who could be closed
  const TestClient late = gateway_.connect();
  gateway_.settle();
  EXPECT_TRUE(late.peer->closed);
  EXPECT_FALSE(alice.peer->closed);
  EXPECT_EQ(gateway_.it.handler.reasons, std::vector<CloseReason>{GatewayClose::kMemoryFull});
  gateway_.it.shard.pool().give(block);
  EXPECT_FALSE(gateway_.connect().peer->closed);
  EXPECT_EQ(count(), 1U);
}

TEST_F(MemoryBudgetPart, EachShardHasItsPart) {
  test::GatewayShard two(test::gateway_options(), test::gateway_shard(2));
  two.context.options.max_memory_bytes = kBudget;
  Admission admission(two.context);
  MemoryBudget budget(two.context, admission);
  const TestClient alice = two.channel("alice");
  const Block block = two.it.shard.pool().take(kBudget / 2);
  EXPECT_FALSE(budget.accepted(*alice.connection));
  two.it.shard.pool().give(block);
}

TEST_F(MemoryBudgetPart, ADryRunOnlyCounts) {
  test::GatewayShard dry(test::gateway_options(), [] {
    ShardOptions options = test::gateway_shard();
    options.limits_dry_run = true;
    return options;
  }());
  dry.context.options.max_memory_bytes = 1;
  Admission admission(dry.context);
  MemoryBudget budget(dry.context, admission);
  const TestClient alice = dry.channel("alice");
  EXPECT_TRUE(budget.accepted(*alice.connection));
  EXPECT_EQ(dry.count(GatewayCounter::kMemoryFull), 1U);
  EXPECT_TRUE(dry.it.handler.reasons.empty());
}

TEST_F(MemoryBudgetPart, ADryRunCountsEachOnceWhileWhatItTakesIsThere) {
  dry_run(true);
  const std::vector<TestClient> clients = twenty_clients();
  for (const TestClient& client : clients) begin_frame(client, kLongFrame);
  gateway_.pass(200);
  const std::uint64_t first = count();
  ASSERT_GT(first, 0U);
  ASSERT_LT(first, clients.size());
  for (int i = 0; i < 5; ++i) gateway_.pass(200);
  EXPECT_EQ(count(), first);
  EXPECT_TRUE(budget_.accepted(*clients.front().connection)) << "he would have been let in";
  EXPECT_EQ(count(), first);
  for (const TestClient& client : clients) client.peer->send(std::vector<std::uint8_t>{'f'});
  gateway_.pass(200);  // none waits any more
  for (const TestClient& client : clients) begin_frame(client, kLongFrame);
  gateway_.pass(200);
  EXPECT_GT(count(), first) << "who would have come again, too";
  EXPECT_TRUE(gateway_.it.handler.reasons.empty());
}

TEST_F(MemoryBudgetPart, WhoWasOnlyCountedGoesWhenTheDryRunEnds) {
  dry_run(true);
  const std::vector<TestClient> clients = twenty_clients();
  for (const TestClient& client : clients) begin_frame(client, kLongFrame);
  gateway_.pass(200);
  ASSERT_GT(count(), 0U);
  ASSERT_GT(used(), kBudget);
  dry_run(false);
  gateway_.pass(200);
  EXPECT_LE(used(), kBudget / 5 * 4);
}

TEST_F(MemoryBudgetPart, WithoutABudgetAllIsAsItWas) {
  gateway_.context.options.max_memory_bytes = 0;
  const TestClient stranger = gateway_.connect();
  begin_frame(stranger, kLongFrame);
  const Block block = gateway_.it.shard.pool().take(2 * kBudget);
  gateway_.pass(2);
  EXPECT_FALSE(gateway_.connect().peer->closed);
  EXPECT_FALSE(stranger.peer->closed);
  EXPECT_EQ(count(), 0U);
  gateway_.it.shard.pool().give(block);
}

}  // namespace
}  // namespace ringgate
