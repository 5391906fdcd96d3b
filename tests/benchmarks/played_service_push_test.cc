// The scenario push through a real gateway: nothing lost, nothing twice, nothing overtaken.
#include <gmock/gmock.h>

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <tuple>

#include "benchmarks/ringbench/push_body.h"
#include "tests/benchmarks/played_service_world.h"

namespace ringgate::test {
namespace {

using bench::kMillisecondNs;
using bench::monotonic_ns;
using bench::Phase;

constexpr std::size_t kLeastClients = 7;
constexpr std::uint64_t kRunNs = 200 * kMillisecondNs;
constexpr double kRate = 2000;

bench::Options pushing(unsigned fanout, bool lanes, bool open_loop) {
  bench::Options options;
  options.scenario = bench::Scenario::kPush;
  options.service.fanout = fanout;
  options.service.lanes = lanes;
  options.body_bytes = 40;
  options.in_flight = 8;
  if (open_loop) options.rate = kRate;
  return options;
}

// A client, and what it has got so far.
struct Receiver {
  Client client;
  std::uint64_t received = 0;
  std::optional<std::uint32_t> last_number = {};

  void take() {
    const Event event = client.next();
    ASSERT_EQ(event.kind, Event::Kind::kLogic) << event;
    EXPECT_EQ(event.header.flag(), pkt::Push);
    EXPECT_EQ(event.header.command(), "chat.user.talk");
    EXPECT_EQ(event.header.meta_size(), 0) << event;
    const bench::PushStamp stamp = bench::read_push_stamp(as_bytes(event.body)).value();
    EXPECT_EQ(event.body.size(), 40U);
    EXPECT_GE(event.header.sequence(), bench::kFirstPushSequence);
    EXPECT_LE(stamp.sent_ns, monotonic_ns());
    if (last_number) {
      EXPECT_GT(stamp.number, *last_number);
    }
    last_number = stamp.number;
    ++received;
  }
};

std::uint64_t total(const std::vector<Receiver>& receivers) {
  std::uint64_t sum = 0;
  for (const Receiver& receiver : receivers) sum += receiver.received;
  return sum;
}

void run_for(PlayedBench& bench, std::uint64_t time_ns) {
  bench.state.window_begin_ns = 0;
  bench.state.window_end_ns = monotonic_ns() + time_ns;
  bench.state.phase = Phase::kRun;
}

// Until the window has ended and everything that was sent is here.
void receive_all(PlayedBench& bench, std::vector<Receiver>& receivers) {
  const std::uint64_t end_ns = bench.state.window_end_ns;
  wait_until("all pushes", [&] {
    for (Receiver& receiver : receivers) {
      while (receiver.client.frames.has_next()) {
        receiver.take();
        ++bench.state.pushes_received;
      }
    }
    if (monotonic_ns() < end_ns + 20 * kMillisecondNs) return false;
    bench.state.phase = Phase::kDrain;
    return total(receivers) >= bench.service->pushes_sent();
  });
}

// At least `count`, and as many more as it takes until they are on two shards: which one a
// connection gets is the kernel's choice.
std::vector<Receiver> log_in_on_shards(const Server& gateway, std::size_t count) {
  constexpr std::size_t kMostClients = 64;
  std::vector<Receiver> receivers;
  unsigned shards = 0;
  while (receivers.size() < count || std::has_single_bit(shards)) {
    if (receivers.size() == kMostClients) throw std::runtime_error("all clients are on one shard");
    receivers.push_back({log_in(gateway, "account" + std::to_string(receivers.size()))});
    shards |= 1U << receivers.back().client.shard();
  }
  return receivers;
}

class Push : public ::testing::TestWithParam<std::tuple<unsigned, bool, bool>> {};

TEST_P(Push, DeliversExactlyWhatWasSentInOrder) {
  const auto [fanout, lanes, open_loop] = GetParam();
  PlayedBench bench(pushing(fanout, lanes, open_loop), {{"Shards", "2"}}, lanes ? 2 : 1);
  std::vector<Receiver> receivers = log_in_on_shards(bench.gateway, kLeastClients);
  run_for(bench, kRunNs);
  receive_all(bench, receivers);
  bench.service->stop();

  EXPECT_EQ(total(receivers), bench.service->pushes_sent());
  EXPECT_GT(total(receivers), receivers.size());
  for (Receiver& receiver : receivers) EXPECT_FALSE(receiver.client.frames.has_next());
  const auto [least, most] = std::ranges::minmax_element(receivers, {}, &Receiver::received);
  EXPECT_LE(most->received - least->received, 1U) << "round robin";
  const bench::Tally& tally = bench.service->tally();
  // What a busy machine left no time for is told as not sent.
  const bench::ActionTally& pushed = tally.of(bench::Action::kDelivery);
  EXPECT_EQ(pushed.sent(), bench.service->pushes_sent());
  for (std::size_t kind = 0; kind < bench::kErrorKinds; ++kind) {
    const bool not_sent = kind == static_cast<std::size_t>(bench::ErrorKind::kNotSent);
    EXPECT_EQ(tally.errors[kind], not_sent ? pushed.unsent : 0U) << kind;
  }
  EXPECT_FALSE(bench.state.failure());
  EXPECT_EQ(bench.gateway.metric("ringgate_pushes_slow_total"), 0);
  if (!open_loop) return;
  // Each packet's lag, and as many packets as the rate asks for.
  const double packets =
      kRate * static_cast<double>(kRunNs) / static_cast<double>(bench::kSecondNs);
  EXPECT_LE(static_cast<double>(tally.lag.count()), packets + 1);
  EXPECT_GT(tally.lag.count(), 0U);
}

INSTANTIATE_TEST_SUITE_P(FanoutLanesLoop, Push,
                         ::testing::Combine(::testing::Values(1U, 3U), ::testing::Bool(),
                                            ::testing::Bool()));

TEST(PushScenario, LeavesOutWhoHasSignedOut) {
  PlayedBench bench(pushing(1, true, true), {{"Routes", "{echo: login}"}});
  Client gone = log_in(bench.gateway, "gone");
  std::vector<Receiver> receivers;
  receivers.push_back({log_in(bench.gateway, "stays")});
  gone.frames.socket().close();
  bench.gateway.wait_metric_is("ringgate_clients", 1);
  // Goes the same way as the sign-out, and after it.
  receivers[0].client.send(packet(header("echo.ping", 2)));
  EXPECT_TRUE(receivers[0].client.next().is_answer(2));
  run_for(bench, kRunNs);
  receive_all(bench, receivers);
  EXPECT_EQ(total(receivers), bench.service->pushes_sent());
  EXPECT_LE(bench.gateway.metric("ringgate_push_to_gone_channel_total"), 1)
      << "the answer to the sign-out";
}

TEST(PushScenario, TakesInWhoLogsInMeanwhile) {
  PlayedBench bench(pushing(3, true, false), {{"Shards", "2"}}, 2);
  std::vector<Receiver> receivers = log_in_on_shards(bench.gateway, kLeastClients);
  run_for(bench, kRunNs);
  Receiver late{log_in(bench.gateway, "late")};
  receivers.push_back(std::move(late));
  receive_all(bench, receivers);
  EXPECT_EQ(total(receivers), bench.service->pushes_sent());
  EXPECT_GT(receivers.back().received, 0U);
}

TEST(PushScenario, WithNobodyToPushToIsASentence) {
  PlayedBench bench(pushing(1, true, true), {});
  run_for(bench, kRunNs);
  wait_until("a failure", [&] { return bench.state.failure().has_value(); });
  EXPECT_THAT(bench.state.failure().value_or(bench::RunEnd{}).sentence,
              ::testing::HasSubstr("no client has logged in"));
}

}  // namespace
}  // namespace ringgate::test
