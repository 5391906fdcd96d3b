#include "services/gateway/recorder/recorder.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/services/gateway/parts/gateway_shard.h"

namespace ringgate {
namespace {

using test::GatewayShard;
using test::TestClient;

class RecorderPart : public testing::Test {
 protected:
  explicit RecorderPart(const GatewayOptions& options = test::gateway_options())
      : gateway_(options) {
    gateway_.channel_ended = [this](Connection& connection, Channel& channel) {
      recorder().ended(connection, &channel, connection.reason);
      Channel::destroy(gateway_.it.shard.pool(), &channel);
    };
  }
  static GatewayOptions options(std::uint32_t channels, std::uint32_t closes = 100) {
    GatewayOptions options = test::gateway_options();
    options.recorded_channels = channels;
    options.recorded_closes = closes;
    return options;
  }
  Recorder& recorder() { return gateway_.context.recorder; }
  void add(const TestClient& client, std::uint32_t value) {
    recorder().add(*channel_of(*client.connection), {EventKind::kAnswered, EventWhy::kNone, value});
  }
  void close(const TestClient& client) {
    gateway_.it.shard.abort(*client.connection, CloseReason::kIdleTimeout);
    gateway_.settle();
  }
  std::vector<Event> events(const TestClient& client) {
    return events_of(*channel_of(*client.connection), recorder().now_us());
  }
  // The newest first.
  std::vector<ReadRow> closes() {
    std::vector<ReadRow> all;
    recorder().closes().for_each([&](const Closes::Close& close) {
      std::vector<std::uint8_t> row;
      Recorder::append_close(row, close, true);
      ByteView rest = row;
      all.push_back(read_row(rest));
      return true;
    });
    return all;
  }
  [[nodiscard]] std::uint64_t recorded() const {
    return gateway_.gauge(GatewayGauge::kRecordedChannels);
  }

