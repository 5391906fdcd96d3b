// Pushes to many channels: in slices, each channel once and in order, and nobody else waits.
#include <algorithm>
#include <string>
#include <vector>

#include "services/gateway/parts/pushes/push_pace.h"
#include "tests/services/gateway/parts/pushes/deliveries_fixture.h"

namespace ringgate {
namespace {

using test::Bodies;
using test::DeliveriesPart;
using test::PacketBytes;
using test::TestClient;

constexpr std::size_t kMembers = 300;

ShardOptions large_shard() {
  ShardOptions options = test::gateway_shard();
  options.max_clients = kMembers + 20;
  options.ring.link_buffer_bytes = 64 * 1024;
  return options;
}

class PushesToMany : public DeliveriesPart {
 protected:
  PushesToMany() : DeliveriesPart(large_shard()) {
    for (std::size_t i = 0; i < kMembers; ++i) {
      members_.push_back(gateway_.channel("member" + std::to_string(i)));
    }
    other_ = gateway_.channel("other");
  }
  static std::string ids(const std::vector<TestClient>& clients) {
    std::string all;
    for (const TestClient& client : clients) all += (all.empty() ? "" : ",") + id(client);
    return all;
  }
  // Put on the link, and not waited for.
  void begin_push(const std::string& channels, std::string_view body) {
    echo_->send(PacketBytes({.command = "echo.push",
                             .flag = Flag::kPush,
                             .dest_server = "g1",
                             .dest_channels = channels},
                            body)
                    .framed());
  }
  [[nodiscard]] std::size_t served() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        members_, [](const TestClient& one) { return !one.peer->received.empty(); }));
  }
  void turn() { gateway_.it.turn(0); }

  std::vector<TestClient> members_;
  TestClient other_{};
};

TEST_F(PushesToMany, GetItInSlicesAndEachOnce) {
  gateway_.it.kernel.receive_whole();
  begin_push(ids(members_), "to all");
  EXPECT_TRUE(gateway_.it.turn_until([&] { return served() > 0; }, 0));
  EXPECT_LE(served(), 64U) << "up to 20 us of sending each, and the others wait for so long";
  EXPECT_GT(gateway_.gauge(GatewayGauge::kFanOutBytes), 0U);
  for (const TestClient& member : members_) EXPECT_EQ(bodies(member), Bodies{"to all"});
  EXPECT_EQ(count(GatewayCounter::kPushesSliced), 1U);
  EXPECT_EQ(count(GatewayCounter::kDelivered), kMembers);
  EXPECT_EQ(gateway_.gauge(GatewayGauge::kFanOutBytes), 0U);
}

TEST_F(PushesToMany, GetWhatComesLaterLater) {
  begin_push(ids(members_), "one");
  begin_push(id(members_.back()), "two");
  begin_push(id(members_.front()) + "," + id(other_), "three");
  begin_push(ids(members_), "four");
  EXPECT_EQ(bodies(members_.back()), (Bodies{"one", "two", "four"}));
  EXPECT_EQ(bodies(members_.front()), (Bodies{"one", "three", "four"}));
  EXPECT_EQ(bodies(members_[7]), (Bodies{"one", "four"}));
  EXPECT_EQ(bodies(other_), Bodies{"three"});
  EXPECT_EQ(count(GatewayCounter::kPushesSliced), 4U);
}

TEST_F(PushesToMany, KeepNobodyElseWaiting) {
  gateway_.it.kernel.receive_whole();
  outstanding(members_.back(), 7);
  begin_push(ids(members_), "to all");
  begin_push(id(other_), "to one");
  echo_->send(PacketBytes({.command = "echo.test",
                           .sequence = 7,
                           .flag = Flag::kResponse,
                           .dest_server = "g1",
                           .dest_channels = id(members_.back())},
                          "an answer")
                  .framed());
  EXPECT_TRUE(gateway_.it.turn_until([&] { return !other_.peer->received.empty(); }, 0));
  EXPECT_LT(served(), kMembers);
  EXPECT_EQ(bodies(members_.back()), (Bodies{"an answer", "to all"}));
  EXPECT_EQ(bodies(other_), Bodies{"to one"});
  EXPECT_EQ(count(GatewayCounter::kPushesSliced), 1U);
}

