// Clients of a shard over the fake kernel that are polled when they are silent for a while.
#pragma once

#include "tests/dataplane/ws_fixture.h"

namespace ringgate::test {

inline constexpr std::uint32_t kPollAfterMs = 5000;
inline constexpr std::uint32_t kSweepMs = 1000;  // all of the table, see ShardOptions

inline ShardOptions polling() {
  ShardOptions options = small_shard();
  options.poll_after_ms = kPollAfterMs;
  return options;
}

struct Idle : FakeWsShard {
  explicit Idle(std::uint64_t seed = 1, const Faults& faults = {},
                const ShardOptions& options = polling(), Transport transport = Transport::kTcp)
      : FakeWsShard(seed, faults, options, nullptr, {transport}) {
    handler.accepted = [this](Connection& connection) { last = &connection; };
  }
  void pass(std::uint64_t ms) {
    const std::uint64_t end = FakeKernel::now_ms() + ms;
    while (FakeKernel::now_ms() < end) turn(50);
  }
  [[nodiscard]] std::uint64_t polled() const { return shard.counters().get(Gauge::kPolled); }
  // A client that is polled.
  FakePeer& silent() {
    FakePeer& peer = connect();
    EXPECT_TRUE(turn_until([&] { return polled() == 1; }, 50));
    return peer;
  }
  // The number of pongs that have come, once so many have or no more come.
  std::size_t pongs(const FakePeer& peer, std::size_t wanted) {
    turn_until([&] { return peer.received.size() >= wanted * kTcpPong.size(); });
    return peer.received.size() / kTcpPong.size();
  }
  bool gone() {
    return turn_until([&] { return shard.table().clients() == 0; }, 50);
  }
  Connection* last = nullptr;
};

}  // namespace ringgate::test