  GatewayShard gateway_;
};

TEST_F(RecorderPart, AChannelThatHasOnlyLoggedInHoldsNoRecord) {
  const TestClient alice = gateway_.channel("alice");
  Channel& channel = *channel_of(*alice.connection);
  const std::size_t before = gateway_.it.shard.pool().used_bytes();
  recorder().login_asked(channel, alice.connection->slot, test::kLogin);
  recorder().logged_in(channel, 5'000, test::kLogin);
  EXPECT_EQ(gateway_.it.shard.pool().used_bytes(), before);
  EXPECT_EQ(recorded(), 0u);
  const std::vector<Event> known = events(alice);
  ASSERT_EQ(known.size(), 2u);
  EXPECT_EQ(known[0].kind(), EventKind::kLoginAsked);
  EXPECT_EQ(known[1].kind(), EventKind::kLoggedIn);
  EXPECT_NEAR(known[1].value, 5'000, 16);
  EXPECT_EQ(known[1].at_us() - known[0].at_us(), known[1].value);
}

TEST_F(RecorderPart, TheLast32EventsAreKeptInAsMuchAsIsPromised) {
  const TestClient alice = gateway_.channel("alice");
  const std::size_t before = gateway_.it.shard.pool().used_bytes();
  recorder().logged_in(*channel_of(*alice.connection), 5'000, test::kLogin);
  add(alice, 0);
  EXPECT_EQ(events(alice).size(), 3u) << "its login is among them";
  for (std::uint32_t i = 1; i < 100; ++i) add(alice, i);
  EXPECT_LE(gateway_.it.shard.pool().used_bytes() - before, 640u);
  const std::vector<Event> kept = events(alice);
  ASSERT_EQ(kept.size(), 32u);
  for (std::uint32_t i = 0; i < 32; ++i) EXPECT_EQ(kept[i].value, 68 + i);
  EXPECT_GT(kept[0].at_us(), 0u);
}

// One time for what has been pushed until all of it was written, and none for what nobody waits
// for.
TEST_F(RecorderPart, WhatWaitsInAQueueIsTimedOnce) {
  const TestClient alice = gateway_.channel("alice");
  Channel& channel = *channel_of(*alice.connection);
  for (int i = 0; i < 3; ++i) {
    recorder().will_push({EventKind::kPushed, EventWhy::kNone, 100});
    recorder().pushed(*alice.connection, channel);
  }
  const Histogram& waited = gateway_.it.shard.counters().get(GatewayDistribution::kPushWritten);
  const auto count = [&] {
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < Histogram::kBuckets; ++i) all += waited.count(i);
    return all;
  };
  EXPECT_EQ(count(), 0u);
  recorder().sent(channel);
  EXPECT_EQ(count(), 1u);
  EXPECT_EQ(events(alice).back().kind(), EventKind::kWritten);
  EXPECT_EQ(waited.sum(), events(alice).back().value);
  recorder().sent(channel);
  EXPECT_EQ(count(), 1u);
}

TEST_F(RecorderPart, TimesOfALoginFitTheirEightBytes) {
  const std::uint64_t now = 90'000'000'000'000;  // three years
  for (const std::uint64_t ago :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{86'400'000'000}}) {
    for (const std::uint32_t took : {0u, 1u, 16u, 5'000u, 9'000'000u}) {
      const LoginTimes times = unpack_login(pack_login(now - ago, took), now);
      EXPECT_EQ(times.asked_us, now - ago);
      EXPECT_NEAR(times.took_us, took, 16);
      EXPECT_EQ(times.took_us == 0, took == 0);
    }
  }
  EXPECT_EQ(unpack_login(0, now).asked_us, 0u);
  EXPECT_NEAR(unpack_login(pack_login(now, 60'000'000), now).took_us, 16'777'000, 1'000);
}

TEST_F(RecorderPart, EventsOutliveTheirChannelForAMinute) {
  const TestClient alice = gateway_.channel("alice");
  const std::string id(channel_of(*alice.connection)->id());
  add(alice, 7);
  close(alice);
  ASSERT_EQ(closes().size(), 1u);
  EXPECT_EQ(closes()[0].id, id);
  EXPECT_EQ(closes()[0].app, "kim");
  EXPECT_EQ(closes()[0].row.reason, CloseReason(CloseReason::kIdleTimeout));
  ASSERT_EQ(closes()[0].events.size(), 2u);
  EXPECT_EQ(closes()[0].events[1].kind(), EventKind::kClosed);
  gateway_.pass(59'000);
  recorder().on_tick();
  EXPECT_EQ(recorded(), 1u);
  gateway_.pass(2'000);
  recorder().on_tick();
  EXPECT_EQ(recorded(), 0u);
  ASSERT_EQ(closes().size(), 1u) << "that it was, and why it ended, is known";
  EXPECT_TRUE(closes()[0].events.empty());
}

TEST_F(RecorderPart, WhoComesAndGoesWithoutAWordIsNoClose) {
  const TestClient probe = gateway_.connect();
  recorder().ended(*probe.connection, nullptr, CloseReason::kPeerClosed);
  EXPECT_TRUE(closes().empty());
  recorder().will_close_for("the token has expired");
  recorder().ended(*probe.connection, nullptr, GatewayClose::kLoginRefused);
  recorder().ended(*probe.connection, nullptr, GatewayClose::kLoginTimeout);
  ASSERT_EQ(closes().size(), 2u);
  EXPECT_EQ(closes()[1].why, "the token has expired");
  EXPECT_EQ(closes()[0].why, "") << "that was the other's";
}

struct FewRecords : RecorderPart {
  FewRecords() : RecorderPart(options(2)) {}
};

TEST_F(FewRecords, BeyondTheBoundEventsAreCountedAndThoseWhoHaveGoneMakeRoom) {
  const TestClient alice = gateway_.channel("alice");
  const TestClient bob = gateway_.channel("bob");
  const TestClient carol = gateway_.channel("carol");
  add(alice, 1);
  add(bob, 1);
  add(carol, 1);
  EXPECT_EQ(recorded(), 2u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kEventsNotRecorded), 1u);
  EXPECT_TRUE(events(carol).empty());
  close(alice);
  EXPECT_EQ(recorded(), 2u);
  add(carol, 2);
  EXPECT_EQ(recorded(), 2u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kEventsNotRecorded), 1u);
  EXPECT_EQ(events(carol).size(), 1u);
  EXPECT_TRUE(closes()[0].events.empty());
}

struct FewCloses : RecorderPart {
  FewCloses() : RecorderPart(options(100, 3)) {}
};

TEST_F(FewCloses, TheLastOnesAreKeptAndTheirMemoryIsUsedAgain) {
  std::size_t used = 0;
  for (int i = 0; i < 50; ++i) {
    const TestClient one = gateway_.channel("account" + std::to_string(10 + i));
    add(one, 1);
    close(one);
    if (i == 10) used = gateway_.it.shard.pool().used_bytes();
  }
  EXPECT_EQ(gateway_.it.shard.pool().used_bytes(), used);
  EXPECT_EQ(recorded(), 3u);
  ASSERT_EQ(closes().size(), 3u);
  EXPECT_EQ(closes()[0].account("g1"), "account59");
  EXPECT_EQ(closes()[2].account("g1"), "account57");
}

struct RecorderOff : RecorderPart {
  static GatewayOptions off() {
    GatewayOptions options = test::gateway_options();
    options.flight_recorder = false;
    return options;
  }
  RecorderOff() : RecorderPart(off()) {}
};

TEST_F(RecorderOff, NothingIsKept) {
  const TestClient alice = gateway_.channel("alice");
  add(alice, 1);
  close(alice);
  EXPECT_EQ(recorded(), 0u);
  EXPECT_TRUE(closes().empty());
  EXPECT_EQ(gateway_.count(GatewayCounter::kEventsNotRecorded), 0u);
}

// --- Traces --------------------------------------------------------------------------------------

TEST_F(RecorderPart, ATraceBeginsWithWhatIsRecordedAndGoesOn) {
  const TestClient before = gateway_.channel("alice");
  add(before, 1);
  close(before);
  const TestClient alice = gateway_.channel("alice");
  add(alice, 2);
  const TestClient bob = gateway_.channel("bob");
  Traces::Trace* const trace = recorder().follow("alice");
  ASSERT_NE(trace, nullptr);
  EXPECT_EQ(trace->next, 3u);  // and that the first was closed
  EXPECT_EQ(trace->channels.size(), 2u);
  add(alice, 3);
  add(bob, 4);
  EXPECT_EQ(trace->next, 4u);
  EXPECT_EQ(trace->at(3).event.value, 3u);
  const TestClient later = gateway_.channel("alice");
  recorder().login_asked(*channel_of(*later.connection), later.connection->slot, test::kLogin);
  EXPECT_EQ(trace->next, 5u) << "also of a login after it began";
  EXPECT_EQ(recorder().follow("alice"), trace);
}

TEST_F(RecorderPart, ATraceEndsWhenNobodyAsksForIt) {
  const TestClient alice = gateway_.channel("alice");
  ASSERT_NE(recorder().follow("alice"), nullptr);
  gateway_.pass(Traces::kLeaseMs - 1'000);
  recorder().on_tick();
  EXPECT_NE(channel_of(*alice.connection)->record->traces, 0);
  ASSERT_NE(recorder().follow("alice"), nullptr);
  gateway_.pass(Traces::kLeaseMs + 1'000);
  recorder().on_tick();
  EXPECT_EQ(channel_of(*alice.connection)->record->traces, 0);
}

TEST_F(RecorderPart, FewAccountsAreTracedAtOnce) {
  for (std::size_t i = 0; i < Traces::kMost; ++i) {
    EXPECT_NE(recorder().follow("account" + std::to_string(i)), nullptr);
  }
  EXPECT_EQ(recorder().follow("one more"), nullptr);
  EXPECT_NE(recorder().follow("account3"), nullptr);
}

TEST_F(RecorderPart, OfChannelsOfATracedAccountFewAreFollowedAndTheirBitsGoWithTheTrace) {
  std::vector<TestClient> clients;
  ASSERT_NE(recorder().follow("alice"), nullptr);
  for (int i = 0; i < 4; ++i) {
    clients.push_back(gateway_.channel("alice"));
    recorder().login_asked(*channel_of(*clients.back().connection), clients.back().connection->slot,
                           test::kLogin);
  }
  gateway_.pass(Traces::kLeaseMs + 1'000);
  recorder().on_tick();
  for (const TestClient& client : clients) {
    EXPECT_EQ(channel_of(*client.connection)->record->traces, 0);
  }
}

}  // namespace
}  // namespace ringgate
