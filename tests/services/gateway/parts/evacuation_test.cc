#include "services/gateway/parts/evacuation.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/services/gateway/parts/gateway_shard.h"

namespace ringgate {
namespace {

using test::GatewayShard;
using test::TestClient;

class EvacuationPart : public testing::Test {
 protected:
  EvacuationPart() {
    gateway_.channel_ended = [this](Connection& connection, Channel& channel) {
      closed_.insert(connection.slot);
      Channel::destroy(gateway_.it.shard.pool(), &channel);
    };
  }
  // So many at each look.
  static EvacuateMail order(std::uint32_t clients, std::uint64_t at_a_look,
                            EvacuateFirst first = EvacuateFirst::kNewest) {
    return {7, clients, at_a_look * 1'000'000, first, {}};
  }
  std::vector<TestClient> clients(std::size_t count) {
    std::vector<TestClient> all;
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(gateway_.channel("client" + std::to_string(i)));
    }
    return all;
  }
  [[nodiscard]] bool is_closed(const TestClient& client) const {
    return !client.connection->open();
  }
  // What control has been told since the last call: how many were told to go, at the end.
  std::vector<std::uint32_t> told() {
    std::vector<std::uint32_t> counts;
    for (const test::Mail& mail : gateway_.told(kMailEvacuated)) {
      ByteView message = mail.message;
      const EvacuatedMail evacuated = kMailEvacuated.read(message);
      EXPECT_EQ(evacuated.number, 7u);
      if (evacuated.has_ended != 0) counts.push_back(evacuated.told);
    }
    return counts;
  }

  GatewayShard gateway_;
  Evacuation evacuation_{gateway_.context};
  std::set<std::uint32_t> closed_;
};

using Counts = std::vector<std::uint32_t>;

TEST_F(EvacuationPart, TheNewestGoAtThePaceAndTheOthersStay) {
  const std::vector<TestClient> all = clients(5);
  evacuation_.begin(order(3, 1));
  EXPECT_EQ(closed_.size(), 0u);
  for (const std::size_t gone : {1u, 2u}) {
    evacuation_.on_tick();
    EXPECT_EQ(closed_.size(), gone);
    EXPECT_EQ(told(), Counts());
  }
  evacuation_.on_tick();
  EXPECT_EQ(told(), Counts{3});
  for (int i = 0; i < 5; ++i) evacuation_.on_tick();
  EXPECT_EQ(closed_.size(), 3u);
  EXPECT_EQ(told(), Counts());
  for (const std::size_t stays : {0u, 1u}) EXPECT_FALSE(is_closed(all[stays]));
  EXPECT_EQ(gateway_.it.handler.reasons,
            (std::vector<CloseReason>(3, CloseReason(GatewayClose::kEvacuated))));
}

TEST_F(EvacuationPart, OrThoseThatHaveBeenSilentForLongest) {
  const std::vector<TestClient> all = clients(3);
  for (const std::size_t i : {1u, 0u, 2u}) {
    gateway_.pass(50);
    all[i].connection->last_read_ms = gateway_.it.shard.now_ms();
  }
  gateway_.pass(50);
  evacuation_.begin(order(2, 1, EvacuateFirst::kIdlest));
  evacuation_.on_tick();
  EXPECT_TRUE(is_closed(all[1]));
  EXPECT_FALSE(is_closed(all[0]));
  evacuation_.on_tick();
  EXPECT_TRUE(is_closed(all[0]));
  EXPECT_FALSE(is_closed(all[2]));
}

TEST_F(EvacuationPart, WhoWaitsForAnAnswerGoesWithItAndCounts) {
  const std::vector<TestClient> all = clients(2);
  channel_of(*all[1].connection)->outstanding = 1;
  evacuation_.begin(order(1, 1));
  evacuation_.on_tick();
  EXPECT_EQ(told(), Counts{1});
  EXPECT_EQ(closed_.size(), 0u);
  channel_of(*all[1].connection)->outstanding = 0;
  gateway_.context.farewells.answered(*all[1].connection);
  EXPECT_TRUE(is_closed(all[1]));
}

TEST_F(EvacuationPart, WhoHasNotLoggedInStays) {
  gateway_.connect();
  gateway_.channel("alice", ChannelState::kLoggingIn);
  evacuation_.begin(order(2, 2));
  evacuation_.on_tick();
  EXPECT_EQ(told(), Counts{0}) << "nobody else is there";
  EXPECT_EQ(gateway_.it.handler.reasons.size(), 0u);
}

TEST_F(EvacuationPart, OneOfNobodyEndsAnother) {
  const std::vector<TestClient> all = clients(4);
  evacuation_.begin(order(4, 1));
  evacuation_.on_tick();
  evacuation_.begin(order(0, 0));
  EXPECT_EQ(told(), Counts{1});
  for (int i = 0; i < 5; ++i) evacuation_.on_tick();
  EXPECT_EQ(closed_.size(), 1u);
}

TEST_F(EvacuationPart, TheNewerOneWhoIsAskedTwiceIsClosedOnce) {
  const std::vector<TestClient> all = clients(2);
  channel_of(*all[1].connection)->outstanding = 1;
  evacuation_.begin(order(1, 1));
  evacuation_.on_tick();
  evacuation_.begin(order(1, 1));
  evacuation_.on_tick();
  EXPECT_TRUE(is_closed(all[0])) << "the other one is going already";
}

TEST_F(EvacuationPart, ADrainTakesItsPlace) {
  clients(2);
  evacuation_.begin(order(2, 1));
  gateway_.context.draining = true;
  evacuation_.on_tick();
  evacuation_.begin(order(2, 1));
  evacuation_.on_tick();
  EXPECT_EQ(closed_.size(), 0u);
}

}  // namespace
}  // namespace ringgate