TEST_F(PushesToMany, AreFewWhereThePacketIsLong) {
  gateway_.it.kernel.receive_whole();
  const std::vector<TestClient> some(members_.begin(), members_.begin() + 12);
  const std::string body(100'000, 'x');
  begin_push(ids(some), body);
  EXPECT_TRUE(gateway_.it.turn_until([&] { return served() > 0; }, 0));
  EXPECT_LE(served(), 6U);
  for (const TestClient& member : some) EXPECT_EQ(bodies(member), Bodies{body});
  EXPECT_EQ(count(GatewayCounter::kPushesSliced), 1U);
}

TEST_F(PushesToMany, AreManyToAFewEachAsWell) {
  gateway_.it.kernel.receive_whole();
  constexpr std::size_t kEach = 10;
  for (std::size_t i = 0; i < kMembers; i += kEach) {
    const auto first = members_.begin() + static_cast<std::ptrdiff_t>(i);
    begin_push(ids({first, first + kEach}), "to some");
  }
  EXPECT_TRUE(gateway_.it.turn_until([&] { return served() > 0; }, 0));
  EXPECT_LE(served(), PushPace::kMostSends + kEach + Slice::kSends);
  for (const TestClient& member : members_) EXPECT_EQ(bodies(member), Bodies{"to some"});
  EXPECT_GT(count(GatewayCounter::kPushesSliced), 0U);
  EXPECT_LT(count(GatewayCounter::kPushesSliced), kMembers / kEach);
  EXPECT_EQ(gateway_.gauge(GatewayGauge::kFanOutBytes), 0U);
}

TEST_F(PushesToMany, AreManyToTheSameFewAsWell) {
  gateway_.it.kernel.receive_whole();
  const std::vector<TestClient> some(members_.begin(), members_.begin() + 20);
  Bodies sent;
  for (int i = 0; i < 300; ++i) {
    sent.push_back(std::to_string(i));
    begin_push(ids(some), sent.back());
  }
  const auto delivered = [&] { return count(GatewayCounter::kDelivered); };
  EXPECT_TRUE(gateway_.it.turn_until([&] { return delivered() > 0; }, 0));
  EXPECT_LE(delivered(), PushPace::kMostReceivers + some.size() + Slice::kReceivers);
  for (const TestClient& member : some) EXPECT_EQ(bodies(member), sent);
}

TEST_F(PushesToMany, WaitWhileSendsOfThemAreUnderWay) {
  gateway_.it.kernel.receive_whole();
  for (const TestClient& member : members_) member.peer->window = 0;
  begin_push(ids(members_), "to all");
  const auto delivered = [&] { return count(GatewayCounter::kDelivered); };
  EXPECT_TRUE(gateway_.it.turn_until([&] { return count(GatewayCounter::kSlicesPaused) > 0; }, 0));
  EXPECT_EQ(delivered(), PushPace::kMostSendsUnderWay);
  for (int i = 0; i < 50; ++i) turn();
  EXPECT_EQ(delivered(), PushPace::kMostSendsUnderWay);
  gateway_.pass(PushPace::kPatienceMs);
  EXPECT_TRUE(
      gateway_.it.turn_until([&] { return delivered() > PushPace::kMostSendsUnderWay; }, 0));
  for (int i = 0; i < 50; ++i) turn();
  EXPECT_EQ(delivered(), PushPace::kMostSendsUnderWay + Slice::kSends) << "nobody takes anything";
  EXPECT_EQ(count(GatewayCounter::kSlicesPaused), 2U);
  for (const TestClient& member : members_) member.peer->window = SIZE_MAX;
  EXPECT_TRUE(gateway_.it.turn_until([&] { return delivered() == kMembers; }, 0))
      << "whose turn it is does not depend on the time any more";
  for (const TestClient& member : members_) EXPECT_EQ(bodies(member), Bodies{"to all"});
}

TEST_F(PushesToMany, APlaceThatIsNoneIsLeftOut) {
  std::string nowhere = id(members_.front());
  constexpr std::size_t kSlotAt = 4 + 9;  // from the end: the slot, and the login
  nowhere.replace(nowhere.size() - kSlotAt, 4, "vvvv");
  begin_push(nowhere + "," + ids(members_), "to all");
  begin_push(nowhere, "to one");
  for (const TestClient& member : members_) EXPECT_EQ(bodies(member), Bodies{"to all"});
  EXPECT_EQ(count(GatewayCounter::kPushToGoneChannel), 2U);
  EXPECT_EQ(count(GatewayCounter::kPushesSliced), 1U) << "it waits for nothing";
}

TEST_F(PushesToMany, AKickOutDoesNotWaitBehindThem) {
  const TestClient last = members_.back();
  begin_push(ids(members_), "to all");
  turn();
  kick_out(id(last));
  const std::vector<test::Got> got = gateway_.got(*last.peer);
  ASSERT_FALSE(got.empty());
  EXPECT_EQ(got.back().closed, "kicked_out");
  for (std::size_t i = 0; i + 1 < kMembers; ++i) EXPECT_EQ(bodies(members_[i]), Bodies{"to all"});
}

TEST_F(PushesToMany, AreLeftOutOnceTheyAreGone) {
  begin_push(ids(members_), "to all");
  EXPECT_TRUE(gateway_.it.turn_until([&] { return served() > 0; }, 0));
  for (const TestClient& member : members_) {
    if (member.peer->received.empty()) {
      gateway_.it.shard.finish(*member.connection, CloseReason::kDraining);
    }
  }
  gateway_.settle();
  EXPECT_EQ(count(GatewayCounter::kDelivered) + count(GatewayCounter::kPushToGoneChannel),
            kMembers);
  EXPECT_EQ(gateway_.gauge(GatewayGauge::kFanOutBytes), 0U);
}

TEST_F(PushesToMany, ALinkThatPushesFasterThanCanBeSentIsNotRead) {
  const std::vector<TestClient> some(members_.begin(), members_.begin() + 60);
  Bodies sent;
  for (int i = 0; i < 80; ++i) {
    sent.push_back(std::to_string(i) + std::string(100'000, 'x'));
    begin_push(ids(some), sent.back());
  }
  EXPECT_TRUE(gateway_.it.turn_until([&] { return count(GatewayCounter::kLinksHeld) > 0; }, 0));
  // One more packet than the bound, in its block.
  EXPECT_LE(gateway_.gauge(GatewayGauge::kFanOutBytes), (4U << 20U) + 200'000U);
  EXPECT_TRUE(gateway_.it.turn_until(
      [&] { return count(GatewayCounter::kDelivered) == some.size() * sent.size(); }, 0, 50'000))
      << gateway_.it.handler.reasons.size() << " " << count(GatewayCounter::kDelivered);
  for (const TestClient& member : some) EXPECT_EQ(bodies(member), sent);
}

TEST_F(PushesToMany, AMarkOfEarlierPushesEndsWithThem) {
  for (int i = 0; i < 200; ++i) push(ids(members_), "to all");
  const std::uint64_t sliced = count(GatewayCounter::kPushesSliced);
  push(id(members_.front()), "to one");
  EXPECT_EQ(count(GatewayCounter::kPushesSliced), sliced);
}

}  // namespace
}  // namespace ringgate
